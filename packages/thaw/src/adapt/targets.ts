// From an example's label to the number that the loss compares with, and the model that is made for a task.

import type { TextLike } from '../tasks/form.js'
import { choiceIndex } from '../tasks/multiple-choice.js'
import { numberLabel } from '../tasks/regression.js'
import type { Task } from '../tasks/task.js'
import { type ClassifierParts, createClassifier, labelId } from './classifier.js'
import type { Kind, Models } from './kinds.js'
import { createChoiceModel, createRegressor, type TaskDetails } from './task-models.js'

/** The id of a label or a candidate, or a number scaled to 0…1. @throws where the label is none of the task's. */
export function targetOf(task: Task, example: TextLike & { label?: string }): number {
  if (task.kind === 'classification') return labelId(task.labels, example.label)
  if (task.kind === 'multiple-choice') return choiceIndex(example.choices ?? [], example.label)
  const [low, high] = task.range
  return (numberLabel(task, example.label) - low) / (high - low)
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
  if (task.kind === 'classification') return createClassifier({ ...parts, details: { ...details, mix, task: 'classification', labels: task.labels } })
  const rest = { ...parts, details: { ...details, task: task.kind } }
  return task.kind === 'regression' ? createRegressor({ ...rest, task }) : createChoiceModel({ ...rest, task })
}
