// ONNX Runtime's native build for Node. It reads inputs from, and writes outputs into, views of any ArrayBuffer, a WebAssembly memory's included.

import type { OnnxValue } from 'onnxruntime-common'
import type { Runtime, RuntimeTensor } from '../runtime.js'
import { sessionOptions, typeNames } from './session.js'

/** Loads onnxruntime-node. @throws where it is absent or has no binary for the platform. */
export async function nodeRuntime(): Promise<Runtime> {
  const ort = await import('onnxruntime-node')
  const value = ({ dtype, data, shape }: RuntimeTensor) =>
    new ort.Tensor(typeNames[dtype] as 'float32', data as Float32Array, shape) as unknown as OnnxValue
  return {
    name: 'onnxruntime-node',
    copiesInputs: false,
    async createSession(model, options) {
      const session = await ort.InferenceSession.create(model, { ...sessionOptions(options), executionProviders: ['cpu'] })
      const mapped = (tensors: Record<string, RuntimeTensor>) =>
        Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, value(tensor)]))
      return {
        async run(inputs, outputs) {
          await session.run(mapped(inputs), mapped(outputs))
        },
        release: () => session.release(),
      }
    },
  }
}
