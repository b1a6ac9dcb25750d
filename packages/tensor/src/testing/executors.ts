// The executors that tests of the engine run on. One that is added here runs every suite that is declared with `onEachExecutor`.

import { after, describe as suite } from 'node:test'
import type { Executor } from '../executor/executor.js'
import { createExecutor } from '../executor/onnxruntime/index.js'

const makers: Readonly<Record<string, () => Promise<Executor>>> = {
  'onnxruntime-node': () => createExecutor({ runtime: 'onnxruntime-node', threads: 2, worker: false }),
  // its threads spin while they wait, which costs more than it saves where graphs are small and the machine is shared
  'onnxruntime-web': () => createExecutor({ runtime: 'onnxruntime-web', threads: 1, worker: false }),
}

/** One executor after the other, or the reason why it is absent here. They live in the test's own thread. */
export const executors = (): Promise<{ name: string; executor?: Executor; absent?: string }[]> =>
  Promise.all(
    Object.entries(makers).map(([name, make]) =>
      make().then(
        (executor) => ({ name, executor }),
        (error: Error) => ({ name, absent: error.message.split('\n', 1)[0]! }),
      ),
    ),
  )

/**
 * Declares a suite of tests once for each executor; a suite whose executor is absent is skipped, and says why.
 *
 * ```ts
 * await onEachExecutor('square', (executor) => {
 *   test('of 3', async () => { … compute({ y }, feeds, executor) … })
 * })
 * ```
 */
export async function onEachExecutor(title: string, declare: (executor: Executor) => void): Promise<void> {
  for (const { name, executor, absent } of await executors())
    suite(`${title}, on ${name}`, { skip: absent ?? false }, () => {
      if (!executor) return
      after(() => executor[Symbol.asyncDispose]())
      declare(executor)
    })
}
