// How good a model in training is on the validation examples. Behind a frozen backbone only the head changes, so its features are computed once.

import type { Executor, Store } from '@thaw/tensor'
import { classificationReport } from '../metrics/classification.js'
import { multiLabelReport, setLoss } from '../metrics/multi-label.js'
import { reached, steadyThresholds } from '../metrics/thresholds.js'
import type { TransformerConfig } from '../models/config.js'
import { Scope } from '../nn/scope.js'
import { labelId } from '../tasks/classification.js'
import { labelIds } from '../tasks/multi-label.js'
import { choiceIndex } from '../tasks/multiple-choice.js'
import { mixedLogits } from '../tasks/scalar-mix.js'
import { type LabelTask, type Task, taskResults } from '../tasks/task.js'
import type { LabelledText } from './adapt.js'
import type { Features } from './batches.js'
import type { Classifier } from './classifier.js'
import type { Kind, Models, Reports, Scores } from './kinds.js'
import type { MultiLabelModel } from './multi-label.js'
import type { ChoiceModel, Regressor } from './task-models.js'

export interface Validation<K extends Kind = Kind> {
  report: Reports[K]
  /** What chooses the epoch that is kept: the higher the better. */
  score: number
  /** What is shown of each epoch. */
  scores: Scores[K]
  /** Mean of −ln p(label), in nats; of several labels that of each decision; of a regression the squared error in the labels' units. */
  loss: number
}

export interface Validator<K extends Kind = Kind> {
  run(): Promise<Validation<K>>
  dispose(): Promise<void>
}

/** Validation by the whole model. With `thresholds` several labels are decided for by those that are best at the time, as at the end. */
export function modelValidator(task: Task, model: Models[Kind], examples: readonly LabelledText[], thresholds = false): Validator {
  const run = {
    classification: async () => {
      const { probabilities, labels } = model as Classifier
      return ofOneLabel(await probabilities(examples), examples, labels)
    },
    'multi-label': async () => {
      const { probabilities, labels } = model as MultiLabelModel
      return ofLabels(await probabilities(examples), examples, labels, thresholds)
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
  examples: readonly LabelledText[],
  task: LabelTask,
  thresholds = false,
): Promise<Validator> {
  const { labels } = task
  const logits = mixedLogits(new Scope(), config, labels.length, 0)
  const program = await executor.compile({ outputs: { probabilities: taskResults(logits, task) } }, { inference: true })
  const everything = examples.map((_, i) => i)
  return {
    async run() {
      const { outputs } = await program.bind({ params }).run({ feeds: { means: features.feed(everything) } })
      const data = outputs.probabilities!.data as Float32Array
      const rows = everything.map((i) => data.subarray(i * labels.length, (i + 1) * labels.length))
      return task.kind === 'multi-label' ? ofLabels(rows, examples, labels, thresholds) : ofOneLabel(rows, examples, labels)
    },
    dispose: () => program.dispose(),
  }
}

function ofOneLabel(
  probabilities: readonly Float32Array[],
  examples: readonly LabelledText[],
  labels: readonly string[],
): Validation<'classification'> {
  const truth = examples.map(({ label }) => labelId(labels, label))
  const predicted = probabilities.map((row) => row.indexOf(Math.max(...row)))
  const report = classificationReport(truth, predicted, labels)
  const { accuracy, macroF1 } = report
  return { report, score: accuracy, scores: { accuracy, macroF1 }, loss: meanLoss(probabilities, truth) }
}

function ofLabels(
  probabilities: readonly Float32Array[],
  examples: readonly LabelledText[],
  labels: readonly string[],
  choose: boolean,
): Validation<'multi-label'> {
  const truth = examples.map(({ labels: own }) => labelIds(labels, own))
  const thresholds = choose ? steadyThresholds(probabilities, truth, labels.length) : undefined
  const predicted = probabilities.map((row) => reached(row, thresholds))
  const report = multiLabelReport(truth, predicted, labels)
  const { microF1, macroF1 } = report
  const losses = probabilities.map((row, i) => setLoss(row, truth[i]!))
  const loss = losses.reduce((sum, x) => sum + x, 0) / (losses.length * labels.length)
  return { report, score: microF1, scores: { microF1, macroF1 }, loss }
}

/** The mean of −ln p(truth), in nats. */
const meanLoss = (probabilities: readonly Float32Array[], truth: readonly number[]): number =>
  probabilities.reduce((sum, row, i) => sum - Math.log(Math.max(row[truth[i]!]!, 1e-30)), 0) / probabilities.length
