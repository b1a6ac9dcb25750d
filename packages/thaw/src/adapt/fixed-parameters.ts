// Parameters that nothing trains any more: constants of the program that predicts, which the runtime folds and packs for its products (DESIGN E10). A text at a
// time on all-MiniLM-L6-v2, one core: 4.9 ms instead of 9.5.

import type { CompileOptions, Executor, Store } from '@thaw/tensor'
import type { ScopeOptions } from '../nn/scope.js'
import { tokenTable } from './parameters.js'

export interface ParameterAccess extends Pick<ScopeOptions, 'namespaceOf'>, Pick<CompileOptions, 'constants'> {
  /** What the program is bound to. */
  stores: Readonly<Record<string, Store>>
}

/** Whether parameters can be constants: a model with them is one message of protobuf, which ends at 2 GB. */
export function canBeFixed(parameters: ReadonlyMap<string, { shape: readonly number[] }>): boolean {
  let elements = 0
  for (const { shape } of parameters.values()) elements += shape.reduce((product, size) => product * size, 1)
  return 4 * elements < 2 ** 31 - 2 ** 24
}

/** How a program reads parameters: from their store at each run, or, once they are fixed, as constants. */
export function parameterAccess({ name }: Executor, params: Store, fixed: boolean): ParameterAccess {
  if (!fixed) return { stores: { params } }
  // The table of tokens is only looked up in, and half of a small model: as a constant it would take its memory once more (443 MB at most instead of 535 for
  // all-MiniLM-L6-v2). The WASM build would copy it at each run.
  const table = name === 'onnxruntime-web' ? 'fixed' : 'params'
  return { namespaceOf: (path) => (path === tokenTable ? table : 'fixed'), constants: { fixed: params }, stores: { params } }
}
