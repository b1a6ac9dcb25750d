import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { inFolder } from '../testing/checkpoints.js'
import { commandError, recordedLosses, recordedSteps, thaw, withoutSignals } from '../testing/command.js'
import { toyBackbone, toyQuestions } from '../testing/toy.js'
import { shellWord } from './screen.js'

const questions = toyQuestions(100)
const csv = (rows: typeof questions) =>
  `id;subject;body;queue\n${rows.map(({ text, label }, i) => `${i};"${text.slice(0, 8)}";${text.slice(8)};${label}`).join('\n')}\n`

/** A folder with a checkpoint and labelled data in several formats. */
const inWorkplace = (use: (cwd: string) => Promise<void>) =>
  inFolder(async (cwd) => {
    await toyBackbone(join(cwd, 'lm'))
    await writeFile(join(cwd, 'train.csv'), csv(questions.slice(0, 80)))
    await writeFile(join(cwd, 'test.csv'), csv(questions.slice(80)))
    await use(cwd)
  })

const columns = ['--text', 'subject,body', '--label', 'queue']
const adaptTo = (out: string, ...more: string[]) => ['adapt', 'lm', '--train', 'train.csv', ...columns, '--threads', '1', '--out', out, ...more]

test('from CSV to a classifier: data shown, recipe shown, report, predictions, evaluation', () =>
  inWorkplace(async (cwd) => {
    const { code, stdout, stderr } = await thaw(adaptTo('out', '--test', 'test.csv', '--epochs', '10', '--rate', '0.003', '--seeds', '2'), { cwd })
    assert.equal(code, 0, stderr)
    for (const part of [
      'train.csv: 80 rows, csv with ;, text from subject + body, label from queue',
      'validation: 10 % of the training examples, by seed 1: labels in proportion, duplicates on one side',
      'cut at 24',
      'duplicates',
      'full: everything: ',
      '90 steps: 10 epochs of 9 batches of 8, from 72 examples',
      'AdamW, rate 0.003 after 5 steps of warm-up, then linear to 0',
      'new: heads.classification.{weight,bias}',
      'unused: none',
      'epoch  1/10: accuracy',
    ])
      assert.ok(stderr.includes(part), `${part}\n${stderr}`)
    for (const part of [
      /^mean ± deviation +[\d.]+ ± [\d.]+/m,
      /^kept +seed [12], epoch \d+ of 10/m,
      /^test +accuracy/m,
      /^floor +accuracy/m,
      /truth \\ predicted/,
    ])
      assert.match(stdout, part)
    assert.ok(!existsSync(join(cwd, 'out/training/seed-1/training.safetensors')))
    assert.ok(existsSync(join(cwd, 'out/onnx/model.onnx')))

    const card = await readFile(join(cwd, 'out/README.md'), 'utf8')
    for (const part of [
      '---\nlibrary_name: thaw\npipeline_tag: "text-classification"\nbase_model: "lm"\n',
      'Classifies texts by 3 labels: HUM, LOC, NUM.',
      '- train.csv: 80 rows, csv with ;, text from subject + body, label from queue\n',
      'Adapted from `lm`.',
      '    full: everything: ',
      '    90 steps: 10 epochs of 9 batches of 8, from 72 examples\n',
      '    thaw adapt lm --train train.csv --text subject,body --label queue --threads 1 --out out --test test.csv --epochs 10 --rate 0.003 --seeds 2\n',
      'lm has no card that names its licence; name one before you share this model.',
    ])
      assert.ok(card.includes(part), `${part}\n${card}`)
    assert.match(card, /\| test\.csv \| test \| accuracy \| [\d.]+ ± [\d.]+ % \| 2 \|\n\| test\.csv \| test \| macro-F1 /)
    assert.match(card, /- type: "f1"\n {6}value: [01][\d.]*\n {6}name: "macro-F1, mean of 2 seeds, deviation 0/)
    assert.doesNotMatch(card, /There is no test result/)
    // it is shown, and goes along when the model is shared
    const shared = await thaw(['hub', 'push', 'out', 'me/queues', '--registry', 'registry'], { cwd })
    assert.deepEqual([shared.code, shared.stdout], [0, `${join('registry', 'me', 'queues')}\n`])
    assert.equal((await thaw(['hub', 'list', '--registry', 'registry', '--cache', 'none'], { cwd })).stdout, 'me/queues\n')
    assert.equal((await thaw(['hub', 'card', 'me/queues', '--registry', 'registry'], { cwd })).stdout, card)
    assert.equal((await thaw(['hub', 'card', 'out'], { cwd })).stdout, card)

    // the commands that are printed to be copied do what they say
    const [byFile, exported] = ['thaw predict out --file .*', 'thaw export out .*'].map((line) =>
      new RegExp(line).exec(stderr)![0].split(' ').slice(1),
    )
    assert.deepEqual(byFile, ['predict', 'out', '--file', 'new.csv', '--text', 'subject,body', '--out', 'labelled.csv'])
    await writeFile(join(cwd, 'new.csv'), csv(questions.slice(80, 82)))
    assert.equal((await thaw(byFile!, { cwd })).code, 0)
    assert.match(await readFile(join(cwd, 'labelled.csv'), 'utf8'), /^id;subject;body;queue;label;score\n0;.*;0\.\d{4}\n1;.*;0\.\d{4}\n$/)
    assert.equal((await thaw(exported!, { cwd })).code, 0)
    assert.ok(existsSync(join(cwd, 'out-onnx/onnx/model_quantized.onnx')))
    const guessed = await thaw(['predict', 'out', '--file', 'new.csv'], { cwd })
    assert.equal(guessed.stderr, 'text from body; columns here: id, subject, body, queue; --text names others\n')

    await writeFile(join(cwd, 'new.csv'), 'n,question\n1,"where is the ""old"", old king ?"\n2,\n3,how old is the ship ?\n')
    const predicted = await thaw(['predict', 'out', '--file', 'new.csv', '--text', 'question'], { cwd })
    assert.match(
      predicted.stdout,
      /^n,question,label,score\n1,"where is the ""old"", old king \?",LOC,0\.\d{4}\n2,,,\n3,how old is the ship \?,NUM,0\.\d{4}\n$/,
    )
    assert.equal(predicted.stderr, '1 row has no text and gets no label\n')
    // one text, several, lines, JSONL that has a label already
    const predict = async (args: string[], input = '') => (await thaw(['predict', 'out', ...args], { cwd, input })).stdout
    assert.match(await predict(['who made the ship ?', '--top', '2']), /^label {3}score\n─{5} {2}─{6}\nHUM {4}0\.\d{4}\n(LOC|NUM) {4}0\.\d{4}\n$/)
    assert.match(
      await predict(['who made the ship ?', 'where is the king ?']),
      /^HUM\t0\.\d{4}\twho made the ship \?\nLOC\t0\.\d{4}\twhere is the king \?\n$/,
    )
    assert.match(
      await predict([], 'who made the ship ?\r\n\nhow old is the king ?'),
      /^HUM\t0\.\d{4}\twho made the ship \?\n\t\t\nNUM\t0\.\d{4}\thow old is the king \?\n$/,
    )
    assert.match(
      await predict(['--format', 'jsonl'], '{"text":"who made the ship ?","label":"?","n":1}\n'),
      /^\{"text":"who made the ship \?","label":"\?","n":1,"predicted_label":"HUM","predicted_score":0\.\d+\}\n$/,
    )
    const evaluated = await thaw(['evaluate', 'out', '--test', 'test.csv', ...columns], { cwd })
    const accuracy = /^test +(accuracy [\d.]+ %, macro-F1 [\d.]+ %)/m
    assert.equal(accuracy.exec(evaluated.stdout)?.[1], accuracy.exec(stdout)?.[1])
  }))

test('a file as people have them: empty rows, two encodings, labels in several spellings, a text of 10,000 words', () =>
  inWorkplace(async (cwd) => {
    const rows = questions.slice(0, 60).map(({ text, label }, i) => `${text},${i % 4 === 0 ? label.toLowerCase() : label}`)
    const long = `${'the river '.repeat(5000)},LOC`
    const lines = ['text,label', 'where is the café ?,LOC', ...rows, long, ',HUM', '"  ",NUM', 'who made the ship ?,rare']
    await writeFile(
      join(cwd, 'messy.csv'),
      Buffer.concat([Buffer.from(`${lines.join('\n')}\n`), Buffer.from('where is the ch\xe2teau ?,LOC\n', 'latin1')]),
    )
    const adapt = ['adapt', 'lm', '--train', 'messy.csv', '--epochs', '1', '--threads', '1', '--out', 'out']
    const refused = await thaw(adapt, { cwd })
    assert.match(refused.stderr, /^thaw: messy\.csv:67: byte 0xE2 .* Read each line by itself with --encoding mixed/)
    const { code, stdout, stderr } = await thaw([...adapt, '--encoding', 'mixed'], { cwd })
    assert.equal(code, 0, stderr)
    for (const part of [
      'messy.csv: 66 rows, 2 without text left out (line 64, 65), csv, utf-8, 1 line windows-1252, text from text, label from label',
      'labels that differ from "HUM" only by case or spaces are read as it: "hum" (',
      'labels with one training example, from which nothing is learnt: rare; add examples, join them with others, or remove them',
      'longest             30,001',
      '1 training text is cut at 24 tokens',
      'time        about ',
    ])
      assert.ok(stderr.includes(part), `${part}\n${stderr}`)
    assert.match(stdout, /^HUM .*\nLOC .*\nNUM .*\nrare /m)
    assert.match(
      await readFile(join(cwd, 'out/README.md'), 'utf8'),
      /## Limits\n\n- There is no test result; the validation examples chose the epoch/,
    )
    assert.match(
      stderr,
      /try it {6}thaw predict out ".*"\n +thaw predict out --file new\.csv --out labelled\.csv\nship it {5}thaw export out --to onnx/,
    )
  }))

test('a run that is killed or stopped goes on to the losses of one that is not', withoutSignals, () =>
  inWorkplace(async (cwd) => {
    const settings = ['--epochs', '12', '--dropout', '0.2', '--no-baseline', '--save-every', '0.03']
    const metrics = (out: string) => join(cwd, out, 'training/seed-1/metrics.jsonl')
    assert.equal((await thaw(adaptTo('whole', ...settings), { cwd })).code, 0)
    const wanted = await recordedLosses(metrics('whole'))
    assert.equal(wanted.length, 12 * 9)
    const reached = (step: number) => async () => (await recordedSteps(metrics('out'))) >= step
    const killed = await thaw(adaptTo('out', ...settings), { cwd, send: { signal: 'SIGKILL', when: reached(4), after: 3 } })
    assert.equal(killed.signal, 'SIGKILL')
    const again = await thaw(adaptTo('out', ...settings), { cwd })
    assert.match(again.stderr, /^thaw: --out out: there is an unfinished run in this folder; go on with it \(thaw adapt --resume --out out\)/)
    const resume = ['adapt', '--resume', '--out', 'out', '--threads', '1', '--no-baseline', '--save-every', '0.03']
    await thaw(resume, { cwd, send: { signal: 'SIGKILL', when: reached(20) } })
    const stopped = await thaw(resume, { cwd, send: { signal: 'SIGINT', when: reached(40) } })
    assert.equal(stopped.code, 130, stopped.stderr)
    assert.match(stopped.stderr, /saved +the best epoch so far \(\d+, validation [\d.]+ %\): out\n/)
    assert.match(stopped.stderr, /stopped; everything is saved\. Go on with\n {2}thaw adapt --resume --out out\n$/)
    const end = await thaw([...adaptTo('out', ...settings), '--resume'], { cwd })
    assert.equal(end.code, 0, end.stderr)
    assert.deepEqual(await recordedLosses(metrics('out')), wanted)
    const model = (out: string) => readFile(join(cwd, out, 'model.safetensors'))
    assert.deepEqual(await model('out'), await model('whole'))
    const finished = await thaw(resume, { cwd })
    assert.match(finished.stderr, /this run is finished; there is nothing to resume\n/)
  }),
)

test('without a checkpoint, and none to be had: the ways out are the command that was given, with a checkpoint in it', () =>
  inWorkplace(async (cwd) => {
    const place = { HF_HUB_CACHE: join(cwd, 'no-cache'), THAW_REGISTRY: '' }
    // no model has so many positions: where the bundled checkpoint is installed and serves, the run ends there
    const given = [...columns, '--max-length', '100000', '--no-baseline', '--out', 'my tickets', '--threads', '1']
    const { stderr } = await thaw(['adapt', '--train', 'train.csv', '--offline', ...given], { cwd, env: place })
    const rest = `--train train.csv ${given.map((word) => shellWord(word)).join(' ')}`
    const taken = `thaw adapt sentence-transformers/all-MiniLM-L6-v2 ${rest}`
    if (stderr.includes('max length 100000')) assert.ok(stderr.includes(`take it with  ${taken} --overwrite\n`), stderr)
    else assert.ok(stderr.includes(`take it:  ${taken}\n`) && stderr.includes(`then thaw adapt wiki-masked ${rest}\n`), stderr)
    const byNpx = await thaw(['adapt', '--train', 'train.csv', '--offline', ...given, '--overwrite'], { cwd, env: { ...place, npm_command: 'exec' } })
    assert.match(byNpx.stderr, /take it( with|:) {2}npx thaw adapt sentence-transformers/)
  }))

test('mistakes are named, with the way out', () =>
  inWorkplace(async (folder) => {
    const at = (name: string) => join(folder, name)
    const error = (...more: string[]) => commandError(['adapt', at('lm'), '--train', at('train.csv'), '--out', at('out'), ...more])
    const there = 'columns here: "id", "subject", "body", "queue"'
    await writeFile(at('typo.csv'), csv([{ ...questions[0]!, label: 'HUMAN' }]))
    await writeFile(at('one.jsonl'), '{"text": "a", "label": "x"}\n{"text": "b", "label": "x"}\n')
    await writeFile(at('plain.csv'), 'text\nwho ?\nwhere ?\n')
    const messages: [string, string][] = [
      [await commandError(['adapt', at('lm'), '--train', at('nope.csv'), '--out', at('out')]), `${at('nope.csv')}: no such file`],
      [
        await commandError(['adapt', at('nope'), '--train', at('train.csv'), '--out', at('out')]),
        `${at('nope')}: there is no such folder; give the folder of a checkpoint, with config.json and model.safetensors`,
      ],
      [
        await commandError(['adapt', at('lm'), '--out', at('out')]),
        `--train is missing: name a file of labelled texts: thaw adapt ${at('lm')} --train FILE --out ${at('out')}`,
      ],
      [
        await error('--text', 'titel'),
        `${at('train.csv')}:1: no column "titel"; ${there}; a file without a header line is read by column numbers, for example --text 2,3 --label 1`,
      ],
      [
        await error('--valid', at('typo.csv'), ...columns),
        `${at('typo.csv')}:2: the label "HUMAN" is not among the labels of ${at('train.csv')}: "HUM", "LOC", "NUM"; correct it or leave such rows out`,
      ],
      [
        await error('--train', at('one.jsonl')),
        `${at('one.jsonl')}: every example has the label "x"; a classifier needs at least two different ones`,
      ],
      [await error('--train', at('plain.csv')), `${at('plain.csv')}: no column with the label was found; name it with --label; columns here: "text"`],
      [await error('--resume'), `${at('out')}: no run was started here, so there is none to resume; start a new one`],
      [await error('--max-length', '99', ...columns), 'max length 99: the model has 24 positions'],
      [
        await commandError(['predict', at('lm'), 'x']),
        `${at('lm')}: this checkpoint is no classifier (its config.json names no labels and pooling); adapt it first: thaw adapt ${at('lm')} --train …`,
      ],
      [await commandError(['predict', at('lm'), 'x', '--file', 'y']), 'a text and --file: give one of them, not both'],
    ]
    for (const [message, expected] of messages) assert.equal(message, expected)
    assert.ok(!existsSync(at('out')))
    assert.match(await error('--scheme', 'half'), /Allowed choices are full, frozen, scratch\./)
    assert.match(await error('--dropout', '1'), /argument '1' is invalid\. Expected a number from 0 up to, not including, 1\./)
    assert.match(await error('--text', 'subject,'), /Expected a name, or several with commas between them\./)
  }))
