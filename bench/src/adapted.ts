// One adaptation as the accuracy benchmarks keep it: which test questions were answered rightly, what validation said, what it cost.

import { type AdaptSettings, adapt, type Backbone, classification, type Dataset } from 'thaw'

export type Settings = Partial<AdaptSettings>

export interface Adapted {
  /** Accuracy on the held-out questions, of the epoch that was kept. */
  valid: number
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
  return { valid: report.valid.accuracy, right, trained: report.trained, parameters: report.parameters, seconds: report.seconds }
}

/** Per cent of the questions. */
export const accuracyOf = (right: readonly number[]): number => (100 * right.reduce((a, b) => a + b, 0)) / right.length
