// One adaptation as the accuracy benchmarks keep it: which test questions were answered rightly, what validation said, what it cost.

import {
  type AdaptSettings,
  adapt,
  type Backbone,
  classification,
  type Dataset,
  type Diverged,
  type LabelledText,
  type TradeOffRun,
  tfidfClassifier,
} from 'thaw'

export type Settings = Partial<AdaptSettings>

export interface Adapted {
  /** Accuracy on the held-out questions, of the epoch that was kept. */
  valid: number
  /** The same after each epoch. */
  epochs: number[]
  /** 1 where a test question was answered rightly. */
  right: number[]
  trained: number
  parameters: number
  seconds: number
}

/** Adapts and looks at the test questions once. */
export async function adaptOnce(backbone: Backbone, data: Dataset, settings: Settings, threads?: number): Promise<Adapted> {
  const { model, report } = await adapt(backbone, classification({ labels: data.labels }), {
    ...{ ...settings, train: data.train, valid: data.valid },
    ...(threads === undefined ? {} : { threads }),
  })
  await using _ = model
  const probabilities = await model.probabilities(data.test)
  const right = probabilities.map((row, i) => Number(data.labels[row.indexOf(Math.max(...row))] === data.test[i]!.label))
  const { trained, parameters, seconds } = report
  return { valid: report.valid.accuracy, epochs: report.epochs.map(({ accuracy }) => accuracy), right, trained, parameters, seconds }
}

/** What a run of a comparison came to, for the log: its accuracy on the examples named, and its time. */
export const outcome = (result: TradeOffRun | Diverged, on: 'valid' | 'test'): string =>
  'diverged' in result ? `diverged: ${result.diverged}` : `${on} ${(100 * result[on]!).toFixed(1)} %, ${result.seconds.toFixed(0)} s`

/** Per cent of the questions. */
export const accuracyOf = (right: readonly number[]): number => (100 * right.reduce((a, b) => a + b, 0)) / right.length

/** The floor, TF-IDF with a linear classifier: 1 where a test example was labelled rightly, and the strength that it chose by folds of the training examples. */
export function tfidfRight(train: readonly LabelledText[], test: readonly LabelledText[]): { right: number[]; regularization: number } {
  const classifier = tfidfClassifier(train.map(({ text, label }) => ({ text, label: label! })))
  return { right: test.map(({ text, label }) => Number(classifier.predict(text)[0]!.label === label)), regularization: classifier.regularization }
}
