// How good a model in training is on the validation examples. Behind a frozen backbone only the head changes, so its features are computed once.

import { type Executor, ops, type Store } from '@thaw/tensor'
import { type ClassificationReport, classificationReport } from '../metrics/classification.js'
import type { TransformerConfig } from '../models/config.js'
import { Scope } from '../nn/scope.js'
import { mixedLogits } from '../tasks/scalar-mix.js'
import type { Features } from './batches.js'
import { type Classifier, labelId, type TextLike } from './classifier.js'

export interface Validation {
  report: ClassificationReport
  /** Mean of −ln p(label), in nats. */
  loss: number
}

export interface Validator {
  run(): Promise<Validation>
  dispose(): Promise<void>
}

type Labelled = TextLike & { label?: string }

/** Validation by the whole model. */
export const modelValidator = (model: Classifier, examples: readonly Labelled[]): Validator => ({
  run: async () => validation(await model.probabilities(examples), examples, model.labels),
  dispose: async () => {},
})

/** Validation of a head on features that stay as they are. */
export async function headValidator(
  executor: Executor,
  config: TransformerConfig,
  params: Store,
  features: Features,
  examples: readonly Labelled[],
  labels: readonly string[],
): Promise<Validator> {
  const logits = mixedLogits(new Scope(), config, labels.length, 0)
  const program = await executor.compile({ outputs: { probabilities: ops.softmax(logits) } }, { inference: true })
  const everything = examples.map((_, i) => i)
  return {
    async run() {
      const { outputs } = await program.bind({ params }).run({ feeds: { means: features.feed(everything) } })
      const data = outputs.probabilities!.data as Float32Array
      const rows = everything.map((i) => data.subarray(i * labels.length, (i + 1) * labels.length))
      return validation(rows, examples, labels)
    },
    dispose: () => program.dispose(),
  }
}

function validation(probabilities: readonly Float32Array[], examples: readonly Labelled[], labels: readonly string[]): Validation {
  const truth = examples.map(({ label }) => labelId(labels, label))
  const predicted = probabilities.map((row) => row.indexOf(Math.max(...row)))
  const loss = probabilities.reduce((sum, row, i) => sum - Math.log(Math.max(row[truth[i]!]!, 1e-30)), 0) / examples.length
  return { report: classificationReport(truth, predicted, labels), loss }
}
