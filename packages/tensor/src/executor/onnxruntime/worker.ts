// The worker thread in which a host lives: onnxruntime-node's run blocks its thread, so it must not be the caller's.

import { parentPort, workerData } from 'node:worker_threads'
import { serve } from '../connection.js'
import { type NodeHostOptions, startHost } from './start.js'

const port = parentPort!
serve(startHost(workerData as NodeHostOptions), {
  post: (message) => port.postMessage(message),
  listen: (receive) => port.on('message', receive),
})
