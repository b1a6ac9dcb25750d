// Optimizers as chained transforms of gradients, as in optax: each takes an update and gives another, and may keep state per parameter.
// Every transform has a graph form, which is the reference; chains that are known run as one SIMD kernel per parameter instead (kernels.ts).

import type { DType } from '../graph/dtype.js'
import { add, div, maximum, minimum, mul, neg, pow, sqrt, square, sub } from '../graph/ops/elementwise.js'
import { cast, reshape } from '../graph/ops/shape.js'
import type { Tensor } from '../graph/tensor.js'

export interface TransformContext {
  parameter: Tensor
  /** The transform's own state, by role. */
  state: Readonly<Record<string, Tensor>>
  /** The rate of this step, already multiplied by the parameter's own factor (f32 scalar). */
  rate: Tensor
  /** √Σ g² over all parameters (f32 scalar). */
  globalNorm: Tensor
  /** Whether weight decay applies to this parameter. */
  decays: boolean
}

export interface Transform {
  readonly name: string
  readonly options: Readonly<Record<string, number>>
  /** Types of the state kept for a parameter, by role. */
  state(parameter: Tensor): Record<string, { dtype: DType; shape: readonly number[] }>
  update(update: Tensor, context: TransformContext): { update: Tensor; state?: Readonly<Record<string, Tensor>> }
}

const stateless = () => ({})
const like = (parameter: Tensor) => ({ dtype: 'f32' as const, shape: parameter.shape as readonly number[] })

export interface AdamOptions {
  beta1?: number
  beta2?: number
  epsilon?: number
}

/** m̂ / (√v̂ + ε) with bias-corrected moments (Kingma & Ba 2015, algorithm 1); steps are counted per parameter. */
export function scaleByAdam({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: AdamOptions = {}): Transform {
  return {
    name: 'scale-by-adam',
    options: { beta1, beta2, epsilon },
    state: (parameter) => ({ m: like(parameter), v: like(parameter), step: { dtype: 'i32', shape: [1] } }),
    update(g, { state }) {
      const m = add(mul(state.m!, beta1), mul(g, 1 - beta1))
      const v = add(mul(state.v!, beta2), mul(square(g), 1 - beta2))
      const step = add(state.step!, 1)
      const t = reshape(cast(step, 'f32'), [])
      const correction1 = sub(1, pow(beta1, t))
      const correction2 = sqrt(sub(1, pow(beta2, t)))
      return { update: div(div(m, correction1), add(div(sqrt(v), correction2), epsilon)), state: { m, v, step } }
    },
  }
}

/** Adds λ · parameter to the update: decoupled weight decay when it comes after the scaling (Loshchilov & Hutter 2019). */
export const addDecayedWeights = (weightDecay: number): Transform => ({
  name: 'add-decayed-weights',
  options: { weightDecay },
  state: stateless,
  update: (update, { parameter, decays }) => ({ update: decays && weightDecay !== 0 ? add(update, mul(parameter, weightDecay)) : update }),
})

/** Momentum as in PyTorch's SGD: velocity = μ · velocity + g; with nesterov the update is g + μ · velocity. */
export function trace({ momentum, nesterov = false }: { momentum: number; nesterov?: boolean }): Transform {
  return {
    name: 'trace',
    options: { momentum, nesterov: nesterov ? 1 : 0 },
    state: (parameter) => ({ velocity: like(parameter) }),
    update(g, { state }) {
      const velocity = add(mul(state.velocity!, momentum), g)
      return { update: nesterov ? add(g, mul(velocity, momentum)) : velocity, state: { velocity } }
    },
  }
}

/** Scales all gradients by limit / norm where their global norm exceeds the limit (Pascanu et al. 2013; PyTorch's clip_grad_norm_). */
export const clipByGlobalNorm = (limit: number): Transform => ({
  name: 'clip-by-global-norm',
  options: { limit },
  state: stateless,
  update: (update, { globalNorm }) => ({ update: mul(update, minimum(div(limit, maximum(add(globalNorm, 1e-6), 1e-30)), 1)) }),
})

/** −rate · update: the last link of a chain. */
export const scaleByRate = (): Transform => ({
  name: 'scale-by-rate',
  options: {},
  state: stateless,
  update: (update, { rate }) => ({ update: neg(mul(update, rate)) }),
})

/** Transforms applied one after the other. */
export type Optimizer = readonly Transform[]

/** Joins transforms and optimizers into one optimizer. */
export const chain = (...parts: readonly (Transform | Optimizer)[]): Optimizer => parts.flat()

/** AdamW: Adam with decoupled weight decay (Loshchilov & Hutter 2019). `clip` limits the global norm of the gradients first. */
export const adamw = ({ weightDecay = 0.01, clip, ...options }: AdamOptions & { weightDecay?: number; clip?: number } = {}): Optimizer =>
  chain(clip ? [clipByGlobalNorm(clip)] : [], scaleByAdam(options), addDecayedWeights(weightDecay), scaleByRate())

/** Adam (Kingma & Ba 2015). */
export const adam = ({ clip, ...options }: AdamOptions & { clip?: number } = {}): Optimizer =>
  chain(clip ? [clipByGlobalNorm(clip)] : [], scaleByAdam(options), scaleByRate())

/** Stochastic gradient descent, with momentum where given. */
export const sgd = ({ momentum = 0, nesterov = false, clip }: { momentum?: number; nesterov?: boolean; clip?: number } = {}): Optimizer =>
  chain(clip ? [clipByGlobalNorm(clip)] : [], momentum ? trace({ momentum, nesterov }) : [], scaleByRate())
