// The tasks whose head reads one vector a text, as one: what the encoder is fed with, outputs, loss, and what a model gives out.

import { dim, input, ops, type Tensor } from '@thaw/tensor'
import type { TransformerConfig } from '../models/config.js'
import { transformer } from '../models/transformer.js'
import type { Scope } from '../nn/scope.js'
import { type ClassificationTask, type ClassifierInputs, classifierLogits, classifierLoss } from './classification.js'
import type { RowsOf } from './form.js'
import { type MultiLabelTask, multiLabelLoss } from './multi-label.js'
import { choiceLogits, type MultipleChoiceTask } from './multiple-choice.js'
import { type Pooling, pool } from './pooling.js'
import { type RegressionTask, regressionLoss, regressionOutputs, regressionValues } from './regression.js'

export type Task = ClassificationTask | MultiLabelTask | RegressionTask | MultipleChoiceTask

/** A task whose outputs are one for each of its labels. */
export type LabelTask = ClassificationTask | MultiLabelTask

export const hasLabels = (task: Task): task is LabelTask => task.kind === 'classification' || task.kind === 'multi-label'

/** How many rows of the encoder's batch an example of the task takes, and why. */
export const rowsOf = (task: Task): RowsOf => (task.kind === 'multiple-choice' ? { choices: task.choices } : { form: task.form })

/** What the loss compares with the labels: logits [batch, labels or choices], or [batch, 1]. `rate` is the dropout before the head. */
export function taskOutputs(
  scope: Scope,
  config: TransformerConfig,
  inputs: ClassifierInputs,
  task: Task,
  { pooling, rate }: { pooling: Pooling; rate: number },
): Tensor {
  if (hasLabels(task)) return classifierLogits(scope, config, inputs, { labels: task.labels.length, pooling, dropout: rate, form: task.form })
  const pooled = pool(pooling, transformer(scope, config, inputs).hidden, inputs.visible)
  return task.kind === 'regression' ? regressionOutputs(scope, config, pooled, task, rate) : choiceLogits(scope, config, pooled, task, rate)
}

/** The mean loss against `labels`: ids [batch] (i32), 0 or 1 for each label [batch, labels] (f32), or numbers scaled to 0…1 [batch] (f32); `weights` are the labels'. */
export function taskLoss(outputs: Tensor, task: Task, weights?: readonly number[]): Tensor {
  if (task.kind === 'classification') return classifierLoss(outputs, weights)
  if (task.kind === 'multi-label') return multiLabelLoss(outputs, task.labels.length, weights)
  return task.kind === 'regression' ? regressionLoss(outputs, task) : ops.crossEntropy(outputs, input('labels', [dim('batch')], 'i32'))
}

/** What a model gives out: probabilities, or numbers in the labels' own units. */
export function taskResults(outputs: Tensor, task: Task): Tensor {
  if (task.kind === 'regression') return regressionValues(outputs, task)
  return task.kind === 'multi-label' ? ops.sigmoid(outputs) : ops.softmax(outputs)
}
