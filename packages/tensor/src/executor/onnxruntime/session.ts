// What both builds of ONNX Runtime are told in the same way.

import type { InferenceSession } from 'onnxruntime-common'
import type { DType } from '../../graph/dtype.js'
import type { SessionOptions } from '../runtime.js'

/** ONNX Runtime's names of the types. */
export const typeNames = {
  f32: 'float32',
  f16: 'float16',
  bf16: 'float16',
  i32: 'int32',
  i64: 'int64',
  u8: 'uint8',
  i8: 'int8',
  bool: 'bool',
} as const satisfies Record<DType, string>

export function sessionOptions({ threads, arena, optimize }: SessionOptions): InferenceSession.SessionOptions {
  return {
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
}
