// The worker thread in which a host lives: onnxruntime-node's run blocks its thread, so it must not be the caller's.

import { parentPort, workerData } from 'node:worker_threads'
import { Host, type HostOptions } from '../host.js'
import { nodeRuntime } from './node.js'

interface Call {
  id: number
  method: string
  args: unknown[]
}

const port = parentPort!
const ready = nodeRuntime().then((runtime) => new Host(runtime, workerData as HostOptions))
let queue: Promise<void> = Promise.resolve()

port.on('message', ({ id, method, args }: Call) => {
  // one after the other: a run must see what the write before it wrote
  queue = queue.then(async () => {
    try {
      const host = (await ready) as unknown as Record<string, (...args: unknown[]) => unknown>
      port.postMessage({ id, result: await host[method]!(...args) })
    } catch (error) {
      port.postMessage({ id, error: error instanceof Error ? error.message : String(error) })
    }
  })
})
