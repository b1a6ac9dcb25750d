// A training step in parts (DESIGN E3): `gradients` computes the loss and writes gradients into a store, `accumulate` adds them up over
// microsteps, `apply` updates the parameters. `step` is gradients and apply in one. All are programs over stores:
//   params, gradients (or, bound in its place, the accumulated ones), optimizer.

import type { KernelStep, Program, StateRef, Update } from '../executor/program.js'
import { grad } from '../graph/grad.js'
import { concat, scatterAdd } from '../graph/ops/indexing.js'
import { full } from '../graph/ops/shape.js'
import { GraphError, state, type Tensor } from '../graph/tensor.js'
import { applyProgram, optimizerStates, type Part, recognise } from './apply.js'
import { partsOf, type SelectedRows, trainables } from './trainable.js'
import type { Optimizer } from './transforms.js'

export interface TrainingStepOptions {
  loss: Tensor
  /** More values to give back at each step. */
  outputs?: Readonly<Record<string, Tensor>>
  /** The trainable parameters, or rows of them (`selectRows`); all others are constants of the step. */
  parameters: readonly (Tensor | SelectedRows)[]
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
  /**
   * Of tables that are only gathered from, update the rows alone that have a gradient, each with its own count of steps (lazy Adam): not what PyTorch
   * computes, and much less work. Default false.
   */
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

/** Builds the programs of a training step. @throws GraphError for a parameter twice, or one that is no state. */
export function trainingStep(options: TrainingStepOptions): TrainingStep {
  const { loss } = options
  const all = trainables(options.parameters)
  const results = grad(
    loss,
    all.map(({ table }) => table),
  )
  const parts = all.map((one, i): Part => {
    const { path, table } = one
    const optimizer = typeof options.optimizer === 'function' ? options.optimizer(path, table) : options.optimizer
    const kernel = options.form === 'graph' ? undefined : recognise(optimizer)
    const gradient = partsOf(one, results[i]!)
    const onlyGathered = !gradient.dense && gradient.rows.length > 0
    const touched = (options.sparse ?? false) && onlyGathered
    const pull = options.pullOf?.(path)
    if (touched && pull) throw new GraphError(`trainingStep: ${path} is updated by rows: it cannot be pulled to other values as a whole`)
    if (touched && kernel?.name !== 'adam')
      throw new GraphError(`trainingStep: sparse updates exist for Adam and AdamW as kernels only; ${path} has another optimizer`)
    const gathered = onlyGathered && !touched && kernel?.name === 'adam' && !pull
    return { ...one, optimizer, kernel, touched, gathered, pull, gradient }
  })
  const gradients = gradientProgram(parts, options, false)
  const each = (kernel: string): KernelStep[] =>
    parts.map(({ path }) => ({ kernel, states: { target: { namespace: 'accumulated', path }, source: { namespace: 'gradients', path } } }))
  const whole = gradientProgram(parts, options, true)
  // in one program with the backward pass the graph form must take the gradients themselves: a read of their store would see the last step's
  const fused = applyProgram(parts, options, true, wholeGradient)
  return {
    gradients,
    accumulate: { outputs: {}, steps: each('accumulate') },
    clear: { outputs: {}, steps: each('zero') },
    apply: applyProgram(parts, options, false, stored),
    step: {
      ...whole,
      outputs: { ...whole.outputs, ...fused.outputs },
      updates: [...(whole.updates ?? []), ...(fused.updates ?? [])],
      steps: [...(whole.steps ?? []), ...(fused.steps ?? [])],
    },
    states: {
      params: [...new Set(parts.map(({ table }) => table))],
      gradients: parts.map(stored),
      optimizer: parts.flatMap(optimizerStates),
    },
  }
}

const stored = ({ path, values }: Part): Tensor => state('gradients', path, values.shape)

function wholeGradient({ gradient: { dense, rows }, values }: Part): Tensor {
  return rows.reduce((sum, { ids, values: more }) => scatterAdd(sum, ids, more), dense ?? full(values.shape, 0))
}

/** Loss and gradients. `compact`: rows of gathered tables stay rows, for kernels of the same program; else all gradients go into their store. */
function gradientProgram(parts: readonly Part[], options: TrainingStepOptions, compact: boolean): Program {
  const hidden: Record<string, Tensor> = {}
  const updates: Update[] = [...(options.updates ?? [])]
  const steps: KernelStep[] = []
  for (const part of parts) {
    const { path, gradient } = part
    if (compact && (part.touched || part.gathered)) {
      hidden[`${path}/ids`] = concat(gradient.rows.map(({ ids }) => ids))
      hidden[`${path}/rows`] = concat(gradient.rows.map(({ values }) => values))
      continue
    }
    const target: StateRef = { namespace: 'gradients', path }
    if (gradient.dense) updates.push({ kind: 'replace', state: stored(part), value: gradient.dense })
    else steps.push({ kernel: 'zero', states: { target } })
    gradient.rows.forEach(({ ids, values }, k) => {
      hidden[`${path}/ids${k}`] = ids
      hidden[`${path}/rows${k}`] = values
      steps.push({ kernel: 'add-rows', states: { target }, values: { ids: `${path}/ids${k}`, rows: `${path}/rows${k}` } })
    })
  }
  return { outputs: { loss: options.loss, ...options.outputs, ...hidden }, hidden: Object.keys(hidden), updates, steps }
}
