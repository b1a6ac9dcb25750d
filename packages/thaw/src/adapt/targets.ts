// From examples' labels to what the loss compares with, and the model that is made for a task.

import { labelId } from '../tasks/classification.js'
import { labelIds } from '../tasks/multi-label.js'
import { choiceIndex } from '../tasks/multiple-choice.js'
import { numberLabel } from '../tasks/regression.js'
import { hasLabels, type Task } from '../tasks/task.js'
import type { LabelledText } from './adapt.js'
import type { LabelFeed } from './batches.js'
import { type ClassifierParts, createClassifier } from './classifier.js'
import type { Kind, Models } from './kinds.js'
import { createMultiLabelModel } from './multi-label.js'
import { createChoiceModel, createRegressor, type TaskDetails } from './task-models.js'

/** The id of a label or a candidate, a number scaled to 0…1, or the ids of several labels. @throws where a label is none of the task's. */
export function targetOf(task: Task, example: LabelledText): number | readonly number[] {
  if (task.kind === 'multi-label') return labelIds(task.labels, example.labels)
  if (task.kind === 'classification') return labelId(task.labels, example.label)
  if (task.kind === 'multiple-choice') return choiceIndex(example.choices ?? [], example.label)
  const [low, high] = task.range
  return (numberLabel(task, example.label) - low) / (high - low)
}

/** The labels of batches of these examples, as {@link taskLoss} is fed with them. */
export function labelFeed(task: Task, examples: readonly LabelledText[]): LabelFeed {
  const targets = examples.map((example) => targetOf(task, example))
  if (task.kind === 'multi-label') {
    const width = task.labels.length
    return (batch) => {
      const data = new Float32Array(batch.length * width)
      for (const [row, i] of batch.entries()) for (const k of targets[i] as readonly number[]) data[row * width + k] = 1
      return { data, shape: [batch.length, width] }
    }
  }
  const numbers = targets as readonly number[]
  const of = task.kind === 'regression' ? Float32Array : Int32Array
  return (batch) => ({ data: new of(batch.map((i) => numbers[i]!)), shape: [batch.length] })
}

/** What is kept of a model of this task beside what all have. */
export function detailsOf(task: Task): Partial<TaskDetails> {
  if (task.kind === 'multiple-choice') return { choices: task.choices }
  const form = task.form === 'two-tower' ? ({ form: 'two-tower' } as const) : {}
  return task.kind === 'regression' ? { ...form, range: task.range } : form
}

/** The model of a task, over parameters in a store. */
export function createModel(
  task: Task,
  parts: Omit<ClassifierParts, 'details'> & { details: Omit<TaskDetails, 'task'> & { mix: boolean } },
): Promise<Models[Kind]> {
  const { mix, ...details } = parts.details
  if (hasLabels(task)) {
    const labelled = { ...parts, details: { ...details, mix, task: task.kind, labels: task.labels } }
    return task.kind === 'multi-label' ? createMultiLabelModel(labelled) : createClassifier(labelled)
  }
  const rest = { ...parts, details: { ...details, task: task.kind } }
  return task.kind === 'regression' ? createRegressor({ ...rest, task }) : createChoiceModel({ ...rest, task })
}
