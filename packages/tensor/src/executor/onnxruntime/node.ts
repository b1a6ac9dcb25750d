// ONNX Runtime's native build for Node. It reads inputs from, and writes outputs into, views of any ArrayBuffer, a WebAssembly memory's included.

import type { InferenceSession, OnnxValue } from 'onnxruntime-common'
import type { DType } from '../../graph/dtype.js'
import type { Runtime, RuntimeTensor } from '../runtime.js'

const typeNames = {
  f32: 'float32',
  f16: 'float16',
  bf16: 'float16',
  i32: 'int32',
  i64: 'int64',
  u8: 'uint8',
  i8: 'int8',
  bool: 'bool',
} as const satisfies Record<DType, string>

/** Loads onnxruntime-node. @throws with the two install commands where it is absent. */
export async function nodeRuntime(): Promise<Runtime> {
  const ort = await import('onnxruntime-node').catch((cause: unknown) => {
    throw new Error(
      'onnxruntime-node is not installed, or has no binary for this platform. Install it with\n  npm install --ignore-scripts onnxruntime-node   (the CPU binary is inside the package; skips the download of CUDA libraries)\n  npm install onnxruntime-node                    (with CUDA libraries, where their host can be reached)',
      { cause },
    )
  })
  const value = ({ dtype, data, shape }: RuntimeTensor) =>
    new ort.Tensor(typeNames[dtype] as 'float32', data as Float32Array, shape) as unknown as OnnxValue
  return {
    name: 'onnxruntime-node',
    async createSession(model, { threads, arena, optimize }) {
      const options: InferenceSession.SessionOptions = {
        executionProviders: ['cpu'],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        enableCpuMemArena: arena,
        // a plan of all allocations keeps more than it saves: 3,290 MB with it, 2,280 without for a step of the tutorial's 50 M model, at the same speed
        enableMemPattern: false,
        // a training graph is written as it shall run; the runtime's own passes would merge recomputations and change the order
        graphOptimizationLevel: optimize ? 'all' : 'disabled',
        logSeverityLevel: 3,
      }
      const session = await ort.InferenceSession.create(model, options)
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
