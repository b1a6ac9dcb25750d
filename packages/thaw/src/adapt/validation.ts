// How good a model in training is on the validation examples. Behind a frozen backbone only the head changes, so its features are computed once.

import { type Executor, ops, type Store } from '@thaw/tensor'
import { classificationReport } from '../metrics/classification.js'
import type { TransformerConfig } from '../models/config.js'
import { Scope } from '../nn/scope.js'
import type { TextLike } from '../tasks/form.js'
import { choiceIndex } from '../tasks/multiple-choice.js'
import { mixedLogits } from '../tasks/scalar-mix.js'
import type { Task } from '../tasks/task.js'
import type { Features } from './batches.js'
import { type Classifier, labelId } from './classifier.js'
import type { Kind, Models, Reports, Scores } from './kinds.js'
import type { ChoiceModel, Regressor } from './task-models.js'

export interface Validation<K extends Kind = Kind> {
  report: Reports[K]
  /** What chooses the epoch that is kept: the higher the better. */
  score: number
  /** What is shown of each epoch. */
  scores: Scores[K]
  /** Mean of −ln p(label), in nats; of a regression the squared error in the labels' units. */
  loss: number
}

export interface Validator<K extends Kind = Kind> {
  run(): Promise<Validation<K>>
  dispose(): Promise<void>
}

type Labelled = TextLike & { label?: string }

/** Validation by the whole model. */
export function modelValidator(task: Task, model: Models[Kind], examples: readonly Labelled[]): Validator {
  const run = {
    classification: async () => {
      const { probabilities, labels } = model as Classifier
      return validation(await probabilities(examples), examples, labels)
    },
    regression: async (): Promise<Validation> => {
      const { report } = await (model as Regressor).evaluate(examples)
      const { pearson, spearman, meanSquaredError } = report
      return { report, score: (pearson + spearman) / 2, scores: { pearson, spearman }, loss: meanSquaredError }
    },
    'multiple-choice': async (): Promise<Validation> => {
      const { report, choices } = await (model as ChoiceModel).evaluate(examples)
      const truth = examples.map((example) => choiceIndex(example.choices ?? [], example.label))
      const loss = meanLoss(
        choices.map(({ probabilities }) => probabilities),
        truth,
      )
      return { report, score: report.accuracy, scores: { accuracy: report.accuracy }, loss }
    },
  }[task.kind]
  return { run, dispose: async () => {} }
}

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

function validation(probabilities: readonly Float32Array[], examples: readonly Labelled[], labels: readonly string[]): Validation<'classification'> {
  const truth = examples.map(({ label }) => labelId(labels, label))
  const predicted = probabilities.map((row) => row.indexOf(Math.max(...row)))
  const report = classificationReport(truth, predicted, labels)
  const { accuracy, macroF1 } = report
  return { report, score: accuracy, scores: { accuracy, macroF1 }, loss: meanLoss(probabilities, truth) }
}

/** The mean of −ln p(truth), in nats. */
const meanLoss = (probabilities: readonly Float32Array[], truth: readonly number[]): number =>
  probabilities.reduce((sum, row, i) => sum - Math.log(Math.max(row[truth[i]!]!, 1e-30)), 0) / probabilities.length
