// What an executor on ONNX Runtime can be told, in Node and in a page.

/** The builds of ONNX Runtime: native for Node, WASM for pages and for platforms without a native one. */
export type RuntimeName = 'onnxruntime-node' | 'onnxruntime-web'

export interface ExecutorOptions {
  /** Threads for each operation. Default: the machine's cores, at most 8; always 1 in a page that is not cross-origin isolated. */
  threads?: number
  /** Keep freed memory for later steps: faster, and more memory. Default true. */
  arena?: boolean
  /** Run in a worker, so that the caller's event loop stays free. Default true. */
  worker?: boolean
  /** The build of ONNX Runtime. Default in Node: onnxruntime-node, or onnxruntime-web where it is absent. A page has onnxruntime-web. */
  runtime?: RuntimeName
  /** In a page: the address of the folder that has onnxruntime-web's `.wasm` and `.mjs`, where the bundler does not bring them along. */
  wasmPaths?: string
}

/** The number of threads: what was asked for, or one for each core, at most 8. @throws where it is no whole number of at least 1. */
export function threadCount(wanted: number | undefined, cores: number): number {
  const threads = wanted ?? Math.min(cores, 8)
  if (!Number.isInteger(threads) || threads < 1) throw new Error(`threads ${threads}: expected a whole number of at least 1`)
  return threads
}
