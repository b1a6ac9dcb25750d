// Published data sets that benchmarks and examples use, from the folders they are distributed in.
import { join } from 'node:path'
import type { Example } from './example.js'
import { readExamples } from './read-examples.js'
import { split } from './split.js'

/** A data set; `labels` are sorted. */
export interface Dataset {
  train: Example[]
  valid: Example[]
  test: Example[]
  labels: string[]
}

/** Seed of TREC's validation split: fixed, so that published numbers speak of the same 545 questions. */
const TREC_SEED = 1

/**
 * TREC-6 question classification (Li & Roth 2002), `train_5500.label` and `TREC_10.label`. It has no validation set: 545 training questions,
 * stratified, with duplicates on one side. 4,907 / 545 / 500.
 */
export async function readTrec(folder: string): Promise<Dataset> {
  const all = await readExamples(join(folder, 'train_5500.label'), { format: 'trec' })
  const test = await readExamples(join(folder, 'TREC_10.label'), { format: 'trec' })
  return { ...split(all.examples, { fraction: 0.1, seed: TREC_SEED }), test: test.examples, labels: all.labels }
}

/** SST-2, binary sentiment (Socher et al. 2013), `train.tsv`, `dev.tsv` and a labelled `test.tsv`: 67,349 / 872 / 1,821. Labels `0` negative, `1` positive. */
export async function readSst2(folder: string): Promise<Dataset> {
  const read = (name: string) => readExamples(join(folder, name), { format: 'tsv', text: ['sentence'], label: 'label' })
  const [train, valid, test] = await Promise.all([read('train.tsv'), read('dev.tsv'), read('test.tsv')])
  return { train: train.examples, valid: valid.examples, test: test.examples, labels: train.labels }
}
