// For tests: builds a graph and computes it at once.

import type { Executor } from '../executor/executor.js'
import { createExecutor } from '../executor/onnxruntime/index.js'
import type { DType, TypedArray } from '../graph/dtype.js'
import type { Tensor } from '../graph/tensor.js'

let shared: ReturnType<typeof createExecutor> | undefined

/** An executor in the test's own thread, made once per process. */
export const testExecutor = () => (shared ??= createExecutor({ threads: 2, worker: false }))

export interface Value {
  dtype: DType
  shape: readonly number[]
  data: TypedArray
}

/** The values of tensors whose only leaves are inputs and constants. */
export async function compute(
  outputs: Record<string, Tensor>,
  feeds: Record<string, Value> = {},
  executor?: Executor,
): Promise<Record<string, Value>> {
  const executable = await (executor ?? (await testExecutor())).compile({ outputs })
  try {
    return (await executable.bind({}).run({ feeds })).outputs
  } finally {
    await executable.dispose()
  }
}
