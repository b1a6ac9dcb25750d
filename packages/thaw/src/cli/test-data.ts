// Labelled texts that a model is measured on, as `thaw evaluate` and `thaw ablate` read them: they have to fit the model's task.

import type { TaskModel } from '../adapt/index.js'
import type { Example } from '../data/index.js'
import { countFromOne, fitToTask } from './adapt-task.js'
import { refuseMissingColumns } from './answers.js'
import { type DataOptions, dataOptionsOf, describeReading, readLabelled } from './data-options.js'
import { named, say } from './screen.js'

/** Reads a file of examples for a model, and says how it was read. @throws where columns are missing, or labels are not the model's. */
export async function readTest(file: string, { task, pairs }: Pick<TaskModel, 'task' | 'pairs'>, given: DataOptions): Promise<Example[]> {
  refuseMissingColumns(file, task, pairs, given)
  const several = task.kind === 'multi-label' ? { multiLabel: true } : {}
  const read = await readLabelled(file, { ...dataOptionsOf(given), ...several })
  const examples = fitToTask(file, read.examples, task, "the model's labels", countFromOne(read.examples))
  say(named('data', describeReading(file, read)))
  return examples
}
