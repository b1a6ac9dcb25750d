// A training step in parts (DESIGN E3): `gradients` computes the loss and writes gradients into a store, `accumulate` adds them up over
// microsteps, `apply` updates the parameters. `step` is gradients and apply in one. All are programs over stores:
//   params, gradients (or, bound in its place, the accumulated ones), optimizer.

import type { KernelStep, Program, StateRef, Update } from '../executor/program.js'
import { grad } from '../graph/grad.js'
import { add, div, mul, sqrt, square } from '../graph/ops/elementwise.js'
import { sum } from '../graph/ops/reduce.js'
import { GraphError, input, state, stateOperation, type Tensor } from '../graph/tensor.js'
import type { Optimizer, Transform } from './transforms.js'

export interface TrainingStepOptions {
  loss: Tensor
  /** More values to give back at each step. */
  outputs?: Readonly<Record<string, Tensor>>
  /** The trainable parameters; all others are constants of the step. */
  parameters: readonly Tensor[]
  optimizer: Optimizer
  /** Factor on the rate, by path. Default 1. */
  rateOf?: (path: string) => number
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
  const { loss, parameters, optimizer } = options
  const paths = parameters.map((parameter) => {
    if (parameter.node.operation !== stateOperation) throw new GraphError('trainingStep: a trainable parameter must be made with parameter()')
    return pathOf(parameter)
  })
  if (new Set(paths).size !== paths.length) throw new GraphError(`trainingStep: ${paths.find((path, i) => paths.indexOf(path) !== i)} is given twice`)

  const results = grad(loss, parameters)
  const outputs: Record<string, Tensor> = {}
  const updates: Update[] = []
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
  const kernel = options.form === 'graph' ? undefined : recognise(optimizer)
  const dense = parameters.filter((_, i) => !sparse.has(paths[i]!))
  if (sparse.size > 0 && kernel?.name !== 'adam') throw new GraphError('trainingStep: sparse updates exist for Adam and AdamW only')
  const apply = kernel ? kernelApply(dense, kernel, options, sparse) : graphApply(dense, optimizer, options)
  return {
    gradients,
    accumulate: { outputs: {}, steps: each('accumulate') },
    clear: { outputs: {}, steps: each('zero') },
    apply,
    step: {
      outputs: { ...gradients.outputs, ...apply.outputs },
      hidden: internal,
      updates: [...updates, ...(apply.updates ?? [])],
      steps: [...rowSteps, ...(apply.steps ?? [])],
    },
    states: {
      params: [...parameters],
      gradients: held,
      optimizer: parameters.flatMap((parameter) => optimizerStates(parameter, optimizer, sparse.has(pathOf(parameter)))),
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

function kernelApply(
  parameters: readonly Tensor[],
  kernel: Kernel,
  options: TrainingStepOptions,
  sparse: ReadonlyMap<string, { ids: string; rows: string }>,
): Program {
  const { rateOf = () => 1, decays = decaysByDefault } = options
  const ref = (namespace: string, path: string): StateRef => ({ namespace, path })
  const scalars = (path: string, parameter: Tensor) => ({
    ...kernel.scalars,
    rate: 'rate',
    divisor: 'divisor',
    clip: kernel.clip,
    multiplier: rateOf(path),
    weightDecay: decays(path, parameter) ? kernel.weightDecay : 0,
  })
  const roles = kernel.name === 'adam' ? ['m', 'v', 'step'] : kernel.scalars.momentum ? ['velocity'] : []
  const states = (path: string) => ({
    parameter: ref('params', path),
    ...Object.fromEntries(roles.map((role) => [role, ref('optimizer', `${path}/${role}`)])),
  })
  const byPath = new Map(options.parameters.map((parameter) => [pathOf(parameter), parameter]))
  const rows = [...sparse]
  return {
    outputs: {},
    steps: [
      ...rows.map(([path, values]): KernelStep => ({ kernel: 'sum-rows', states: { target: ref('params', path) }, values })),
      {
        kernel: 'global-norm',
        states: {},
        group: parameters.map((parameter) => ref('gradients', pathOf(parameter))),
        scalars: { divisor: 'divisor' },
      },
      ...parameters.map((parameter): KernelStep => {
        const path = pathOf(parameter)
        return { kernel: kernel.name, states: { ...states(path), gradient: ref('gradients', path) }, scalars: scalars(path, parameter) }
      }),
      ...rows.map(([path, values]): KernelStep => ({ kernel: 'adam-rows', states: states(path), values, scalars: scalars(path, byPath.get(path)!) })),
    ],
  }
}

function graphApply(parameters: readonly Tensor[], optimizer: Optimizer, options: TrainingStepOptions): Program {
  const { rateOf = () => 1, decays = decaysByDefault } = options
  const divisor = input('divisor', [])
  const means = parameters.map((parameter) => div(state('gradients', pathOf(parameter), parameter.shape), divisor))
  const globalNorm = sqrt(means.map((g) => sum(square(g))).reduce(add))
  const rate = input('rate', [])
  const updates: Update[] = []
  parameters.forEach((parameter, i) => {
    const path = pathOf(parameter)
    let update = means[i]!
    for (const transform of optimizer) {
      const slots = Object.fromEntries(Object.entries(transform.state(parameter)).map(([role, type]) => [role, slot(parameter, role, type)]))
      const next = transform.update(update, { parameter, state: slots, rate: mul(rate, rateOf(path)), globalNorm, decays: decays(path, parameter) })
      update = next.update
      for (const [role, value] of Object.entries(next.state ?? {})) updates.push({ kind: 'replace', state: slots[role]!, value })
    }
    updates.push({ kind: 'replace', state: parameter, value: add(parameter, update) })
  })
  return { outputs: { gradientNorm: globalNorm }, updates }
}
