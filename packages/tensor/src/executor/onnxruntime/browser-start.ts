// A host over onnxruntime-web in a page or in a worker of one.

import { Host, type HostOptions } from '../host.js'
import { webRuntime } from './web.js'

export interface BrowserHostOptions extends HostOptions {
  wasmPaths: string | undefined
}

/** The name of an executor's worker, by which it knows that it is one. */
export const workerName = 'thaw-executor'

export async function startHost(options: BrowserHostOptions): Promise<Host> {
  const ort = await import('onnxruntime-web/wasm').catch((cause: unknown) => {
    throw new Error('onnxruntime-web cannot be loaded: install it with  npm install onnxruntime-web@1.30.0', { cause })
  })
  return new Host(webRuntime(ort, options.threads, options.wasmPaths), options)
}
