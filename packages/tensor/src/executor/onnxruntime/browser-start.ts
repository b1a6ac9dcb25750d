// A host over onnxruntime-web in a page or in a worker of one.

import { Host, type HostOptions } from '../host.js'
import { type WasmFiles, webRuntime } from './web.js'

export interface BrowserHostOptions extends HostOptions {
  wasmPaths: string | undefined
}

/**
 * The files as the bundler serves them. They are named although onnxruntime-web's own bundle has the glue code inside: it starts its threads
 * from the file it lies in, which after bundling is the page's or the worker's whole program.
 */
const bundled: WasmFiles = {
  mjs: new URL('onnxruntime-web/ort-wasm-simd-threaded.mjs', import.meta.url).href,
  wasm: new URL('onnxruntime-web/ort-wasm-simd-threaded.wasm', import.meta.url).href,
}

export async function startHost(options: BrowserHostOptions): Promise<Host> {
  const ort = await import('onnxruntime-web/wasm').catch((cause: unknown) => {
    throw new Error('onnxruntime-web cannot be loaded: install it with  npm install onnxruntime-web@1.30.0', { cause })
  })
  return new Host(webRuntime(ort, options.threads, options.wasmPaths ?? bundled), options)
}
