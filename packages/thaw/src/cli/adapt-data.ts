// The data of an adaptation: read, split where no validation is given, checked, and described before anything is trained.

import type { AdaptSettings, Backbone } from '../adapt/index.js'
import { type Example, formatStatistics, split, statistics } from '../data/index.js'
import { clfToken } from '../tasks/inputs.js'
import { type DataOptions, describeReading, readLabelled, requireKnownLabels } from './data-options.js'

export interface DataFiles {
  train: string
  valid?: string
  test?: string
  validFraction: number
  splitSeed: number
}

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
  const train = await readLabelled(files.train, options)
  if (train.labels.length < 2)
    throw new Error(`${files.train}: every example has the label ${JSON.stringify(train.labels[0])}; a classifier needs at least two different ones`)
  const notes = [describeReading(files.train, train)]
  const also = async (file: string) => {
    const read = await readLabelled(file, options)
    notes.push(describeReading(file, read))
    requireKnownLabels(file, read, train.labels, `the labels of ${files.train}`)
    return read.examples
  }
  const valid = files.valid === undefined ? undefined : await also(files.valid)
  const test = files.test === undefined ? undefined : await also(files.test)
  if (valid) return { train: train.examples, valid, test, labels: train.labels, notes }
  const parts = split(train.examples, { fraction: files.validFraction, seed: files.splitSeed })
  const share = Math.round(100 * files.validFraction)
  notes.push(`validation: ${share} % of the training examples, by seed ${files.splitSeed}: labels in proportion, duplicates on one side`)
  return { ...parts, test, labels: train.labels, notes }
}

/** The table of class balance, lengths, truncation and duplicates, in the tokens of the model. */
export function describeData({ train, valid, test }: AdaptData, backbone: Backbone, settings: AdaptSettings): string {
  const { tokenizer } = backbone
  const marks = tokenizer.encode('').ids.length + (settings.pooling === 'clf' && tokenizer.tokenToId(clfToken) === undefined ? 1 : 0)
  return formatStatistics(statistics(train, valid, test, (text) => tokenizer.ids(text).length, settings.maxLength - marks))
}
