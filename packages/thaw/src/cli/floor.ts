// The floor under a result: what simple counting of words reaches on the same examples. A pretrained model that does not beat it is not worth its minutes.

import { tfidfClassifier } from '../baseline/classifier.js'
import { tfidfMultiLabel } from '../baseline/multi-label.js'
import { fitTfidf } from '../baseline/tfidf.js'
import { evenSample } from '../data/even-sample.js'
import type { Example } from '../data/index.js'
import { count } from '../log/format.js'
import { regressionReport } from '../metrics/correlation.js'
import { multiLabelReport } from '../metrics/multi-label.js'
import { reached, steadyThresholds } from '../metrics/thresholds.js'
import { labelIds } from '../tasks/multi-label.js'
import type { AdaptData } from './adapt-data.js'
import { percent } from './screen.js'

export interface Floor {
  name: 'test' | 'validation'
  /** `accuracy 61.0 %`. */
  scores: string
  /** What reached it. */
  method: string
}

/** Beyond so many examples × labels the floor takes longer than it is worth: it is fitted on a sample, with a fixed C and without words seen once. */
const floorBudget = 2_000_000

/** TF-IDF with a linear classifier; for pairs with numbers the cosine of their TF-IDF vectors; undefined for other tasks. */
export function floorOf(data: AdaptData): Floor | undefined {
  const { task, test, valid, train } = data
  const [name, asked] = test ? (['test', test] as const) : (['validation', valid] as const)
  const seen = test ? [...train, ...valid] : train
  if (task.kind === 'classification') return { name, ...classifierFloor(seen, asked, task.labels.length) }
  if (task.kind === 'multi-label') return { name, ...multiLabelFloor(data, asked, task.labels) }
  return task.kind === 'regression' && asked[0]!.pair !== undefined ? { name, ...cosineFloor(seen, asked) } : undefined
}

const joined = ({ text, pair }: Example): string => (pair === undefined ? text : `${text} ${pair}`)

function classifierFloor(seen: readonly Example[], asked: readonly Example[], labels: number): Omit<Floor, 'name'> {
  const plain = (examples: readonly Example[]) => examples.map((example) => ({ text: joined(example), label: example.label! }))
  const sample = evenSample(plain(seen), Math.min(20_000, Math.ceil(floorBudget / labels)))
  const large = sample.length * labels > floorBudget / 5
  const classifier = tfidfClassifier(sample, large ? { regularization: 30, minDocumentFrequency: 2 } : {})
  const right = plain(asked).filter(({ text, label }) => classifier.predict(text)[0]!.label === label).length
  const sampled = sample.length < seen.length ? `, from ${count(sample.length)} of the training examples` : ''
  return { scores: `accuracy ${percent(right / asked.length)}`, method: `TF-IDF n-grams with a linear classifier${sampled}` }
}

/** Its thresholds are chosen as the model's are, on the validation examples. */
function multiLabelFloor({ train, valid }: AdaptData, asked: readonly Example[], labels: readonly string[]): Omit<Floor, 'name'> {
  const plain = train.map((example) => ({ text: joined(example), labels: example.labels! }))
  const sample = evenSample(plain, Math.min(20_000, Math.ceil(floorBudget / labels.length)))
  const floor = tfidfMultiLabel(sample, labels)
  const rows = (examples: readonly Example[]) => examples.map((example) => floor.probabilities(joined(example)))
  const sets = (examples: readonly Example[]) => examples.map(({ labels: own }) => labelIds(labels, own))
  const thresholds = steadyThresholds(rows(valid), sets(valid), labels.length)
  const said = rows(asked).map((row) => reached(row, thresholds))
  const { microF1, macroF1 } = multiLabelReport(sets(asked), said, labels)
  const sampled = sample.length < train.length ? `, from ${count(sample.length)} of the training examples` : ''
  return { scores: `micro-F1 ${percent(microF1)}, macro-F1 ${percent(macroF1)}`, method: `TF-IDF n-grams with a linear classifier a label${sampled}` }
}

function cosineFloor(seen: readonly Example[], asked: readonly Example[]): Omit<Floor, 'name'> {
  const tfidf = fitTfidf(
    evenSample(seen, 20_000).flatMap(({ text, pair }) => [text, pair!]),
    { ngrams: 1 },
  )
  const cosine = ({ text, pair }: Example): number => {
    const [a, b] = [tfidf.vector(text), tfidf.vector(pair!)]
    const weights = new Map(b.columns.map((column, i) => [column, b.values[i]!]))
    return a.columns.reduce((sum, column, i) => sum + a.values[i]! * (weights.get(column) ?? 0), 0)
  }
  const { pearson, spearman } = regressionReport(
    asked.map(({ label }) => Number(label)),
    asked.map(cosine),
  )
  return { scores: `Pearson ${pearson.toFixed(3)}, Spearman ${spearman.toFixed(3)}`, method: 'the cosine of the TF-IDF vectors of both texts' }
}
