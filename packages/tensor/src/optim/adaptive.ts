// Optimizers that scale each element by its own history, beside Adam: Adagrad, RMSProp, and Adafactor, whose history of a matrix is one row and one column.

import { add, div, maximum, mul, pow, rsqrt, sqrt, square, sub } from '../graph/ops/elementwise.js'
import { matmul } from '../graph/ops/matmul.js'
import { mean } from '../graph/ops/reduce.js'
import { cast, reshape } from '../graph/ops/shape.js'
import type { Tensor } from '../graph/tensor.js'
import { addDecayedWeights, chain, clipByGlobalNorm, type Optimizer, scaleByRate, type Transform } from './transforms.js'

const clipped = (clip: number | undefined): Optimizer => (clip ? [clipByGlobalNorm(clip)] : [])
const sizes = (parameter: Tensor) => parameter.shape as readonly number[]

/** g / (√Σg² + ε) (Duchi, Hazan & Singer 2011). */
export const scaleByAdagrad = ({ epsilon = 1e-10 }: { epsilon?: number } = {}): Transform => ({
  name: 'scale-by-adagrad',
  options: { epsilon },
  state: (parameter) => ({ sum: { dtype: 'f32', shape: sizes(parameter) } }),
  update(g, { state }) {
    const sum = add(state.sum!, square(g))
    return { update: div(g, add(sqrt(sum), epsilon)), state: { sum } }
  },
})

/** g / (√v + ε) with v = α v + (1 − α) g² (Hinton, Srivastava & Swersky 2012, lecture 6e). */
export const scaleByRms = ({ alpha = 0.99, epsilon = 1e-8 }: { alpha?: number; epsilon?: number } = {}): Transform => ({
  name: 'scale-by-rms',
  options: { alpha, epsilon },
  state: (parameter) => ({ v: { dtype: 'f32', shape: sizes(parameter) } }),
  update(g, { state }) {
    const v = add(mul(state.v!, alpha), mul(square(g), 1 - alpha))
    return { update: div(g, add(sqrt(v), epsilon)), state: { v } }
  },
})

export interface AdafactorOptions {
  /** β̂₂ = 1 − t^decay. Default −0.8. */
  decay?: number
  /** The smallest scale of a parameter, ε₂. Default 1e-3. */
  smallest?: number
  /** Updates of a larger root mean square are scaled down to it, d. Default 1. */
  threshold?: number
  weightDecay?: number
  clip?: number
}

/** 2⁻²³: variances below its square count as that. */
const epsilon = 2 ** -23
const rootMeanSquare = (x: Tensor) => sqrt(mean(square(x)))

/**
 * Adafactor (Shazeer & Stern 2018, algorithms 4 and 5, with the given rate in the place of ρ_t where it is below 1/√t, as in PyTorch): a matrix [n, m]
 * keeps n + m numbers of history instead of 2nm. Steps are relative to the size of the parameter.
 */
export const adafactor = ({ decay = -0.8, smallest = 1e-3, threshold = 1, weightDecay = 0, clip }: AdafactorOptions = {}): Optimizer =>
  chain(clipped(clip), scaleByFactors(decay, threshold), scaleByParameter(smallest), addDecayedWeights(weightDecay), scaleByRate())

function scaleByFactors(decay: number, threshold: number): Transform {
  return {
    name: 'scale-by-factors',
    options: { decay, threshold },
    state(parameter): ReturnType<Transform['state']> {
      const shape = sizes(parameter)
      const step = { dtype: 'i32' as const, shape: [1] }
      if (shape.length < 2) return { v: { dtype: 'f32', shape }, step }
      return {
        row: { dtype: 'f32', shape: [...shape.slice(0, -1), 1] },
        column: { dtype: 'f32', shape: [...shape.slice(0, -2), 1, shape.at(-1)!] },
        step,
      }
    },
    update(g, { state }) {
      const step = add(state.step!, 1)
      const share = pow(reshape(cast(step, 'f32'), []), decay) // 1 − β̂₂
      const towards = (old: Tensor, now: Tensor) => add(old, mul(sub(now, old), share))
      const squares = square(g)
      let variance: Tensor
      let history: Record<string, Tensor>
      if (state.v) {
        variance = towards(state.v, squares)
        history = { v: variance, step }
      } else {
        const row = towards(state.row!, mean(squares, -1, true)) // [.., n, 1]
        const column = towards(state.column!, mean(squares, -2, true)) // [.., 1, m]
        variance = div(matmul(row, column), maximum(mean(row, -2, true), epsilon))
        history = { row, column, step }
      }
      const update = mul(g, rsqrt(maximum(variance, epsilon * epsilon)))
      return { update: div(update, maximum(div(rootMeanSquare(update), threshold), 1)), state: history }
    },
  }
}

const scaleByParameter = (smallest: number): Transform => ({
  name: 'scale-by-parameter',
  options: { smallest },
  state: () => ({}),
  update: (update, { parameter }) => ({ update: mul(update, maximum(rootMeanSquare(parameter), smallest)) }),
})

/** Adagrad (Duchi, Hazan & Singer 2011). */
export const adagrad = ({ clip, ...options }: { epsilon?: number; clip?: number } = {}): Optimizer =>
  chain(clipped(clip), scaleByAdagrad(options), scaleByRate())

/** RMSProp (Hinton, Srivastava & Swersky 2012). */
export const rmsprop = ({ clip, ...options }: { alpha?: number; epsilon?: number; clip?: number } = {}): Optimizer =>
  chain(clipped(clip), scaleByRms(options), scaleByRate())
