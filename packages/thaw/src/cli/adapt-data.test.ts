import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { formatStatistics, statistics } from '../data/index.js'
import type { Task } from '../tasks/task.js'
import { inFolder } from '../testing/checkpoints.js'
import { readData } from './adapt-data.js'
import { formatDetails } from './evaluation.js'

const files = { task: 'classification', splitSeed: 1, exactLabels: false } as const
const labelsOf = (task: Task) => (task.kind === 'classification' ? task.labels : [])
const csv = (rows: readonly (readonly [string, string])[]) => `text,label\n${rows.map((row) => row.join(',')).join('\n')}\n`
const cycle = (n: number, labels: readonly string[]) => Array.from({ length: n }, (_, i) => [`text ${i}`, labels[i % labels.length]!] as const)

test('labels that differ by case are one, in every file; --exact-labels keeps them apart; one label alone is refused', () =>
  inFolder(async (folder) => {
    const [train, valid, one] = ['train.csv', 'valid.csv', 'one.csv'].map((name) => join(folder, name)) as [string, string, string]
    await writeFile(train, csv(cycle(40, ['Bug', 'Bug', 'bug', 'order'])))
    await writeFile(valid, csv([['x', 'BUG']]))
    await writeFile(one, csv(cycle(4, ['Bug', 'bug'])))
    const read = await readData({ ...files, train, valid }, {})
    assert.deepEqual([labelsOf(read.task), read.valid[0]!.label], [['Bug', 'order'], 'Bug'])
    assert.equal(read.notes[1], 'labels that differ from "Bug" only by case or spaces are read as it: "bug" (10); --exact-labels keeps them apart')
    assert.deepEqual(labelsOf((await readData({ ...files, train, exactLabels: true }, {})).task), ['Bug', 'bug', 'order'])
    await assert.rejects(readData({ ...files, train: one }, {}), {
      message: `${one}: every example has the label "Bug"; a classifier needs at least two different ones`,
    })
  }))

test('a column that names no classes: refused where no label occurs twice, doubted where few do, or where there are many numbers', () =>
  inFolder(async (folder) => {
    const [train, few] = ['train.csv', 'few.csv'].map((name) => join(folder, name)) as [string, string]
    const notesOf = async (rows: readonly (readonly [string, string])[]) => {
      await writeFile(train, csv(rows))
      return (await readData({ ...files, train }, {})).notes.slice(1, -1)
    }
    const numbered = (labels: number, rows: number) =>
      cycle(
        rows,
        Array.from({ length: labels }, (_, i) => `${i}.5`),
      )
    const [names, own] = [Array.from({ length: 30 }, (_, i) => `ticket ${i}`), 'from which nothing is learnt: give several examples a label']
    await assert.rejects(notesOf(cycle(30, names)), {
      message: `${train}: each of 30 examples has a label of its own ("ticket 0", "ticket 1", "ticket 10", …), ${own}; --label names another column`,
    })
    await assert.rejects(notesOf(numbered(30, 30)), /; --label names another column, --task regression learns numbers$/)
    assert.deepEqual(await notesOf(cycle(40, names)), ['30 different labels in 40 examples: are these classes? --label names another column'])
    assert.deepEqual(await notesOf(numbered(25, 100)), [
      '25 different numbers in 100 examples: are these classes? --label names another column, --task regression learns numbers',
    ])
    assert.deepEqual(await notesOf(cycle(60, names)), [])
    assert.deepEqual(await notesOf(numbered(5, 50)), [])
    await writeFile(few, csv(cycle(4, ['a', 'b'])))
    await assert.rejects(readData({ ...files, train: few }, {}), {
      message: `${few}: too few distinct texts to split: 4 examples, fraction 0.1; give a validation file, or more examples (--valid FILE, or a larger --valid-fraction)`,
    })
  }))

test('many rows: linear time to the table of the data, and no more than 2,000 of them for validation', () =>
  inFolder(async (folder) => {
    const train = join(folder, 'large.csv')
    const seconds = async (rows: number) => {
      await writeFile(train, csv(cycle(rows, ['a', 'b', 'c'])))
      const started = performance.now()
      const data = await readData({ ...files, train }, {})
      formatStatistics(statistics(data.train, data.valid))
      assert.equal(data.valid.length, Math.min(rows / 10, 2000))
      return performance.now() - started
    }
    await seconds(5_000)
    const [few, many] = [await seconds(5_000), await seconds(40_000)]
    assert.ok(many < 4 * 8 * few + 500, `5,000 rows take ${few} ms, 40,000 take ${many}`)
  }))

test('400 classes: the weakest are shown, with the commonest confusions, in a report of one screen', () => {
  const labels = Array.from({ length: 400 }, (_, i) => `class ${String(i).padStart(3, '0')}`)
  const classes = labels.map((label, i) => ({ label, precision: i / 400, recall: i / 400, f1: i / 400, support: i % 2, predicted: 1 }))
  const confusion = labels.map((_, i) => labels.map((_, j) => (j === (i + 1) % 400 ? (i % 7) + 1 : 0)))
  const text = formatDetails({ kind: 'classification', report: { examples: 200, accuracy: 0.5, macroF1: 0.5, classes, confusion }, mistakes: [] })
  assert.match(text, /^400 classes, 200 of them among these examples; the 15 with the lowest F1\n/)
  assert.match(text, /\nclass 001 /)
  assert.ok(text.split('\n').length < 40, text)
})
