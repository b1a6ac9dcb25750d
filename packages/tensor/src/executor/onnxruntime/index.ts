// Executors on ONNX Runtime's CPU kernels, in Node. A page gets browser.ts instead (package.json, `imports`).

import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { inline, remote, type WorkerLink } from '../connection.js'
import { type Executor, openExecutor } from '../executor.js'
import { type ExecutorOptions, threadCount } from './options.js'
import { type NodeHostOptions, startHost } from './start.js'

export type { ExecutorOptions, RuntimeName } from './options.js'

let announced = false

/**
 * An executor on ONNX Runtime. Where onnxruntime-node is absent it runs on onnxruntime-web, and says so in a line on stderr.
 *
 * @throws where neither is installed, with the commands that install them.
 */
export async function createExecutor(options: ExecutorOptions = {}): Promise<Executor> {
  const host: NodeHostOptions = {
    threads: threadCount(options.threads, availableParallelism()),
    arena: options.arena ?? true,
    runtime: options.runtime,
  }
  const connection = options.worker === false ? inline(await startHost(host)) : remote(threadOf(host))
  const { executor, fallback } = await openExecutor(connection)
  if (fallback !== undefined && !announced) {
    announced = true
    console.warn(`thaw: onnxruntime-node cannot be loaded (${fallback}); running on onnxruntime-web, which is slower`)
  }
  return executor
}

function threadOf(options: NodeHostOptions): WorkerLink {
  // `node --input-type=module --eval …` passes its options on to threads, where a file is no input
  const evaluated = process.execArgv.some((option) => option.startsWith('--input-type'))
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: options, ...(evaluated ? { execArgv: [] } : {}) })
  worker.unref()
  return {
    post: (message) => worker.postMessage(message),
    listen(receive, fail) {
      worker.on('message', receive)
      worker.on('error', fail)
      worker.on('exit', () => fail(new Error('the executor has been disposed of')))
    },
    // a process ends once nothing waits for its executor
    busy: (waiting) => (waiting ? worker.ref() : worker.unref()),
    async close() {
      await worker.terminate()
    },
  }
}
