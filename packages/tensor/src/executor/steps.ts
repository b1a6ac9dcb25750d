// What happens in a store after the graph has run and its outputs were written: kernels that touch every parameter once (DESIGN D2b).

import type { StoreMemory } from './memory.js'
import type { KernelStep, StateRef } from './program.js'
import { type Cell, type CellStore, count, rowsOf, tableOf } from './store.js'
import type { Kernels } from './update/kernels.js'
import { checkIds } from './writes.js'

interface Context {
  scratch: Map<string, Cell>
  storeOf(namespace: string): CellStore
  memory: StoreMemory
  kernels: Kernels
  scalars: Record<string, number>
  /** Results of kernels, given back to the caller; `gradientNorm` is read by updates that clip. */
  values: Record<string, number>
  /** Compacted rows of sparse gradients, which count in the norm. */
  rows: Cell[]
}

/** Runs the kernels in order. */
export function runSteps(steps: readonly KernelStep[], context: Context): void {
  for (const step of steps) {
    const run = kernelSteps[step.kernel]
    if (!run) throw new Error(`there is no kernel ${step.kernel}; there are ${Object.keys(kernelSteps).join(', ')}`)
    const find = ({ namespace, path, rows }: StateRef) => {
      const cell = context.storeOf(namespace).cell(path)
      return rows ? rowsOf(cell, rows) : cell
    }
    const scalar = (name: string, fallback?: number): number => {
      const given = step.scalars?.[name]
      const value = typeof given === 'string' ? (context.scalars[given] ?? (given === 'divisor' ? 1 : undefined)) : given
      if (value === undefined && fallback === undefined)
        throw new Error(`kernel ${step.kernel}: the run gives no ${given ?? name}: pass it among the scalars`)
      return value ?? fallback!
    }
    run({
      has: (role) => step.states[role] !== undefined,
      state: (role) => find(step.states[role]!),
      group: () => (step.group ?? []).map(find),
      value: (role) => context.scratch.get(step.values![role]!)!,
      scalar,
      context,
      path: step.states.parameter?.path ?? step.states.target?.path ?? '',
    })
  }
}

interface Arguments {
  has(role: string): boolean
  state(role: string): Cell
  group(): Cell[]
  value(role: string): Cell
  scalar(name: string, fallback?: number): number
  context: Context
  path: string
}

/** The factor for gradients: the mean over microsteps, and clipping by the global norm (PyTorch's clip_grad_norm_). */
function gradientScale({ scalar, context }: Arguments): number {
  const mean = 1 / scalar('divisor')
  const limit = scalar('clip', 0)
  const norm = context.values.gradientNorm
  return limit > 0 && norm !== undefined ? mean * Math.min(1, limit / (norm + 1e-6)) : mean
}

const adamOptions = (args: Arguments) => ({
  rate: args.scalar('rate') * args.scalar('multiplier', 1),
  beta1: args.scalar('beta1'),
  beta2: args.scalar('beta2'),
  epsilon: args.scalar('epsilon'),
  weightDecay: args.scalar('weightDecay', 0),
  gradScale: gradientScale(args),
})

/** What corrects moments that began as zeros, at a parameter's t-th step. */
const corrections = ({ beta1, beta2 }: { beta1: number; beta2: number }, t: number) => ({ correction1: 1 - beta1 ** t, correction2: 1 - beta2 ** t })

/** An update that a non-finite gradient would ruin does not happen; the caller sees the norm. */
const ruined = ({ context }: Arguments) => context.values.gradientNorm !== undefined && !Number.isFinite(context.values.gradientNorm)

/** Adam counts steps per parameter: with a global count a newly thawed layer's first update is 3.2 times too large (DESIGN E3). */
function nextStep(cell: Cell, context: Context): number {
  const view = new Int32Array(context.memory.memory.buffer, cell.pointer, 1)
  view[0]!++
  return view[0]!
}

/** Moves rows that are not all zeros, and their ids, to the front; returns how many there are. A masked token's row has no gradient, though it was read. */
function dropZeroRows({ kernels, memory }: Context, ids: number, rows: number, count: number, width: number): number {
  const list = new Int32Array(memory.memory.buffer, ids, count)
  let kept = 0
  for (let i = 0; i < count; i++) {
    if (kernels.maxAbs(rows + i * width * 4, width) === 0) continue
    if (kept !== i) kernels.copy(rows + kept * width * 4, rows + i * width * 4, width)
    list[kept++] = list[i]!
  }
  return kept
}

const kernelSteps: Record<string, (args: Arguments) => void> = {
  zero({ state, context }) {
    const target = state('target')
    context.kernels.fill(target.pointer, target.length, 0)
  },
  'add-rows'({ state, value, context, path }) {
    const target = state('target')
    const [ids, rows] = [value('ids'), value('rows')]
    checkIds(new Int32Array(context.memory.memory.buffer, ids.pointer, count(ids)), target.shape[0]!, path)
    context.kernels.addRows(tableOf(target), ids.pointer, rows.pointer, count(ids))
  },
  towards({ state, scalar, context, has }) {
    const [gradient, parameter, anchor] = [state('gradient'), state('parameter'), state('anchor')]
    // accumulated gradients are divided later: the pull must survive that
    const strength = scalar('strength') * scalar('divisor')
    if (!has('weight')) context.kernels.towards(gradient.pointer, parameter.pointer, anchor.pointer, strength, gradient.length)
    else context.kernels.towardsWeighted(gradient.pointer, parameter.pointer, anchor.pointer, state('weight').pointer, strength, gradient.length)
  },
  copy({ state, context }) {
    context.kernels.copy(state('target').pointer, state('source').pointer, state('source').length)
  },
  average({ state, scalar, context }) {
    const [target, source] = [state('target'), state('source')]
    context.kernels.lerp(target.pointer, source.pointer, scalar('share'), target.length)
  },
  accumulate({ state, context }) {
    context.kernels.axpy(state('target').pointer, 1, state('source').pointer, state('source').length)
  },
  'sum-rows'({ state, value, context, path }) {
    const { rows: all, width } = tableOf(state('target'))
    const [ids, rows] = [value('ids'), value('rows')]
    checkIds(new Int32Array(context.memory.memory.buffer, ids.pointer, count(ids)), all, path)
    // the scratch cells shrink to the distinct rows that have a gradient; the next run sets their shape anew
    const distinct = context.kernels.sumDuplicateRows(ids.pointer, rows.pointer, count(ids), width)
    ids.shape = [dropZeroRows(context, ids.pointer, rows.pointer, distinct, width)]
    rows.shape = [ids.shape[0]!, width]
    context.rows.push(rows)
  },
  'global-norm'({ group, scalar, context }) {
    const norm = context.kernels.globalNorm([...group(), ...context.rows].map((cell) => ({ pointer: cell.pointer, length: count(cell) })))
    context.values.gradientNorm = norm / scalar('divisor')
  },
  adam(args) {
    if (ruined(args)) return
    const { state, context } = args
    const options = adamOptions(args)
    const t = nextStep(state('step'), context)
    const parameter = state('parameter')
    context.kernels.adam(parameter.pointer, state('gradient').pointer, state('m').pointer, state('v').pointer, parameter.length, {
      ...options,
      ...corrections(options, t),
    })
  },
  // the same on a gradient that only some rows of a table have, compacted
  'adam-gathered'(args) {
    const { state, value, context } = args
    const table = tableOf(state('parameter'))
    const [ids, rows] = [value('ids'), value('rows')]
    if (ruined(args)) {
      // for whoever looks for the largest gradient
      const gradient = state('gradient')
      context.kernels.fill(gradient.pointer, gradient.length, 0)
      context.kernels.addRows({ ...table, pointer: gradient.pointer }, ids.pointer, rows.pointer, count(ids))
      return
    }
    const options = adamOptions(args)
    const t = nextStep(state('step'), context)
    context.kernels.adamGathered(table, state('m').pointer, state('v').pointer, ids.pointer, rows.pointer, count(ids), {
      ...options,
      ...corrections(options, t),
    })
  },
  'adam-rows'(args) {
    if (ruined(args)) return
    const { state, value, context } = args
    const ids = value('ids')
    context.kernels.adamRows(
      tableOf(state('parameter')),
      state('m').pointer,
      state('v').pointer,
      state('step').pointer,
      ids.pointer,
      value('rows').pointer,
      count(ids),
      adamOptions(args),
    )
  },
  // the same on a gradient that is not compacted: rows of zeros are those that nothing has touched
  'adam-touched'(args) {
    if (ruined(args)) return
    const { state, context } = args
    const [parameter, gradient, m, v] = [state('parameter'), state('gradient'), state('m'), state('v')]
    const { rows, width } = tableOf(parameter)
    const steps = new Int32Array(context.memory.memory.buffer, state('step').pointer, rows)
    const options = adamOptions(args)
    for (let row = 0; row < rows; row++) {
      const at = row * width * 4
      if (context.kernels.maxAbs(gradient.pointer + at, width) === 0) continue
      const t = ++steps[row]!
      const corrected = { ...options, ...corrections(options, t) }
      context.kernels.adam(parameter.pointer + at, gradient.pointer + at, m.pointer + at, v.pointer + at, width, corrected)
    }
  },
  sgd(args) {
    if (ruined(args)) return
    const { state, scalar, context } = args
    const parameter = state('parameter')
    const momentum = scalar('momentum', 0)
    const velocity = momentum > 0 ? state('velocity').pointer : 0
    context.kernels.sgd(parameter.pointer, state('gradient').pointer, velocity, parameter.length, {
      rate: scalar('rate') * scalar('multiplier', 1),
      momentum,
      nesterov: scalar('nesterov', 0) > 0,
      weightDecay: scalar('weightDecay', 0),
      gradScale: gradientScale(args),
    })
  },
}
