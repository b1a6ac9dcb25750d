// A program: a graph to compute, what it writes into stores, and the kernels that run over the stores afterwards (DESIGN D1, D2b, E2).

import { normaliseAxis } from '../graph/broadcast.js'
import { sameDim, sameShape } from '../graph/dim.js'
import { describe, GraphError, stateOperation, type Tensor } from '../graph/tensor.js'
import { type Lowered, type LowerOptions, lower } from '../onnx/lower.js'

/** A tensor in a store, by namespace and path. */
export interface StateRef {
  namespace: string
  path: string
  /** Only these rows of it; for kernels. */
  rows?: { from: number; to: number }
}

/** How a state changes when a program has run; every read of the run sees the old value (DESIGN E2). */
export type Update =
  /** The whole tensor becomes `value`. */
  | { kind: 'replace'; state: Tensor; value: Tensor }
  /** Rows `ids` (i32 [n]) become `values` [n, ..], the last of equal ids wins; with `add` they are added, and equal ids add up. */
  | { kind: 'rows'; state: Tensor; ids: Tensor; values: Tensor; add?: boolean }
  /** Places from `offset` (i32 scalar) on along `axis` become `values`. */
  | { kind: 'slice'; state: Tensor; axis: number; offset: Tensor; values: Tensor }
  /** The first n places along `axis` (default 0) become the old places `ids` (i32 [n]); later ones stay. */
  | { kind: 'gather'; state: Tensor; axis?: number; ids: Tensor }

/** A kernel over flat memory, run after the graph; scalars are numbers or names of the run's scalars. */
export interface KernelStep {
  kernel: string
  states: Record<string, StateRef>
  /** Graph outputs the kernel reads, by role. */
  values?: Record<string, string>
  scalars?: Record<string, number | string>
  /** Many tensors at once: for norms. */
  group?: StateRef[]
}

export interface Program {
  /** Values to give back, by name. */
  outputs: Readonly<Record<string, Tensor>>
  /** Outputs that only kernels read. */
  hidden?: readonly string[]
  updates?: readonly Update[]
  steps?: readonly KernelStep[]
}

/** How an output of the graph reaches a store. */
export interface Write extends StateRef {
  kind: Update['kind']
  add?: boolean
  axis?: number
  /** Names of graph outputs. */
  value?: string
  ids?: string
  offset?: string
}

/** A program that is ready for an executor: plain data. */
export interface Compiled extends Lowered {
  /** The outputs that are given back; others are for writes and kernels only. */
  results: string[]
  writes: Write[]
  steps: KernelStep[]
}

/** Lowers a program. @throws GraphError where an update does not fit its state, or two updates of one state would depend on their order. */
export function compileProgram(program: Program, options: LowerOptions = {}): Compiled {
  const outputs: Record<string, Tensor> = { ...program.outputs }
  const updates = program.updates ?? []
  const writes = updates.map((update, i): Write => {
    const named = (role: string, tensor: Tensor) => {
      const name = `${role}:${i}`
      outputs[name] = tensor
      return name
    }
    checkUpdate(update)
    const { namespace, path } = update.state.node.attributes as StateRef
    const target = { namespace, path, kind: update.kind }
    if (update.kind === 'replace') return { ...target, value: named('value', update.value) }
    if (update.kind === 'gather') return { ...target, axis: update.axis ?? 0, ids: named('ids', update.ids) }
    const value = named('value', update.values)
    if (update.kind === 'slice') return { ...target, value, axis: update.axis, offset: named('offset', update.offset) }
    return { ...target, value, add: update.add ?? false, ids: named('ids', update.ids) }
  })
  for (const [i, { namespace, path, kind }] of writes.entries())
    if (kind === 'replace' && writes.some((other, k) => k !== i && other.namespace === namespace && other.path === path))
      throw new GraphError(`update: ${path} is replaced and updated once more in one program: which comes first would decide its value`)
  return {
    ...lower(outputs, options),
    results: Object.keys(program.outputs).filter((name) => !program.hidden?.includes(name)),
    writes,
    steps: [...(program.steps ?? [])],
  }
}

function checkUpdate(update: Update): void {
  const { state } = update
  if (state.node.operation !== stateOperation) throw new GraphError(`update: ${describe(state)} is no state: only tensors in stores can be updated`)
  const refuse = (what: string) => {
    throw new GraphError(`update: ${what} ${describe(state)}`)
  }
  const whole = (ids: Tensor) => ids.dtype === 'i32' && ids.rank === 1
  if (update.kind === 'replace') {
    if (!sameShape(update.value.shape, state.shape) || update.value.dtype !== state.dtype) refuse(`${describe(update.value)} does not fit`)
  } else if (update.kind === 'rows') {
    const { ids, values } = update
    if (!whole(ids) || !sameShape(values.shape, [ids.shape[0]!, ...state.shape.slice(1)]) || values.dtype !== state.dtype)
      refuse(`rows ${describe(values)} at ${describe(ids)} do not fit`)
    if (update.add && state.dtype !== 'f32') refuse('rows can be added to f32 only, not to')
  } else if (update.kind === 'slice') {
    const { axis, values, offset } = update
    normaliseAxis('update', axis, state.rank)
    if (
      axis < 0 ||
      values.rank !== state.rank ||
      values.dtype !== state.dtype ||
      !values.shape.every((d, i) => i === axis || sameDim(d, state.shape[i]!))
    )
      refuse(`${describe(values)} is no slice along axis ${axis} of`)
    if (offset.rank !== 0 || offset.dtype !== 'i32') refuse(`the offset ${describe(offset)} is no i32 scalar: a slice of`)
  } else {
    normaliseAxis('update', update.axis ?? 0, state.rank)
    if (!whole(update.ids)) refuse(`the ids ${describe(update.ids)} are no i32 [n]: a gather of`)
  }
}
