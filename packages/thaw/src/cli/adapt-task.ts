// The task that a run learns, made from what was asked for and what the file holds: its labels, the range of its numbers, how many candidates there are.

import { labelsOf } from '../data/example.js'
import type { Example } from '../data/index.js'
import { type Respelled, unifySpellings, withSpellings } from '../data/label-spellings.js'
import { count, counted } from '../log/format.js'
import { classification } from '../tasks/classification.js'
import type { Form } from '../tasks/form.js'
import { multiLabel } from '../tasks/multi-label.js'
import { choiceIndex, multipleChoice } from '../tasks/multiple-choice.js'
import { numberLabel, regression } from '../tasks/regression.js'
import { hasLabels, type Task } from '../tasks/task.js'

export const taskNames = ['classification', 'similarity', 'regression', 'multiple-choice'] as const
export type TaskName = (typeof taskNames)[number]

export interface TaskOptions {
  task: TaskName
  form?: Form
  /** Lowest and highest label of a similarity or regression; default: those of the training examples. */
  range?: [number, number]
  /** A text may have several labels, or none. */
  multiLabel?: boolean
  /** Labels that differ only by case or white space are different ones. */
  exactLabels: boolean
}

/** What is made of the training examples. */
export interface SettledTask {
  task: Task
  examples: Example[]
  notes: string[]
  /** Labels of multiple choice count from 1 in the files. */
  fromOne?: boolean
}

/** Makes the task. @throws with file and line where an example does not fit it. */
export function settleTask(file: string, examples: readonly Example[], options: TaskOptions): SettledTask {
  const form = options.form ? { form: options.form } : {}
  if (options.multiLabel && options.task !== 'classification')
    throw new Error(`--multi-label: the task ${options.task} has no labels to choose several of; leave it out, or take the task classification`)
  if (options.task !== 'classification' && options.task !== 'multiple-choice') return settleNumbers(file, examples, options)
  if (options.range) throw new Error(`--range: the task ${options.task} has no numbers; leave it out, or name --task similarity or regression`)
  if (options.task === 'multiple-choice') {
    if (options.form) throw new Error('--form: in multiple choice each candidate is read together with the text; leave it out')
    return settleChoices(file, examples)
  }
  const { examples: unified, respelled } = options.exactLabels ? { examples: [...examples], respelled: [] } : unifySpellings(examples)
  const labels = [...new Set(unified.flatMap(labelsOf))].sort()
  if (options.multiLabel) {
    if (labels.length === 0) throw new Error(`${file}: no text has a label; there is nothing to learn`)
    return { task: multiLabel({ labels, ...form }), examples: unified, notes: [...respelled.map(describeSpellings), describeSets(unified, labels)] }
  }
  if (labels.length < 2)
    throw new Error(`${file}: every example has the label ${JSON.stringify(labels[0])}; a classifier needs at least two different ones`)
  return {
    task: classification({ labels, ...form }),
    examples: unified,
    notes: [...respelled.map(describeSpellings), ...doubts(file, unified, labels)],
  }
}

/** More different numbers than this are rarely names of classes. */
const manyNumbers = 20

/** What makes one doubt that a column names classes. @throws where no label occurs twice, so that there is nothing to learn. */
function doubts(file: string, examples: readonly Example[], labels: readonly string[]): string[] {
  const numbers = labels.every((label) => Number.isFinite(Number(label))) && labels.length > manyNumbers
  const ways = `--label names another column${numbers ? ', --task regression learns numbers' : ''}`
  if (labels.length === examples.length)
    throw new Error(
      `${file}: each of ${count(examples.length)} examples has a label of its own (${labels
        .slice(0, 3)
        .map((label) => JSON.stringify(label))
        .join(', ')}${labels.length > 3 ? ', …' : ''}), from which nothing is learnt: give several examples a label; ${ways}`,
    )
  if (!numbers && labels.length <= examples.length / 2) return []
  return [`${count(labels.length)} different ${numbers ? 'numbers' : 'labels'} in ${count(examples.length)} examples: are these classes? ${ways}`]
}

const describeSpellings = ({ label, others }: Respelled): string =>
  `labels that differ from ${JSON.stringify(label)} only by case or spaces are read as it: ${others.map((other) => `${JSON.stringify(other.label)} (${count(other.examples)})`).join(', ')}; --exact-labels keeps them apart`

/** How many labels the texts have. Where none has several, the task is said to be another one. */
function describeSets(examples: readonly Example[], labels: readonly string[]): string {
  const sizes = examples.map((example) => labelsOf(example).length)
  const most = sizes.reduce((a, b) => Math.max(a, b), 0)
  const none = sizes.filter((size) => size === 0).length
  if (most === 1 && labels.length > 1)
    return `no text has more than one label${none > 0 ? `, ${count(none)} have none` : ''}: each label is learnt by itself all the same (--multi-label); without it a text gets exactly one of them`
  const mean = sizes.reduce((a, b) => a + b, 0) / sizes.length
  return `${counted(labels.length, 'label')}, ${mean.toFixed(2)} a text in the mean, at most ${most}${none > 0 ? `; ${counted(none, 'text has', 'texts have')} none` : ''}`
}

function settleNumbers(file: string, examples: readonly Example[], { task: name, form, range }: TaskOptions): SettledTask {
  if (name === 'similarity' && examples[0]!.pair === undefined)
    throw new Error(
      `${file}: the task similarity compares two texts; name the columns: --text FIRST --pair SECOND (for a number a text: --task regression)`,
    )
  const anyRange = { range: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] } as const
  const numbers = examples.map(({ label, line }) => atLine(file, line, () => numberLabel(range ? { range } : anyRange, label)))
  const found: [number, number] = [numbers.reduce((a, b) => Math.min(a, b)), numbers.reduce((a, b) => Math.max(a, b))]
  if (found[0] === found[1]) throw new Error(`${file}: every example has the label ${found[0]}; numbers to be learnt must differ`)
  const task = regression({ range: range ?? found, ...(form ? { form } : {}) })
  const note = `labels from ${found[0]} to ${found[1]}${range ? `, of a range from ${range[0]} to ${range[1]}` : ' (--range LOW,HIGH names a wider range)'}`
  return { task, examples: [...examples], notes: [note] }
}

function settleChoices(file: string, examples: readonly Example[]): SettledTask {
  const choices = examples[0]!.choices?.length ?? 0
  if (choices < 2)
    throw new Error(`${file}: multiple choice needs candidates: name their columns with --choices a,b,c (JSONL: a field with a list), at least two`)
  const task = multipleChoice({ choices })
  for (const { line, choices: own = [] } of examples)
    if (own.length !== choices) throw new Error(`${file}:${line}: expected ${choices} candidates as in the first example, found ${own.length}`)
  const texts = areTexts(examples)
  const fromOne = countFromOne(examples)
  const settled = fromOne ? examples.map((example) => ({ ...example, label: String(Number(example.label) - 1) })) : [...examples]
  for (const example of settled) atLine(file, example.line, () => choiceIndex(example.choices!, example.label))
  const counted = texts ? 'labels are the texts of candidates' : `labels are the candidates' places, counted from ${fromOne ? 1 : 0}`
  return { task, examples: settled, notes: [`${choices} candidates each; ${counted}`], fromOne }
}

const areTexts = (examples: readonly Example[]): boolean => examples.some(({ choices, label }) => choices?.includes(label!))

/** People count from 1: so do labels that reach the number of candidates and never say 0. */
export function countFromOne(examples: readonly Example[]): boolean {
  const places = new Set(examples.map(({ label }) => label!))
  return !areTexts(examples) && places.has(String(examples[0]!.choices?.length)) && !places.has('0')
}

/** Examples of another file, as the task wants them. @throws with file and line at the first that does not fit. */
export function fitToTask(file: string, examples: readonly Example[], task: Task, known: string, fromOne = false): Example[] {
  if (hasLabels(task)) return withKnownLabels(file, examples, task.labels, known)
  const moved = fromOne ? examples.map((example) => ({ ...example, label: String(Number(example.label) - 1) })) : [...examples]
  for (const example of moved)
    atLine(file, example.line, () =>
      task.kind === 'regression' ? numberLabel(task, example.label) : choiceIndex(example.choices ?? [], example.label),
    )
  return moved
}

/**
 * Examples with labels among those known; one that differs from a known label only by case or white space is read as that.
 *
 * @throws at the first label that is not among them, with file and line.
 */
function withKnownLabels(file: string, examples: readonly Example[], labels: readonly string[], known: string): Example[] {
  const spelt = withSpellings(examples, labels)
  const all = new Set(labels)
  for (const example of spelt) {
    const label = labelsOf(example).find((one) => !all.has(one))
    if (label === undefined) continue
    const list = labels.slice(0, 12).map((name) => JSON.stringify(name))
    throw new Error(
      `${file}:${example.line}: the label ${JSON.stringify(label)} is not among ${known}: ${list.join(', ')}${labels.length > 12 ? ', …' : ''}; correct it or leave such rows out`,
    )
  }
  return spelt
}

function atLine<T>(file: string, line: number, use: () => T): T {
  try {
    return use()
  } catch (error) {
    throw new Error(`${file}:${line}: ${(error as Error).message}`)
  }
}
