// Several labels a text on the command line: from a file to a report, predictions, evaluation and export; and what is refused.

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { inFolder } from '../testing/checkpoints.js'
import { commandError, thaw } from '../testing/command.js'
import { jsonLines, toyBackbone, toyLabelSets, toyQuestions } from '../testing/toy.js'

const sets = toyLabelSets(108)
const plain = ['--threads', '1', '--batch', '16', '--rate', '0.01']
const tsv = (some: typeof sets) => `text\ttags\n${some.map(({ text, labels }) => `${text}\t${labels.join(';') || ';'}`).join('\n')}\n`

test('from a table to a report, predictions, evaluation and export', () =>
  inFolder(async (cwd) => {
    await toyBackbone(join(cwd, 'lm'))
    await writeFile(join(cwd, 'train.tsv'), tsv(sets.slice(0, 88)))
    await writeFile(
      join(cwd, 'test.jsonl'),
      sets
        .slice(88)
        .map(({ text, labels }) => `${JSON.stringify({ text, labels })}\n`)
        .join(''),
    )
    const args = [
      'adapt',
      'lm',
      '--multi-label',
      '--train',
      'train.tsv',
      '--test',
      'test.jsonl',
      ...plain,
      '--epochs',
      '16',
      '--seeds',
      '2',
      '--out',
      'out',
    ]
    const adapted = await thaw([...args, '--class-weights', 'OLD=2'], { cwd })
    assert.equal(adapted.code, 0, adapted.stderr)
    for (const part of [
      'train.tsv: 88 rows, tsv, text from text, labels from tags, separated by ;',
      /3 labels, 0\.\d\d a text in the mean, at most 2; \d+ texts have none/,
      /^ {2}without label +\d+ /m,
      'class weights OLD 2, thresholds chosen on the validation examples',
      /epoch 16\/16: micro-F1 [\d.]+ %, macro-F1 [\d.]+ %, loss 0\.\d{3}/,
      /seed 2 +validation micro-F1 [\d.]+ %, test micro-F1 [\d.]+ %/,
      'thaw export out --to onnx',
    ])
      assert.ok(typeof part === 'string' ? adapted.stderr.includes(part) : part.test(adapted.stderr), `${part}\n${adapted.stderr}`)
    const card = await readFile(join(cwd, 'out/README.md'), 'utf8')
    assert.match(card, /\nGives texts any of 3 labels: /)
    assert.match(card, /- type: "f1"\n {6}value: [\d.]+\n {6}name: "micro-F1, mean of 2 seeds, deviation /)
    const { stdout } = adapted
    assert.match(stdout, /^seed +validation micro-F1 +macro-F1 +test micro-F1 +macro-F1 +epoch +time$/m)
    assert.match(
      stdout,
      /^validation +micro-F1 [\d.]+ %, macro-F1 [\d.]+ %, all labels right [\d.]+ %, \d examples; the thresholds were chosen on them$/m,
    )
    assert.match(stdout, /^test +micro-F1 (9\d|100)\.\d %, macro-F1 [\d.]+ %, all labels right [\d.]+ %, 20 examples$/m)
    assert.match(stdout, /^floor +micro-F1 [\d.]+ %, macro-F1 [\d.]+ % on the test examples: TF-IDF n-grams with a linear classifier a label$/m)
    assert.match(stdout, /^label +precision +recall +F1 +examples +predicted +threshold$/m)
    assert.match(stdout, /^OLD +[\d.]+ +[\d.]+ +[\d.]+ +\d+ +\d+ +0\.\d{3}$/m)

    const one = await thaw(['predict', 'out', 'who saw the old king ?'], { cwd })
    assert.match(one.stdout, /^label +score +threshold\n.*\n(HUM|OLD) +0\.\d{4} +0\.\d{4}\n(HUM|OLD) +0\.\d{4} +0\.\d{4}\n$/)
    const none = await thaw(['predict', 'out', 'what is the price of the king ?', '--top', '2'], { cwd })
    assert.match(
      none.stdout,
      /^no label reaches its threshold; the nearest:\nlabel +score +threshold\n.*\n\w+ +0\.\d{4} +0\.\d{4}\n\w+ +0\.\d{4} +0\.\d{4}\n$/,
    )
    const lines = await thaw(['predict', 'out'], { cwd, input: 'who saw the old king ?\nwhat is the price of the king ?\n' })
    assert.match(lines.stdout, /^(HUM\|OLD|OLD\|HUM)\t0\.\d{4}\|0\.\d{4}\twho saw the old king \?\n\t\twhat is the price of the king \?\n$/)
    const filed = await thaw(['predict', 'out', '--file', 'test.jsonl'], { cwd })
    const records = filed.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    for (const { label, score } of records)
      assert.ok(Array.isArray(label) && score.length === label.length && score.every((x: unknown) => typeof x === 'number'))
    const right = records.filter(({ labels, label }) => JSON.stringify([...label].sort()) === JSON.stringify([...labels].sort())).length

    const evaluated = await thaw(['evaluate', 'out', '--test', 'test.jsonl'], { cwd })
    assert.match(
      evaluated.stdout,
      new RegExp(`^test +micro-F1 [\\d.]+ %, macro-F1 [\\d.]+ %, all labels right ${(5 * right).toFixed(1)} %, 20 examples\n\nlabel `),
    )
    await writeFile(join(cwd, 'other.jsonl'), '{"text": "a", "labels": ["HUM", "NUM"]}\n')
    const unknown = await thaw(['evaluate', 'out', '--test', 'other.jsonl'], { cwd })
    assert.match(
      unknown.stderr,
      /other\.jsonl:1: the label "NUM" is not among the model's labels: "HUM", "LOC", "OLD"; correct it or leave such rows out\n$/,
    )

    const exported = await thaw(['export', 'out', '--to', 'onnx', '--out', 'onnx'], { cwd })
    assert.equal(exported.code, 0, exported.stderr)
    for (const folder of ['out', 'onnx'])
      assert.equal(JSON.parse(await readFile(join(cwd, folder, 'config.json'), 'utf8')).problem_type, 'multi_label_classification')
  }))

test('a file with one label a text is learnt too, and that is said; lists without --multi-label are an error', () =>
  inFolder(async (cwd) => {
    await toyBackbone(join(cwd, 'lm'))
    const write = (name: string, rows: readonly object[]) => writeFile(join(cwd, name), jsonLines(rows))
    await write('one.jsonl', toyQuestions(60))
    await write('sets.jsonl', sets)
    const adapted = await thaw(
      ['adapt', 'lm', '--multi-label', '--train', 'one.jsonl', ...plain, '--epochs', '1', '--no-baseline', '--no-thresholds', '--out', 'out'],
      { cwd },
    )
    assert.equal(adapted.code, 0, adapted.stderr)
    assert.match(
      adapted.stderr,
      /^ +no text has more than one label: each label is learnt by itself all the same \(--multi-label\); without it a text gets exactly one of them$/m,
    )
    assert.doesNotMatch(adapted.stderr, /thresholds chosen/)
    assert.match(adapted.stdout, /^validation +micro-F1 [^;]*examples$/m)
    const error = (...args: string[]) => commandError(['adapt', join(cwd, 'lm'), '--out', join(cwd, 'new'), ...args])
    const train = join(cwd, 'sets.jsonl')
    assert.equal(
      await error('--train', train),
      `${train}:1: field "labels": expected one label, found a list; where texts have several, adapt with --multi-label`,
    )
    assert.equal(
      await error('--train', train, '--multi-label', '--task', 'regression'),
      '--multi-label: the task regression has no labels to choose several of; leave it out, or take the task classification',
    )
    assert.equal(
      await error('--train', train, '--label-separator', ';'),
      '--label-separator: a text has one label here; leave it out, or adapt with --multi-label',
    )
    await write('none.jsonl', [{ text: 'a', labels: [] }])
    const none = join(cwd, 'none.jsonl')
    assert.equal(await error('--train', none, '--multi-label'), `${none}: no text has a label; there is nothing to learn`)
    await write('spelt.jsonl', [...sets, { text: 'who ?', labels: ['hum', 'HUM'] }])
    assert.match(
      (await thaw(['adapt', 'lm', '--multi-label', '--train', 'spelt.jsonl', ...plain, '--epochs', '1', '--no-baseline', '--out', 'spelt'], { cwd }))
        .stderr,
      /labels that differ from "HUM" only by case or spaces are read as it: "hum" \(1\)/,
    )
  }))
