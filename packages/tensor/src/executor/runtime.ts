// What an ONNX runtime has to offer an executor. onnxruntime-node is the first; onnxruntime-web speaks the same.

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

export interface Runtime {
  readonly name: string
  createSession(model: Uint8Array, options: { threads: number; arena: boolean; optimize: boolean }): Promise<RuntimeSession>
}
