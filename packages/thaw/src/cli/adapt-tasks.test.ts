import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Example } from '../data/index.js'
import { inFolder } from '../testing/checkpoints.js'
import { thaw } from '../testing/command.js'
import { toyEncoder, toyQuestions } from '../testing/toy.js'
import { countFromOne, fitToTask, settleTask, type TaskOptions } from './adapt-task.js'

const questions = toyQuestions(108)
const plain = ['--threads', '1', '--batch', '16', '--rate', '0.003']

test('similarity from a file: two towers, correlations, predictions for a pair and for a file, evaluation', () =>
  inFolder(async (cwd) => {
    await toyEncoder(join(cwd, 'lm'))
    const rows = questions.map(({ text, label }, i) => {
      const other = questions[(i * 7 + 3) % questions.length]!
      return `${text}\t${other.text}\t${label === other.label ? 4 : 0.5}`
    })
    await writeFile(join(cwd, 'sts.tsv'), `a\tb\tscore\n${rows.join('\n')}\n`)
    const data = ['--text', 'a', '--pair', 'b', '--label', 'score']
    const adapted = await thaw(
      [
        'adapt',
        'lm',
        '--task',
        'similarity',
        '--form',
        'two-tower',
        '--range',
        '0,5',
        '--train',
        'sts.tsv',
        ...data,
        ...plain,
        '--epochs',
        '10',
        '--out',
        'sts',
      ],
      { cwd },
    )
    assert.equal(adapted.code, 0, adapted.stderr)
    for (const part of [
      'text from a and b',
      'labels from 0.5 to 4, of a range from 0 to 5',
      '  4 to 5 ',
      'epoch  1/10: pearson ',
      'try it      thaw predict sts "',
      'ship it     thaw export sts --to onnx --dtype int8 --out sts-onnx',
      'files       safetensors and tokenizer, and onnx/model.onnx (fp32, ',
    ])
      assert.ok(adapted.stderr.includes(part), `${part}\n${adapted.stderr}`)
    assert.match(adapted.stdout, /^validation +Pearson 0\.\d{3}, Spearman 0\.\d{3}, mean error [\d.]+, 11 examples$/m)
    assert.match(adapted.stdout, /^floor +Pearson -?0\.\d{3}, Spearman .* the cosine of the TF-IDF vectors of both texts$/m)
    const one = await thaw(['predict', 'sts', 'where is the king ?', 'where is the ship ?'], { cwd })
    assert.match(one.stdout, /^-?\d\.\d{4}\n$/)
    const many = await thaw(['predict', 'sts', '--file', 'sts.tsv', '--text', 'a', '--pair', 'b'], { cwd })
    assert.match(many.stdout, /^a\tb\tscore\tpredicted_score\n/)
    // the command that was printed to be copied
    assert.ok(adapted.stderr.includes('thaw predict sts --file new.tsv --text a --pair b --out labelled.tsv\n'), adapted.stderr)
    const missing = /^thaw: sts\.tsv: this model compares two texts; name the columns: --text FIRST --pair SECOND /
    assert.match((await thaw(['predict', 'sts', '--file', 'sts.tsv', '--text', 'a'], { cwd })).stderr, missing)
    assert.match((await thaw(['evaluate', 'sts', '--test', 'sts.tsv', '--text', 'a', '--label', 'score'], { cwd })).stderr, missing)
    assert.match((await thaw(['predict', 'sts', 'alone'], { cwd })).stderr, /this model compares two texts: give two of them; got 1\n$/)
    const evaluated = await thaw(['evaluate', 'sts', '--test', 'sts.tsv', ...data], { cwd })
    assert.match(evaluated.stdout, /^test +Pearson 0\.[5-9]\d*, Spearman .*108 examples\n\nthe worst mistakes\nline +truth +predicted +text\n/)
  }))

test('multiple choice from a file: candidates in columns, answers counted from 1', () =>
  inFolder(async (cwd) => {
    await toyEncoder(join(cwd, 'lm'))
    const of = (label: string) => questions.filter((question) => question.label === label).map(({ text }) => text)
    const [who, where] = [of('HUM'), of('LOC')]
    const rows = Array.from({ length: 80 }, (_, i) => {
      const [right, wrong] = [where[i % where.length]!, who[(i * 5) % who.length]!]
      return `the old town,${i % 2 === 0 ? `${right},${wrong},1` : `${wrong},${right},2`}`
    })
    await writeFile(join(cwd, 'swag.csv'), `context,first,second,answer\n${rows.join('\n')}\n`)
    const data = ['--text', 'context', '--choices', 'first,second', '--label', 'answer']
    const adapted = await thaw(
      ['adapt', 'lm', '--task', 'multiple-choice', '--train', 'swag.csv', ...data, ...plain, '--epochs', '6', '--out', 'swag'],
      { cwd },
    )
    assert.equal(adapted.code, 0, adapted.stderr)
    for (const part of ['candidates from first, second', "2 candidates each; labels are the candidates' places, counted from 1", '  candidate 1 '])
      assert.ok(adapted.stderr.includes(part), `${part}\n${adapted.stderr}`)
    assert.match(adapted.stdout, /^validation +accuracy (100|[89]\d)\.\d %, 8 examples$/m)
    const asked = await thaw(['predict', 'swag', 'the old town', 'who made the ship ?', 'where is the ship ?'], { cwd })
    assert.match(asked.stdout, /^label +score\n.*\nwhere is the ship \? +0\.\d{4}\nwho made the ship \? +0\.\d{4}\n$/)
    assert.ok(adapted.stderr.includes('thaw predict swag --file new.csv --text context --choices first,second --out labelled.csv\n'), adapted.stderr)
    assert.match(
      (await thaw(['predict', 'swag', '--file', 'swag.csv', '--text', 'context'], { cwd })).stderr,
      /^thaw: swag\.csv: this model chooses among 2 candidates; name their columns by --choices a,b,c \(JSONL: a field with a list\)\n$/,
    )
    const evaluated = await thaw(['evaluate', 'swag', '--test', 'swag.csv', ...data], { cwd })
    assert.match(evaluated.stdout, /^test +accuracy (100|[89]\d)\.\d %, 80 examples/)
  }))

test('labels that do not fit a task are named with file and line', () => {
  const options = (more: Partial<TaskOptions>): TaskOptions => ({ task: 'similarity', exactLabels: false, ...more })
  const examples = (...labels: string[]): Example[] => labels.map((label, i) => ({ text: `a ${i}`, pair: `b ${i}`, label, line: i + 2 }))
  const fails = (some: Example[], more: Partial<TaskOptions>, message: string) =>
    assert.throws(() => settleTask('f.csv', some, options(more)), { message })
  fails(examples('1', 'good'), {}, 'f.csv:3: label "good": expected a number from -Infinity to Infinity')
  fails(examples('1', '6'), { range: [0, 5] }, 'f.csv:3: label 6: it lies outside the range from 0 to 5')
  fails(examples('2', '2'), {}, 'f.csv: every example has the label 2; numbers to be learnt must differ')
  fails(
    [{ text: 'a', label: '1', line: 2 }],
    {},
    'f.csv: the task similarity compares two texts; name the columns: --text FIRST --pair SECOND (for a number a text: --task regression)',
  )
  fails(
    examples('1', '2'),
    { task: 'classification', range: [0, 1] },
    '--range: the task classification has no numbers; leave it out, or name --task similarity or regression',
  )
  fails(
    examples('1', '2'),
    { task: 'multiple-choice' },
    'f.csv: multiple choice needs candidates: name their columns with --choices a,b,c (JSONL: a field with a list), at least two',
  )
  const chosen = (label: string, choices: string[], line: number): Example => ({ text: 't', choices, label, line })
  const choice = { task: 'multiple-choice' } as const
  fails([chosen('0', ['x', 'y'], 2), chosen('0', ['x'], 3)], choice, 'f.csv:3: expected 2 candidates as in the first example, found 1')
  fails(
    [chosen('x', ['x', 'y'], 2), chosen('z', ['x', 'y'], 3)],
    choice,
    'f.csv:3: label "z": expected the text of a candidate, or its place from 0 to 1',
  )
  const fromOne = [chosen('1', ['x', 'y'], 2), chosen('2', ['x', 'y'], 3)]
  assert.equal(countFromOne(fromOne), true)
  const { task, examples: settled } = settleTask('f.csv', fromOne, options(choice))
  assert.deepEqual(
    settled.map(({ label }) => label),
    ['0', '1'],
  )
  assert.equal(fitToTask('g.csv', fromOne, task, 'known', true)[1]!.label, '1')
})
