// The page of the browser test: what Node's tests do, called from outside through `window.thaw`.

import { createExecutor, type ExecutorOptions } from '../index.js'
import { checkOperation, operationCases } from './operations.js'
import { trainTiny } from './training.js'

const fixtures = new URL('../../fixtures/ops.json', import.meta.url).href

/** Runs something on an executor of its own. */
async function on<T>(options: ExecutorOptions, use: (executor: Awaited<ReturnType<typeof createExecutor>>) => Promise<T>) {
  await using executor = await createExecutor(options)
  return { name: executor.name, threads: executor.threads, result: await use(executor) }
}

const thaw = {
  /** The whole operation suite: how many cases there are, and what failed. */
  operations: (options: ExecutorOptions) =>
    on(options, async (executor) => {
      const cases = operationCases(await (await fetch(fixtures)).text())
      const failed: string[] = []
      for (const stored of cases)
        await checkOperation(executor, stored).catch((error: Error) => failed.push(`${stored.op}: ${stored.name}: ${error.message}`))
      return { cases: cases.length, failed }
    }),
  /** Steps of the tiny model. */
  training: (options: ExecutorOptions, steps?: number) => on(options, (executor) => trainTiny(executor, steps)),
}

declare global {
  interface Window {
    thaw: typeof thaw
  }
}
window.thaw = thaw
