// A model that is loaded to be used has an executor of its own. It starts while the checkpoint is read, and ends where anything fails.

import { createExecutor, type Executor } from '@thaw/tensor'
import type { Backbone } from './backbone.js'

export interface ExecutorChoice {
  threads?: number
}

/** What `make` makes of a checkpoint, on an executor that it takes over. */
export async function onOwnExecutor<M>(
  given: Backbone | Promise<Backbone>,
  options: ExecutorChoice,
  make: (backbone: Backbone, executor: Executor) => Promise<M>,
): Promise<M> {
  const starting = createExecutor(options)
  try {
    const [backbone, executor] = await Promise.all([given, starting])
    return await make(backbone, executor)
  } catch (error) {
    await starting.then((executor) => executor[Symbol.asyncDispose]()).catch(() => {})
    throw error
  }
}
