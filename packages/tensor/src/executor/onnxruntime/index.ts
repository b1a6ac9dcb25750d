// Executors on ONNX Runtime's CPU kernels.

import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { type Connection, Executor } from '../executor.js'
import { Host, type HostOptions } from '../host.js'
import { nodeRuntime } from './node.js'

export interface ExecutorOptions {
  /** Threads for each operation. Default: the machine's cores, at most 8. */
  threads?: number
  /** Keep freed memory for later steps: faster, and more memory. Default true. */
  arena?: boolean
  /** Run in a worker, so that the caller's event loop stays free. Default true. */
  worker?: boolean
}

/**
 * An executor on ONNX Runtime.
 *
 * @throws where onnxruntime-node is not installed, with the commands that install it.
 */
export async function createExecutor(options: ExecutorOptions = {}): Promise<Executor> {
  const threads = options.threads ?? Math.min(availableParallelism(), 8)
  if (!Number.isInteger(threads) || threads < 1) throw new Error(`threads ${threads}: expected a whole number of at least 1`)
  const host: HostOptions = { threads, arena: options.arena ?? true }
  const connection = options.worker === false ? inline(new Host(await nodeRuntime(), host)) : remote(host)
  return new Executor('onnxruntime', connection)
}

function inline(host: Host): Connection {
  let queue: Promise<unknown> = Promise.resolve()
  return {
    call(method, ...args) {
      const run = host[method] as unknown as (...args: unknown[]) => unknown
      const result = queue.then(() => run.apply(host, args))
      queue = result.catch(() => {})
      return result as never
    },
    close: async () => {},
  }
}

function remote(options: HostOptions): Connection {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: options })
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>()
  let nextId = 0
  let dead: Error | undefined
  const fail = (error: Error) => {
    dead = error
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }
  worker.on('message', ({ id, result, error }: { id: number; result?: never; error?: string }) => {
    const call = waiting.get(id)
    waiting.delete(id)
    if (waiting.size === 0) worker.unref()
    if (error === undefined) call?.resolve(result as never)
    else call?.reject(new Error(error))
  })
  worker.on('error', fail)
  worker.on('exit', () => fail(new Error('the executor has been disposed of')))
  worker.unref()
  return {
    call(method, ...args) {
      if (dead) return Promise.reject(dead)
      return new Promise((resolve, reject) => {
        const id = nextId++
        waiting.set(id, { resolve, reject })
        worker.ref()
        worker.postMessage({ id, method, args })
      })
    },
    async close() {
      await worker.terminate()
    },
  }
}
