// What an ONNX runtime has to offer an executor. onnxruntime-node and onnxruntime-web are the two.

import type { DType, TypedArray } from '../graph/dtype.js'

export interface RuntimeTensor {
  dtype: DType
  shape: readonly number[]
  data: TypedArray
}

export interface RuntimeSession {
  /** Computes the outputs into the arrays given. */
  run(inputs: Record<string, RuntimeTensor>, outputs: Record<string, RuntimeTensor>): Promise<void>
  release(): Promise<void>
}

export interface SessionOptions {
  threads: number
  /** Keep freed memory for later runs. */
  arena: boolean
  /** Let the runtime rewrite the graph. */
  optimize: boolean
}

export interface Runtime {
  readonly name: string
  /** Inputs are copied at each run, and not read where they are. */
  readonly copiesInputs: boolean
  createSession(model: Uint8Array, options: SessionOptions): Promise<RuntimeSession>
}
