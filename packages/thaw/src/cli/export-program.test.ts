// The programs that `thaw export --to onnx` prints: each runs as it stands, and says what `thaw predict` says.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { adapt } from '../adapt/adapt.js'
import { classification } from '../tasks/classification.js'
import type { TextLike } from '../tasks/form.js'
import { multipleChoice } from '../tasks/multiple-choice.js'
import { regression } from '../tasks/regression.js'
import type { Task } from '../tasks/task.js'
import { inFolder } from '../testing/checkpoints.js'
import { thaw } from '../testing/command.js'
import { runPrinted } from '../testing/printed.js'
import { resultsOf } from '../testing/task-results.js'
import { toyEncoder, toyQuestions } from '../testing/toy.js'

const questions = toyQuestions(24)
const [first] = questions as [(typeof questions)[number]]
const partner = (i: number) => questions[(i * 5 + 1) % 24]!
const pair = { text: first.text, pair: partner(0).text }
const labels = ['HUM', 'LOC', 'NUM']
const numbers: Readonly<Record<string, string>> = { HUM: '1', LOC: '3', NUM: '5' }

const cases: Readonly<Record<string, { task: Task; asked: TextLike; examples: readonly (TextLike & { label: string })[] }>> = {
  'labels for pairs': {
    ...{ task: classification({ labels }), asked: pair },
    examples: questions.map((question, i) => ({ ...question, pair: partner(i).text })),
  },
  'a number for a text': {
    ...{ task: regression({ range: [1, 5] }), asked: { text: first.text } },
    examples: questions.map(({ text, label }) => ({ text, label: numbers[label]! })),
  },
  'a number for a pair': {
    ...{ task: regression({ range: [1, 5] }), asked: pair },
    examples: questions.map(({ text }, i) => ({ text, pair: partner(i).text, label: numbers[partner(i).label]! })),
  },
  'the cosine of two towers': {
    ...{ task: regression({ range: [1, 5], form: 'two-tower' }), asked: pair },
    examples: questions.map(({ text, label }, i) => ({ text, pair: partner(i).text, label: label === partner(i).label ? '5' : '1' })),
  },
  'labels over two towers': {
    ...{ task: classification({ labels, form: 'two-tower' }), asked: pair },
    examples: questions.map((question, i) => ({ ...question, pair: partner(i).text })),
  },
  'multiple choice': {
    ...{ task: multipleChoice({ choices: 2 }), asked: { text: 'a place', choices: [first.text, partner(0).text] } },
    examples: questions.map(({ text, label }, i) => ({ text: label, choices: [text, partner(i).text], label: '0' })),
  },
}

for (const [name, { task, asked, examples }] of Object.entries(cases))
  test(`${name}: the program that is printed says what thaw predict says`, () =>
    inFolder(async (cwd) => {
      const data = { train: examples.slice(0, 16), valid: examples.slice(16), epochs: 3, batch: 8, rate: 1e-2, threads: 1 }
      const { model } = await adapt(await toyEncoder(join(cwd, 'lm')), task, data as never)
      await model.save(join(cwd, 'model'))
      await model.dispose()
      const texts = [asked.text, ...(asked.pair ? [asked.pair] : []), ...(asked.choices ?? [])]
      const predicted = await thaw(['predict', 'model', ...texts], { cwd })
      assert.equal(predicted.code, 0, predicted.stderr)
      const { code, stdout, stderr } = await thaw(['export', 'model', '--to', 'onnx', '--dtype', 'fp32,int8', '--out', 'out'], { cwd })
      assert.deepEqual([code, stderr], [0, ''])
      const printed = await runPrinted(stdout, cwd, texts)
      const found = printed
        .slice(0, printed.includes('{') ? printed.indexOf('{') : undefined)
        .match(/-?\d+(\.\d+)?(e-?\d+)?/g)!
        .map(Number)
      if (task.kind === 'regression') {
        assert.ok(Math.abs(found[0]! - Number(predicted.stdout)) < 1e-3, `${found} but ${predicted.stdout}`)
        return
      }
      const [shares] = resultsOf(task, [found]) as [number[]]
      const names = task.kind === 'multiple-choice' ? asked.choices! : task.labels
      const said = names.map((each) =>
        Number(
          predicted.stdout
            .split('\n')
            .find((line) => line.startsWith(`${each} `))!
            .slice(each.length),
        ),
      )
      assert.equal(shares.length, said.length)
      for (const [i, share] of shares.entries()) assert.ok(Math.abs(share - said[i]!) < 1e-3, `${shares} but ${predicted.stdout}`)
      if (task.kind === 'classification') assert.match(printed, /\{ '0': 'HUM', '1': 'LOC', '2': 'NUM' \}/)
    }))
