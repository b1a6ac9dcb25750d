// A training step in parts (DESIGN E3): `gradients` computes the loss and writes gradients into a store, `accumulate` adds them up over
// microsteps, `apply` updates the parameters. `step` is gradients and apply in one. All are programs over stores:
//   params, gradients (or, bound in its place, the accumulated ones), optimizer.

import type { KernelStep, Program, StateRef, Update } from '../executor/program.js'
import { type Gradient, grad } from '../graph/grad.js'
import { equal, where } from '../graph/ops/compare.js'
import { add, div, mul, sqrt, square, sub } from '../graph/ops/elementwise.js'
import { sum } from '../graph/ops/reduce.js'
import { GraphError, input, state, stateOperation, type Tensor } from '../graph/tensor.js'
import type { Optimizer, Transform } from './transforms.js'

export interface TrainingStepOptions {
  loss: Tensor
  /** More values to give back at each step. */
  outputs?: Readonly<Record<string, Tensor>>
  /** The trainable parameters; all others are constants of the step. */
  parameters: readonly Tensor[]
  /** One chain for all parameters, or a chain for each (Muon for matrices beside AdamW for the rest, say). */
  optimizer: Optimizer | ((path: string, parameter: Tensor) => Optimizer)
  /** What the forward pass itself writes: running statistics of batch norm (DESIGN E7). */
  updates?: readonly Update[]
  /** Factor on the rate, by path. Default 1. */
  rateOf?: (path: string) => number
  /** Pulls a parameter to its values in the store `anchor`: adds strength · (θ − θ⁰) to its gradient, with `fisher` each element times its value there. */
  pullOf?: (path: string) => { strength: number; fisher?: boolean } | undefined
  /** Whether weight decay applies, by path. Default: matrices only, no biases, no gains. */
  decays?: (path: string, parameter: Tensor) => boolean
  /** `kernels` runs known chains as SIMD kernels (default); `graph` runs every chain as ONNX: the reference. */
  form?: 'kernels' | 'graph'
  /** Update only the rows of embeddings that a step has touched (lazy Adam): not what PyTorch computes, and much less work. Default false. */
  sparse?: boolean
}

export interface TrainingStep {
  /** Loss and gradients; fills the store bound to `gradients`. */
  gradients: Program
  /** Adds `gradients` to the store bound to `accumulated`. */
  accumulate: Program
  /** Sets `accumulated` to zero. */
  clear: Program
  /** Updates `params` from `gradients`. Scalars: rate; divisor (microsteps, default 1). */
  apply: Program
  /** gradients and apply in one program. */
  step: Program
  /** What the stores have to hold. */
  states: { params: Tensor[]; gradients: Tensor[]; optimizer: Tensor[] }
}

export const pathOf = (parameter: Tensor): string => parameter.node.attributes.path as string

/** Builds the programs of a training step. @throws GraphError for a parameter twice, or one that is no state. */
export function trainingStep(options: TrainingStepOptions): TrainingStep {
  const { loss, parameters } = options
  const optimizerOf = typeof options.optimizer === 'function' ? options.optimizer : () => options.optimizer as Optimizer
  const paths = parameters.map((parameter) => {
    if (parameter.node.operation !== stateOperation) throw new GraphError('trainingStep: a trainable parameter must be made with parameter()')
    return pathOf(parameter)
  })
  if (new Set(paths).size !== paths.length) throw new GraphError(`trainingStep: ${paths.find((path, i) => paths.indexOf(path) !== i)} is given twice`)

  const results = grad(loss, parameters)
  const outputs: Record<string, Tensor> = {}
  const updates: Update[] = [...(options.updates ?? [])]
  const rowSteps: KernelStep[] = []
  const sparse = new Map<string, { ids: string; rows: string }>()
  const held: Tensor[] = []
  results.forEach((gradient, i) => {
    const path = paths[i]!
    const target: StateRef = { namespace: 'gradients', path }
    const { dense, rows } = gradient
    if (options.sparse && !dense && rows.length === 1) {
      outputs[`${path}/ids`] = rows[0]!.ids
      outputs[`${path}/rows`] = rows[0]!.values
      sparse.set(path, { ids: `${path}/ids`, rows: `${path}/rows` })
      return
    }
    const stored = state('gradients', path, parameters[i]!.shape)
    held.push(stored)
    if (dense) updates.push({ kind: 'replace', state: stored, value: dense })
    else rowSteps.push({ kernel: 'zero', states: { target } })
    rows.forEach(({ ids, values }, k) => {
      outputs[`${path}/ids${k}`] = ids
      outputs[`${path}/rows${k}`] = values
      rowSteps.push({ kernel: 'add-rows', states: { target }, values: { ids: `${path}/ids${k}`, rows: `${path}/rows${k}` } })
    })
  })

  const visible = { loss, ...options.outputs }
  const internal = Object.keys(outputs)
  const gradients: Program = { outputs: { ...visible, ...outputs }, hidden: internal, updates, steps: rowSteps }
  const densePaths = held.map(pathOf)
  const each = (kernel: string): KernelStep[] =>
    densePaths.map((path) => ({ kernel, states: { target: { namespace: 'accumulated', path }, source: { namespace: 'gradients', path } } }))
  const parts = parameters.map((parameter, i): Part => {
    const path = paths[i]!
    const chain = optimizerOf(path, parameter)
    const rows = sparse.get(path)
    const kernel = options.form === 'graph' ? undefined : recognise(chain)
    const pull = options.pullOf?.(path)
    if (rows && pull) throw new GraphError(`trainingStep: ${path} is updated by rows: it cannot be pulled to other values as a whole`)
    if (rows && kernel?.name !== 'adam')
      throw new GraphError(`trainingStep: sparse updates exist for Adam and AdamW only; ${path} has another optimizer`)
    return { path, parameter, optimizer: chain, kernel, rows, pull, gradient: results[i]! }
  })
  const apply = applyProgram(parts, options, (part) => state('gradients', part.path, part.parameter.shape))
  // in one program with the backward pass the graph form must take the gradients themselves: a read of their store would see the last step's
  const fused = applyProgram(parts, options, (part) => part.gradient.tensor)
  return {
    gradients,
    accumulate: { outputs: {}, steps: each('accumulate') },
    clear: { outputs: {}, steps: each('zero') },
    apply,
    step: {
      outputs: { ...gradients.outputs, ...fused.outputs },
      hidden: internal,
      updates: [...updates, ...(fused.updates ?? [])],
      steps: [...rowSteps, ...(fused.steps ?? [])],
    },
    states: {
      params: [...parameters],
      gradients: held,
      optimizer: parts.flatMap(({ parameter, optimizer, rows }) => optimizerStates(parameter, optimizer, rows !== undefined)),
    },
  }
}

const slot = (parameter: Tensor, role: string, type: { dtype: Tensor['dtype']; shape: readonly number[] }) =>
  state('optimizer', `${pathOf(parameter)}/${role}`, type.shape, type.dtype)

const optimizerStates = (parameter: Tensor, optimizer: Optimizer, rows: boolean): Tensor[] =>
  optimizer.flatMap((transform) =>
    Object.entries(transform.state(parameter)).map(([role, type]) =>
      slot(parameter, role, role === 'step' && rows ? { dtype: 'i32', shape: [parameter.shape[0] as number] } : type),
    ),
  )

const decaysByDefault = (_path: string, parameter: Tensor) => parameter.rank >= 2

interface Kernel {
  name: 'adam' | 'sgd'
  clip: number
  scalars: Record<string, number>
  weightDecay: number
}

/** Chains that exist as one kernel. */
function recognise(optimizer: Optimizer): Kernel | undefined {
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

/** A parameter with all that its update needs. */
interface Part {
  path: string
  parameter: Tensor
  optimizer: Optimizer
  /** The SIMD kernel that does what the chain says; undefined: the chain runs as ONNX. */
  kernel: Kernel | undefined
  /** Names of the outputs that hold a sparse gradient. */
  rows: { ids: string; rows: string } | undefined
  pull: { strength: number; fisher?: boolean } | undefined
  gradient: Gradient
}

/** Where a parameter lives: `params`, or a namespace of its own (a task's head and adapters). */
const home = (parameter: Tensor): StateRef => ref(parameter.node.attributes.namespace as string, pathOf(parameter))
const ref = (namespace: string, path: string): StateRef => ({ namespace, path })

/** The updates of all parameters: chains that exist as kernels run as kernels, others in the graph. */
function applyProgram(parts: readonly Part[], options: TrainingStepOptions, gradientOf: (part: Part) => Tensor): Program {
  const inGraph = parts.filter((part) => !part.kernel)
  const graph: Program = inGraph.length > 0 ? graphApply(inGraph, parts, options, gradientOf) : { outputs: {} }
  if (inGraph.length === parts.length) return graph
  const kernels = kernelApply(parts, options)
  return { outputs: graph.outputs, updates: graph.updates ?? [], steps: kernels }
}

function kernelApply(parts: readonly Part[], options: TrainingStepOptions): KernelStep[] {
  const { rateOf = () => 1, decays = decaysByDefault } = options
  const dense = parts.filter((part) => !part.rows)
  const sparse = parts.filter((part) => part.rows)
  const towards = ({ path, parameter, pull }: Part): KernelStep => ({
    kernel: 'towards',
    states: {
      gradient: ref('gradients', path),
      parameter: home(parameter),
      anchor: ref('anchor', path),
      ...(pull!.fisher ? { weight: ref('fisher', path) } : {}),
    },
    scalars: { strength: pull!.strength, divisor: 'divisor' },
  })
  const update = ({ path, parameter, kernel }: Part): KernelStep => {
    const { name, clip, scalars, weightDecay } = kernel!
    const roles = name === 'adam' ? ['m', 'v', 'step'] : scalars.momentum ? ['velocity'] : []
    return {
      kernel: name,
      states: { parameter: home(parameter), ...Object.fromEntries(roles.map((role) => [role, ref('optimizer', `${path}/${role}`)])) },
      scalars: {
        ...scalars,
        rate: 'rate',
        divisor: 'divisor',
        clip,
        multiplier: rateOf(path),
        weightDecay: decays(path, parameter) ? weightDecay : 0,
      },
    }
  }
  return [
    ...sparse.map(({ parameter, rows }): KernelStep => ({ kernel: 'sum-rows', states: { target: home(parameter) }, values: { ...rows! } })),
    ...dense.filter((part) => part.kernel && part.pull).map(towards),
    { kernel: 'global-norm', states: {}, group: dense.map(({ path }) => ref('gradients', path)), scalars: { divisor: 'divisor' } },
    ...dense
      .filter((part) => part.kernel)
      .map((part) => {
        const step = update(part)
        return { ...step, states: { ...step.states, gradient: ref('gradients', part.path) } }
      }),
    ...sparse.map((part): KernelStep => ({ ...update(part), kernel: 'adam-rows', values: { ...part.rows! } })),
  ]
}

function graphApply(parts: readonly Part[], all: readonly Part[], options: TrainingStepOptions, gradientOf: (part: Part) => Tensor): Program {
  const { rateOf = () => 1, decays = decaysByDefault } = options
  const divisor = input('divisor', [])
  const mean = (part: Part) => {
    const gradient = div(gradientOf(part), divisor)
    if (!part.pull) return gradient
    const { path, parameter, pull } = part
    const away = sub(parameter, state('anchor', path, parameter.shape))
    return add(gradient, mul(pull.fisher ? mul(away, state('fisher', path, parameter.shape)) : away, pull.strength))
  }
  const globalNorm = sqrt(all.map((part) => sum(square(mean(part)))).reduce(add))
  const rate = input('rate', [])
  // as with the kernels, an update that a non-finite gradient would ruin does not happen
  const finite = equal(sub(globalNorm, globalNorm), 0)
  const replace = (target: Tensor, value: Tensor): Update => ({ kind: 'replace', state: target, value: where(finite, value, target) })
  const updates: Update[] = []
  for (const part of parts) {
    const { path, parameter } = part
    let update = mean(part)
    for (const transform of part.optimizer) {
      const slots = Object.fromEntries(Object.entries(transform.state(parameter)).map(([role, type]) => [role, slot(parameter, role, type)]))
      const next = transform.update(update, { parameter, state: slots, rate: mul(rate, rateOf(path)), globalNorm, decays: decays(path, parameter) })
      update = next.update
      for (const [role, value] of Object.entries(next.state ?? {})) updates.push(replace(slots[role]!, value))
    }
    updates.push(replace(parameter, add(parameter, update)))
  }
  return { outputs: { gradientNorm: globalNorm }, updates }
}
