// ONNX Runtime's WASM build, for pages and for Node where there is no native build. It copies its inputs into its own memory and allocates its
// outputs (an output given beforehand is copied in and never out: wasm-core-impl.ts of onnxruntime-web 1.30), so results are copied into place.

import type { Env, InferenceSessionFactory, TensorConstructor, TypedTensor } from 'onnxruntime-common'
import type { Runtime, RuntimeTensor } from '../runtime.js'
import { sessionOptions, typeNames } from './session.js'

/** What onnxruntime-web's entries export, that for Node and that for pages. */
export interface OnnxRuntimeWeb {
  env: Env
  InferenceSession: InferenceSessionFactory
  Tensor: TensorConstructor
}

/** Addresses of the code that starts the WASM build and its threads, and of the WASM itself. */
export interface WasmFiles {
  mjs: string
  wasm: string
}

/** Threads and place of the WASM files are the module's, not a session's: the first runtime of a thread decides. */
let started: number | undefined
let lastCreated: Promise<unknown> = Promise.resolve()

/**
 * A runtime over a loaded onnxruntime-web, which finds its files at `wasmPaths` (a folder, or each file by its address) or beside itself.
 *
 * @throws where another executor in the same thread has started the module with another number of threads.
 */
export function webRuntime(ort: OnnxRuntimeWeb, threads: number, wasmPaths?: string | WasmFiles): Runtime {
  if (started !== undefined && started !== threads)
    throw new Error(
      `onnxruntime-web runs with ${started} ${started === 1 ? 'thread' : 'threads'} in this JavaScript thread and cannot run with ${threads} as well: give both executors the same number, or leave \`worker\` on`,
    )
  started = threads
  ort.env.wasm.numThreads = threads
  ort.env.logLevel = 'error'
  if (wasmPaths !== undefined) ort.env.wasm.wasmPaths = wasmPaths
  const value = ({ dtype, data, shape }: RuntimeTensor) => new ort.Tensor(typeNames[dtype] as 'float32', data as Float32Array, shape)
  return {
    name: 'onnxruntime-web',
    copiesInputs: true,
    async createSession(model, options) {
      // the module refuses to be initialised twice at once
      const creation = lastCreated.then(() => ort.InferenceSession.create(model, { ...sessionOptions(options), executionProviders: ['wasm'] }))
      lastCreated = creation.catch(() => {})
      const session = await creation
      return {
        async run(inputs, outputs) {
          const feeds = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, value(tensor)]))
          const computed = await session.run(feeds, Object.keys(outputs))
          for (const [name, { data }] of Object.entries(outputs)) copyBytes(data, (computed[name] as TypedTensor<'float32'>).data, name)
        },
        release: () => session.release(),
      }
    },
  }
}

function copyBytes(target: ArrayBufferView, source: ArrayBufferView, name: string): void {
  if (source.byteLength !== target.byteLength)
    throw new Error(`${name}: the graph computed ${source.byteLength} bytes, but the shape it was declared with has ${target.byteLength}`)
  // bytes, not values: the runtime gives halves as Float16Array where the platform has it
  new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(new Uint8Array(source.buffer, source.byteOffset, source.byteLength))
}
