// The second half of a training step: parameters from their gradients. Chains that exist as SIMD kernels run as kernels over the stores, others in
// the graph, which is the reference for all (DESIGN D2b).

import type { KernelStep, Program, StateRef, Update } from '../executor/program.js'
import { equal, where } from '../graph/ops/compare.js'
import { add, div, mul, sqrt, square, sub } from '../graph/ops/elementwise.js'
import { slice } from '../graph/ops/indexing.js'
import { sum } from '../graph/ops/reduce.js'
import { constant, input, type Rows, state, type Tensor } from '../graph/tensor.js'
import type { TrainingStepOptions } from './step.js'
import { home, pathOf, type Trainable } from './trainable.js'
import type { Optimizer, Transform } from './transforms.js'

/** Something trainable, with all that its update needs. */
export interface Part extends Trainable {
  optimizer: Optimizer
  /** The SIMD kernel that does what the chain says; undefined: the chain runs as ONNX. */
  kernel: Kernel | undefined
  /** Only rows that have a gradient are updated. */
  touched: boolean
  /** In one program with the backward pass the gradient stays the rows that were gathered; every row is updated. */
  gathered: boolean
  pull: { strength: number; fisher?: boolean } | undefined
  gradient: { dense: Tensor | undefined; rows: Rows[] }
}

interface Kernel {
  name: 'adam' | 'sgd'
  clip: number
  scalars: Record<string, number>
  weightDecay: number
}

/** Chains that exist as one kernel. */
export function recognise(optimizer: Optimizer): Kernel | undefined {
  const rest = [...optimizer]
  const take = (name: string): Transform | undefined => (rest[0]?.name === name ? rest.shift() : undefined)
  const clip = take('clip-by-global-norm')?.options.limit ?? 0
  const moments = take('scale-by-adam')
  const momentum = moments ? undefined : take('trace')
  const weightDecay = take('add-decayed-weights')?.options.weightDecay ?? 0
  if (!take('scale-by-rate') || rest.length > 0) return undefined
  if (moments) return { name: 'adam', clip, scalars: { ...moments.options }, weightDecay }
  return weightDecay === 0 ? { name: 'sgd', clip, scalars: { ...momentum?.options }, weightDecay } : undefined
}

const slot = ({ path }: Part, role: string, type: { dtype: Tensor['dtype']; shape: readonly number[] }) =>
  state('optimizer', `${path}/${role}`, type.shape, type.dtype)

/** What the optimizer keeps for a part. */
export const optimizerStates = (part: Part): Tensor[] =>
  part.optimizer.flatMap((transform) =>
    Object.entries(transform.state(part.values)).map(([role, type]) =>
      slot(part, role, role === 'step' && part.touched ? { dtype: 'i32', shape: [part.values.shape[0] as number] } : type),
    ),
  )

const decaysByDefault = (_path: string, parameter: Tensor) => parameter.rank >= 2

const ref = (namespace: string, path: string): StateRef => ({ namespace, path })
/** A part's values in a store that has whole tables: anchors, Fisher information. */
const counterpart = (part: Part, namespace: string): StateRef => ({ ...home(part), namespace })

/**
 * The updates of all parts. `compact`: gradients of gathered tables are outputs of the same program, as rows; else they are in the store.
 * `gradientOf` says what the graph form reads.
 */
export function applyProgram(parts: readonly Part[], options: TrainingStepOptions, compact: boolean, gradientOf: (part: Part) => Tensor): Program {
  const inGraph = parts.filter((part) => !part.kernel)
  const graph: Program = inGraph.length > 0 ? graphApply(inGraph, parts, options, gradientOf) : { outputs: {} }
  if (inGraph.length === parts.length) return graph
  return { outputs: graph.outputs, updates: graph.updates ?? [], steps: kernelApply(parts, options, compact) }
}

function kernelApply(parts: readonly Part[], options: TrainingStepOptions, compact: boolean): KernelStep[] {
  const { rateOf = () => 1, decays = decaysByDefault } = options
  const asRows = parts.filter((part) => compact && (part.touched || part.gathered))
  const inStore = parts.filter((part) => !asRows.includes(part))
  const rowsOf = ({ path }: Part) => ({ ids: `${path}/ids`, rows: `${path}/rows` })
  const towards = (part: Part): KernelStep => ({
    kernel: 'towards',
    states: {
      gradient: ref('gradients', part.path),
      parameter: home(part),
      anchor: counterpart(part, 'anchor'),
      ...(part.pull!.fisher ? { weight: counterpart(part, 'fisher') } : {}),
    },
    scalars: { strength: part.pull!.strength, divisor: 'divisor' },
  })
  const update = (part: Part, kernel: string): KernelStep => {
    const { path, table } = part
    const { name, clip, scalars, weightDecay } = part.kernel!
    const roles = name === 'adam' ? ['m', 'v', 'step'] : scalars.momentum ? ['velocity'] : []
    return {
      kernel,
      states: { parameter: home(part), ...Object.fromEntries(roles.map((role) => [role, ref('optimizer', `${path}/${role}`)])) },
      scalars: { ...scalars, rate: 'rate', divisor: 'divisor', clip, multiplier: rateOf(path), weightDecay: decays(path, table) ? weightDecay : 0 },
    }
  }
  const withGradient = (part: Part): KernelStep => {
    const step = update(part, part.touched ? 'adam-touched' : part.kernel!.name)
    return { ...step, states: { ...step.states, gradient: ref('gradients', part.path) } }
  }
  return [
    ...asRows.map((part): KernelStep => ({ kernel: 'sum-rows', states: { target: home(part) }, values: rowsOf(part) })),
    ...inStore.filter((part) => part.kernel && part.pull).map(towards),
    { kernel: 'global-norm', states: {}, group: inStore.map(({ path }) => ref('gradients', path)), scalars: { divisor: 'divisor' } },
    ...inStore.filter((part) => part.kernel).map(withGradient),
    ...asRows.map((part): KernelStep => {
      const step = update(part, part.touched ? 'adam-rows' : 'adam-gathered')
      return { ...step, states: { ...step.states, gradient: ref('gradients', part.path) }, values: rowsOf(part) }
    }),
  ]
}

function graphApply(parts: readonly Part[], all: readonly Part[], options: TrainingStepOptions, gradientOf: (part: Part) => Tensor): Program {
  const { rateOf = () => 1, decays = decaysByDefault } = options
  const divisor = input('divisor', [])
  const whole = (part: Part, namespace: string) => {
    const { table, rows } = part
    const other = state(namespace, pathOf(table), table.shape)
    return rows ? slice(other, 0, rows.from, rows.to) : other
  }
  const mean = (part: Part) => {
    const gradient = div(gradientOf(part), divisor)
    if (!part.pull) return gradient
    const away = sub(part.values, whole(part, 'anchor'))
    return add(gradient, mul(part.pull.fisher ? mul(away, whole(part, 'fisher')) : away, part.pull.strength))
  }
  const globalNorm = sqrt(all.map((part) => sum(square(mean(part)))).reduce(add))
  const rate = input('rate', [])
  // as with the kernels, an update that a non-finite gradient would ruin does not happen
  const finite = equal(sub(globalNorm, globalNorm), 0)
  const replace = (target: Tensor, value: Tensor): Update => ({ kind: 'replace', state: target, value: where(finite, value, target) })
  const updates: Update[] = []
  for (const part of parts) {
    const { path, table, values, rows } = part
    let update = mean(part)
    for (const transform of part.optimizer) {
      const slots = Object.fromEntries(Object.entries(transform.state(values)).map(([role, type]) => [role, slot(part, role, type)]))
      const context = { parameter: values, state: slots, rate: mul(rate, rateOf(path)), globalNorm, decays: decays(path, table) }
      const next = transform.update(update, context)
      update = next.update
      for (const [role, value] of Object.entries(next.state ?? {})) updates.push(replace(slots[role]!, value))
    }
    const value = where(finite, add(values, update), values)
    updates.push(
      rows
        ? { kind: 'slice', state: table, axis: 0, offset: constant(rows.from, [], 'i32'), values: value }
        : { kind: 'replace', state: table, value },
    )
  }
  return { outputs: { gradientNorm: globalNorm }, updates }
}
