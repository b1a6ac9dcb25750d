// From probabilities to decisions: a trained model gets the thresholds of its labels that are best on the validation examples.

import { classificationReport } from '../metrics/classification.js'
import { classThresholds, steadyThresholds } from '../metrics/thresholds.js'
import { labelId } from '../tasks/classification.js'
import { labelIds } from '../tasks/multi-label.js'
import type { Task } from '../tasks/task.js'
import type { LabelledText } from './adapt.js'
import type { Classifier } from './classifier.js'
import type { Kind, Models, Reports } from './kinds.js'
import type { MultiLabelModel } from './multi-label.js'

/** Sets the thresholds; returns how good the model is as it decides by them. Undefined where the task has no labels. */
export async function decideByThresholds(
  task: Task,
  model: Models[Kind],
  examples: readonly LabelledText[],
): Promise<{ report: Reports[Kind]; score: number } | undefined> {
  if (task.kind === 'classification') return ofOneLabel(model as Classifier, examples)
  return task.kind === 'multi-label' ? ofLabels(model as MultiLabelModel, examples) : undefined
}

async function ofOneLabel(model: Classifier, examples: readonly LabelledText[]) {
  const { labels } = model
  const wanted = examples.map(({ label }) => labelId(labels, label))
  const rows = await model.probabilities(examples)
  model.thresholds = classThresholds(rows, labels.length, (predicted) => classificationReport(wanted, predicted, labels).macroF1)
  const { report } = await model.evaluate(examples as never)
  return { report, score: report.accuracy }
}

async function ofLabels(model: MultiLabelModel, examples: readonly LabelledText[]) {
  const { labels } = model
  const wanted = examples.map(({ labels: own }) => labelIds(labels, own))
  model.thresholds = steadyThresholds(await model.probabilities(examples), wanted, labels.length)
  const { report } = await model.evaluate(examples as never)
  return { report, score: report.microF1 }
}
