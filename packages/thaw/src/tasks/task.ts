// The tasks whose head reads one vector a text, as one: what the encoder is fed with, outputs, loss, and what a model gives out.

import { dim, input, ops, type Tensor } from '@thaw/tensor'
import type { TransformerConfig } from '../models/config.js'
import { transformer } from '../models/transformer.js'
import type { Scope } from '../nn/scope.js'
import { type ClassificationTask, type ClassifierInputs, classifierLogits, classifierLoss } from './classification.js'
import type { RowsOf } from './form.js'
import { choiceLogits, type MultipleChoiceTask } from './multiple-choice.js'
import { type Pooling, pool } from './pooling.js'
import { type RegressionTask, regressionLoss, regressionOutputs, regressionValues } from './regression.js'

export type Task = ClassificationTask | RegressionTask | MultipleChoiceTask

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
  if (task.kind === 'classification')
    return classifierLogits(scope, config, inputs, { labels: task.labels.length, pooling, dropout: rate, form: task.form })
  const pooled = pool(pooling, transformer(scope, config, inputs).hidden, inputs.visible)
  return task.kind === 'regression' ? regressionOutputs(scope, config, pooled, task, rate) : choiceLogits(scope, config, pooled, task, rate)
}

/** The mean loss against `labels` [batch]: ids (i32), or numbers scaled to 0…1 (f32); `weights` are those of a classification's labels. */
export function taskLoss(outputs: Tensor, task: Task, weights?: readonly number[]): Tensor {
  if (task.kind === 'classification') return classifierLoss(outputs, weights)
  return task.kind === 'regression' ? regressionLoss(outputs, task) : ops.crossEntropy(outputs, input('labels', [dim('batch')], 'i32'))
}

/** What a model gives out: probabilities, or numbers in the labels' own units. */
export const taskResults = (outputs: Tensor, task: Task): Tensor =>
  task.kind === 'regression' ? regressionValues(outputs, task) : ops.softmax(outputs)
