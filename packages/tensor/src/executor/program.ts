// A program: a graph to compute, what it writes into stores, and the kernels that run over the stores afterwards (DESIGN D1, D2b, E2).

import { sameShape } from '../graph/dim.js'
import { describe, GraphError, stateOperation, type Tensor } from '../graph/tensor.js'
import { type Lowered, type LowerOptions, lower } from '../onnx/lower.js'

/** A tensor in a store, by namespace and path. */
export interface StateRef {
  namespace: string
  path: string
}

/** How a state changes when a program has run; every read of the run sees the old value (DESIGN E2). */
export type Update =
  /** The whole tensor becomes `value`. */
  | { kind: 'replace'; state: Tensor; value: Tensor }
  /** Rows `ids` (i32 [n]) become `values` [n, ..]; with `add`, they are added, and ids may repeat. */
  | { kind: 'rows'; state: Tensor; ids: Tensor; values: Tensor; add?: boolean }
  /** Places from `offset` (i32 scalar) on along `axis` become `values`. */
  | { kind: 'slice'; state: Tensor; axis: number; offset: Tensor; values: Tensor }
  /** The state becomes itself at `ids` (i32 [n]) along its first axis. */
  | { kind: 'gather'; state: Tensor; ids: Tensor }

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

/** Lowers a program. @throws GraphError where an update does not fit its state. */
export function compileProgram(program: Program, options: LowerOptions = {}): Compiled {
  const outputs: Record<string, Tensor> = { ...program.outputs }
  const writes: Write[] = []
  ;(program.updates ?? []).forEach((update, i) => {
    const { node } = update.state
    if (node.operation !== stateOperation)
      throw new GraphError(`update: ${describe(update.state)} is no state: only tensors in stores can be updated`)
    const target: StateRef = { namespace: node.attributes.namespace as string, path: node.attributes.path as string }
    const named = (role: string, tensor: Tensor) => {
      const name = `${role}:${i}`
      outputs[name] = tensor
      return name
    }
    if (update.kind === 'replace') {
      if (!sameShape(update.value.shape, update.state.shape) || update.value.dtype !== update.state.dtype)
        throw new GraphError(`update: ${describe(update.value)} does not fit ${describe(update.state)}`)
      writes.push({ ...target, kind: 'replace', value: named('value', update.value) })
    } else if (update.kind === 'rows') {
      if (!sameShape(update.values.shape.slice(1), update.state.shape.slice(1)) || !sameShape(update.ids.shape, update.values.shape.slice(0, 1)))
        throw new GraphError(`update: rows ${describe(update.values)} at ${describe(update.ids)} do not fit ${describe(update.state)}`)
      writes.push({ ...target, kind: 'rows', add: update.add ?? false, ids: named('ids', update.ids), value: named('value', update.values) })
    } else if (update.kind === 'slice') {
      writes.push({ ...target, kind: 'slice', axis: update.axis, offset: named('offset', update.offset), value: named('value', update.values) })
    } else writes.push({ ...target, kind: 'gather', ids: named('ids', update.ids) })
  })
  return {
    ...lower(outputs, options),
    results: Object.keys(program.outputs).filter((name) => !program.hidden?.includes(name)),
    writes,
    steps: [...(program.steps ?? [])],
  }
}
