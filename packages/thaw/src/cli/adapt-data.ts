// The data of an adaptation: read, split where no validation is given, checked, and described before anything is trained.

import type { AdaptSettings, Backbone } from '../adapt/index.js'
import { type Example, formatStatistics, split, statistics } from '../data/index.js'
import { type Respelled, unifySpellings } from '../data/label-spellings.js'
import { count } from '../log/format.js'
import { clfToken } from '../tasks/inputs.js'
import { type DataOptions, describeReading, readLabelled, withKnownLabels } from './data-options.js'

export interface DataFiles {
  train: string
  valid?: string
  test?: string
  /** Part of the training examples for validation; where it is not given a tenth, but at most {@link enoughValidation} examples. */
  validFraction?: number
  splitSeed: number
  /** Labels that differ only by case or white space are different ones. */
  exactLabels: boolean
}

/** More validation examples than this hardly sharpen the choice of an epoch (a standard error of 1.1 points at most), and each epoch waits for them. */
export const enoughValidation = 2000

export interface AdaptData {
  train: Example[]
  valid: Example[]
  test: Example[] | undefined
  labels: string[]
  /** How each file was read, and where the validation examples come from. */
  notes: string[]
}

/** Reads the files. @throws naming file and line, at a label of validation or test that training does not have among others. */
export async function readData(files: DataFiles, options: DataOptions): Promise<AdaptData> {
  const read = await readLabelled(files.train, options)
  const { examples, respelled } = files.exactLabels ? { examples: read.examples, respelled: [] } : unifySpellings(read.examples)
  const labels = [...new Set(examples.map(({ label }) => label!))].sort()
  if (labels.length < 2)
    throw new Error(`${files.train}: every example has the label ${JSON.stringify(labels[0])}; a classifier needs at least two different ones`)
  const notes = [describeReading(files.train, read), ...respelled.map(describeSpellings)]
  const also = async (file: string) => {
    const read = await readLabelled(file, options)
    notes.push(describeReading(file, read))
    return withKnownLabels(file, read, labels, `the labels of ${files.train}`)
  }
  const valid = files.valid === undefined ? undefined : await also(files.valid)
  const test = files.test === undefined ? undefined : await also(files.test)
  if (valid) return { train: examples, valid, test, labels, notes }
  const fraction = files.validFraction ?? Math.min(0.1, enoughValidation / examples.length)
  const parts = split(examples, { fraction, seed: files.splitSeed })
  notes.push(`validation: ${share(fraction)} of the training examples, by seed ${files.splitSeed}: labels in proportion, duplicates on one side`)
  return { ...parts, test, labels, notes }
}

const share = (fraction: number): string => `${Number((100 * fraction).toPrecision(2))} %`

const describeSpellings = ({ label, others }: Respelled): string =>
  `labels that differ from ${JSON.stringify(label)} only by case or spaces are read as it: ${others.map((other) => `${JSON.stringify(other.label)} (${count(other.examples)})`).join(', ')}; --exact-labels keeps them apart`

/** The table of class balance, lengths, truncation and duplicates, in the tokens of the model. */
export function describeData({ train, valid, test }: AdaptData, backbone: Backbone, settings: AdaptSettings): string {
  const { tokenizer } = backbone
  const marks = tokenizer.encode('').ids.length + (settings.pooling === 'clf' && tokenizer.tokenToId(clfToken) === undefined ? 1 : 0)
  return formatStatistics(statistics(train, valid, test, (text) => tokenizer.ids(text).length, settings.maxLength - marks))
}
