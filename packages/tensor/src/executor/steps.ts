// What happens in a store after the graph has run: writes of the graph's outputs, and kernels that touch every parameter once (DESIGN D2b, E2).

import type { TypedArray } from '../graph/dtype.js'
import { arrayOf } from '../graph/dtype.js'
import type { StoreMemory } from './memory.js'
import type { KernelStep, StateRef, Write } from './program.js'
import type { Cell, CellStore } from './store.js'
import type { Kernels } from './update/kernels.js'

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

const tableOf = ({ pointer, shape, length }: Cell) => ({ pointer, rows: shape[0]!, width: length / shape[0]! })
const count = (cell: Cell) => cell.shape.reduce((product, size) => product * size, 1)

/** Applies a graph's writes to their states. */
export function runWrites(
  writes: readonly Write[],
  scratch: Map<string, Cell>,
  storeOf: (namespace: string) => CellStore,
  memory: StoreMemory,
  kernels: Kernels,
): void {
  const read = (name: string): TypedArray => {
    const cell = scratch.get(name)!
    return arrayOf(cell.dtype, count(cell), memory.memory.buffer as ArrayBuffer, cell.pointer)
  }
  for (const write of writes) {
    const store = storeOf(write.namespace)
    const cell = store.cell(write.path)
    if (write.kind === 'replace') {
      const source = scratch.get(write.value!)
      if (source) (store.view(write.path) as Float32Array).set(read(write.value!) as Float32Array)
    } else if (write.kind === 'rows') writeRows(write, cell, store, read, scratch, kernels)
    else if (write.kind === 'slice')
      writeSlice(write, cell, store.view(write.path), read(write.value!), scratch.get(write.value!)!.shape, Number(read(write.offset!)[0]))
    else writeGather(write, cell, store.view(write.path), read(write.ids!))
  }
}

function writeRows(
  write: Write,
  cell: Cell,
  store: CellStore,
  read: (name: string) => TypedArray,
  scratch: Map<string, Cell>,
  kernels: Kernels,
): void {
  const table = tableOf(cell)
  const { width } = table
  const ids = read(write.ids!)
  checkIds(ids, table.rows, write.path)
  if (write.add) kernels.addRows(table, scratch.get(write.ids!)!.pointer, scratch.get(write.value!)!.pointer, ids.length)
  else {
    const target = store.view(write.path) as Float32Array
    const rows = read(write.value!) as Float32Array
    for (let i = 0; i < ids.length; i++) target.set(rows.subarray(i * width, (i + 1) * width), Number(ids[i]) * width)
  }
}

function checkIds(ids: TypedArray, rows: number, path: string): void {
  for (const id of ids) if (Number(id) < 0 || Number(id) >= rows) throw new Error(`${path}: row ${id} is outside the table's ${rows} rows`)
}

function writeSlice(write: Write, cell: Cell, target: TypedArray, values: TypedArray, shape: readonly number[], offset: number): void {
  const axis = write.axis!
  const size = shape[axis]!
  if (offset < 0 || offset + size > cell.shape[axis]!)
    throw new Error(`${write.path}: ${size} places from ${offset} on do not fit axis ${axis}, which has ${cell.shape[axis]}`)
  const inner = cell.shape.slice(axis + 1).reduce((product, d) => product * d, 1)
  const outer = cell.shape.slice(0, axis).reduce((product, d) => product * d, 1)
  for (let i = 0; i < outer; i++) {
    const from = i * size * inner
    ;(target as Float32Array).set((values as Float32Array).subarray(from, from + size * inner), (i * cell.shape[axis]! + offset) * inner)
  }
}

function writeGather({ axis = 0, path }: Write, cell: Cell, target: TypedArray, ids: TypedArray): void {
  const size = cell.shape[axis]!
  if (ids.length > size) throw new Error(`${path}: ${ids.length} places are gathered along axis ${axis}, which has ${size}`)
  for (const id of ids) if (Number(id) < 0 || Number(id) >= size) throw new Error(`${path}: place ${id} is outside axis ${axis}, which has ${size}`)
  const inner = cell.shape.slice(axis + 1).reduce((product, d) => product * d, 1)
  const old = target.slice() as Float32Array
  for (let from = 0; from < cell.length; from += size * inner)
    for (let i = 0; i < ids.length; i++)
      (target as Float32Array).set(old.subarray(from + Number(ids[i]) * inner, from + (Number(ids[i]) + 1) * inner), from + i * inner)
}

/** Runs the kernels in order. */
export function runSteps(steps: readonly KernelStep[], context: Context): void {
  for (const step of steps) {
    const run = kernelSteps[step.kernel]
    if (!run) throw new Error(`there is no kernel ${step.kernel}; there are ${Object.keys(kernelSteps).join(', ')}`)
    const find = ({ namespace, path }: StateRef) => context.storeOf(namespace).cell(path)
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
  gradScale: gradientScale(args),
})

/** An update that a non-finite gradient would ruin does not happen; the caller sees the norm. */
const ruined = ({ context }: Arguments) => context.values.gradientNorm !== undefined && !Number.isFinite(context.values.gradientNorm)

/** Adam counts steps per parameter: with a global count a newly thawed layer's first update is 3.2 times too large (DESIGN E3). */
function nextStep(cell: Cell, context: Context): number {
  const view = new Int32Array(context.memory.memory.buffer, cell.pointer, 1)
  view[0]!++
  return view[0]!
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
  'sum-rows'({ state, value, context }) {
    const { width } = tableOf(state('target'))
    const [ids, rows] = [value('ids'), value('rows')]
    // the scratch cells shrink to the distinct rows; the next run sets their shape anew
    ids.shape = [context.kernels.sumDuplicateRows(ids.pointer, rows.pointer, count(ids), width)]
    rows.shape = [ids.shape[0]!, width]
    context.rows.push(rows)
  },
  'global-norm'({ group, scalar, context }) {
    const norm = context.kernels.globalNorm([...group(), ...context.rows].map((cell) => ({ pointer: cell.pointer, length: count(cell) })))
    context.values.gradientNorm = norm / scalar('divisor')
  },
  adam(args) {
    if (ruined(args)) return
    const { state, scalar, context } = args
    const t = nextStep(state('step'), context)
    const parameter = state('parameter')
    context.kernels.adam(parameter.pointer, state('gradient').pointer, state('m').pointer, state('v').pointer, parameter.length, {
      ...adamOptions(args),
      weightDecay: scalar('weightDecay', 0),
      correction1: 1 - scalar('beta1') ** t,
      correction2: 1 - scalar('beta2') ** t,
    })
  },
  'adam-rows'(args) {
    if (ruined(args)) return
    const { state, value, scalar, context } = args
    const ids = value('ids')
    context.kernels.adamRows(
      tableOf(state('parameter')),
      state('m').pointer,
      state('v').pointer,
      state('step').pointer,
      ids.pointer,
      value('rows').pointer,
      count(ids),
      {
        ...adamOptions(args),
        weightDecay: scalar('weightDecay', 0),
      },
    )
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
