// The data of an adaptation: read, split where no validation is given, checked, and described before anything is trained.

import type { AdaptSettings, Backbone } from '../adapt/index.js'
import { type Example, formatStatistics, type SplitOptions, split, statistics } from '../data/index.js'
import { clfToken } from '../tasks/inputs.js'
import { choiceIndex } from '../tasks/multiple-choice.js'
import { hasLabels, type LabelTask, type Task } from '../tasks/task.js'
import { fitToTask, settleTask, type TaskOptions } from './adapt-task.js'
import { type DataOptions, describeReading, readLabelled } from './data-options.js'

export interface DataFiles extends TaskOptions {
  train: string
  valid?: string
  test?: string
  /** Part of the training examples for validation; where it is not given a tenth, but at most {@link enoughValidation} examples. */
  validFraction?: number
  splitSeed: number
}

/** More validation examples than this hardly sharpen the choice of an epoch (a standard error of 1.1 points at most), and each epoch waits for them. */
export const enoughValidation = 2000

export interface AdaptData {
  train: Example[]
  valid: Example[]
  test: Example[] | undefined
  task: Task
  /** How each file was read, and where the validation examples come from. */
  notes: string[]
  /** The options by which another file of the same form is read, without labels. */
  unlabelled: UnlabelledFile
}

/** A file of new texts as the training file is one: its ending, and the options that name columns. */
export interface UnlabelledFile {
  ending: string
  options: string[]
}

/** Reads the files. @throws naming file and line, at a label of validation or test that training does not have among others. */
export async function readData(files: DataFiles, options: DataOptions): Promise<AdaptData> {
  const read = await readLabelled(files.train, options)
  const { task, examples, notes: taskNotes, fromOne } = settleTask(files.train, read.examples, files)
  const notes = [describeReading(files.train, read), ...taskNotes]
  const also = async (file: string) => {
    const read = await readLabelled(file, options)
    notes.push(describeReading(file, read))
    return fitToTask(file, read.examples, task, `the labels of ${files.train}`, fromOne)
  }
  const valid = files.valid === undefined ? undefined : await also(files.valid)
  const test = files.test === undefined ? undefined : await also(files.test)
  const unlabelled = { ending: read.understood.format === 'trec' ? 'txt' : read.understood.format, options: columnOptions(options) }
  if (valid) return { train: examples, valid, test, task, notes, unlabelled }
  const fraction = files.validFraction ?? Math.min(0.1, enoughValidation / examples.length)
  const stratified = hasLabels(task)
  const parts = splitOf(files.train, examples, { fraction, seed: files.splitSeed, stratified })
  notes.push(
    `validation: ${share(fraction)} of the training examples, by seed ${files.splitSeed}: ${stratified ? 'labels in proportion, ' : ''}duplicates on one side`,
  )
  return { ...parts, test, task, notes, unlabelled }
}

function splitOf(file: string, examples: readonly Example[], options: SplitOptions): { train: Example[]; valid: Example[] } {
  try {
    return split(examples, options)
  } catch (cause) {
    throw new Error(`${file}: ${(cause as Error).message} (--valid FILE, or a larger --valid-fraction)`, { cause })
  }
}

const columnOptions = ({ text, pair, choices }: DataOptions): string[] => [
  ...(text ? ['--text', text.join(',')] : []),
  ...(pair === undefined ? [] : ['--pair', pair]),
  ...(choices ? ['--choices', choices.join(',')] : []),
]

const share = (fraction: number): string => `${Number((100 * fraction).toPrecision(2))} %`

/** The table of class balance (of numbers in five bands, of choices by place), lengths, truncation and duplicates, in the tokens of the model. */
export function describeData({ train, valid, test, task }: AdaptData, backbone: Backbone, settings: AdaptSettings): string {
  const { tokenizer } = backbone
  const marks = tokenizer.encode('').ids.length + (settings.pooling === 'clf' && tokenizer.tokenToId(clfToken) === undefined ? 1 : 0)
  const named = (examples: readonly Example[]) =>
    examples.map((example) => (hasLabels(task) ? example : { ...example, label: shownLabel(task, example) }))
  const length = (text: string) => tokenizer.ids(text).length
  return formatStatistics(statistics(named(train), named(valid), test && named(test), length, settings.maxLength - marks))
}

function shownLabel(task: Exclude<Task, LabelTask>, { label = '', choices = [] }: Example): string {
  if (task.kind === 'multiple-choice') return `candidate ${choiceIndex(choices, label) + 1}`
  const [low, high] = task.range
  const band = Math.min(4, Math.floor((5 * (Number(label) - low)) / (high - low)))
  const bound = (k: number) => Number((low + (k * (high - low)) / 5).toPrecision(3))
  return `${bound(band)} to ${bound(band + 1)}`
}
