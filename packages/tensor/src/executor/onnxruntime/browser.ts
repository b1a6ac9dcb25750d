// Executors on ONNX Runtime's WASM build, in a page: the counterpart of index.ts, without anything of Node.

import { inline, remote, type WorkerLink } from '../connection.js'
import { type Executor, openExecutor } from '../executor.js'
import { type BrowserHostOptions, startHost } from './browser-start.js'
import { type ExecutorOptions, threadCount } from './options.js'

export type { ExecutorOptions, RuntimeName } from './options.js'

/**
 * An executor on onnxruntime-web, in a worker of its own where the page can have one. It uses several threads where the page is
 * cross-origin isolated (served with `Cross-Origin-Opener-Policy: same-origin` and `Cross-Origin-Embedder-Policy: require-corp`), else one.
 *
 * @throws where onnxruntime-web is not installed.
 */
export async function createExecutor(options: ExecutorOptions = {}): Promise<Executor> {
  if (options.runtime === 'onnxruntime-node') throw new Error('runtime onnxruntime-node: a page has onnxruntime-web only')
  const wanted = threadCount(options.threads, navigator.hardwareConcurrency)
  const host: BrowserHostOptions = {
    threads: globalThis.crossOriginIsolated ? wanted : 1,
    arena: options.arena ?? true,
    wasmPaths: options.wasmPaths && new URL(options.wasmPaths, location.href).href,
  }
  const inWorker = options.worker !== false && typeof Worker !== 'undefined'
  const connection = inWorker ? remote(workerOf(host)) : inline(await startHost(host))
  return (await openExecutor(connection)).executor
}

const notLoaded =
  "its file cannot be loaded. Vite's development server needs `optimizeDeps: { exclude: ['thaw', '@thaw/tensor'], include: ['@thaw/tensor > protobufjs/minimal.js'] }` in vite.config.js"

function workerOf(options: BrowserHostOptions): WorkerLink {
  const worker = new Worker(new URL('./browser-worker.js', import.meta.url), { type: 'module', name: 'thaw-executor' })
  worker.postMessage(options)
  return {
    post: (message) => worker.postMessage(message),
    listen(receive, fail) {
      worker.onmessage = ({ data }) => receive(data)
      worker.onerror = ({ message }) => fail(new Error(`the executor's worker has failed: ${message ?? notLoaded}`))
      worker.onmessageerror = () => fail(new Error('the executor sent a message that cannot be read'))
    },
    close: async () => worker.terminate(),
  }
}
