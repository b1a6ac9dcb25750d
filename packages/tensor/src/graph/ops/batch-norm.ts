// Batch normalisation (Ioffe & Szegedy 2015) over rows, with running statistics: state that the forward pass updates (DESIGN E7).

import { sameDim } from '../dim.js'
import { describe, GraphError, type Tensor } from '../tensor.js'
import { add, div, maximum, mul, rsqrt, square, sub } from './elementwise.js'
import { mean, stopGradient } from './reduce.js'
import { cast, dimension } from './shape.js'

export interface BatchNormStatistics {
  /** [features]: state of a store, zeros at the start. */
  mean: Tensor
  /** [features]: state of a store, ones at the start. */
  variance: Tensor
}

export interface BatchNormOptions {
  /** Share of the new batch in the running statistics, as in PyTorch. Default 0.1. */
  momentum?: number
  epsilon?: number
}

/** (x − mean)/√(variance + ε) · gain + bias with given statistics: what evaluation does. x [rows, features]. */
export function normaliseWith(x: Tensor, gain: Tensor, bias: Tensor, statistics: BatchNormStatistics, epsilon = 1e-5): Tensor {
  checkFeatures(x, { gain, bias, ...statistics })
  return add(mul(sub(x, statistics.mean), mul(gain, rsqrt(add(statistics.variance, epsilon)))), bias)
}

/**
 * Batch normalisation while training: the batch's own statistics normalise, and the running ones move towards them.
 * x [rows, features]; gain, bias, statistics [features]. The updates belong into the program's (`trainingStep({ updates })`).
 *
 * As in PyTorch, the batch is normalised by its biased variance and the running variance takes the unbiased one.
 */
export function batchNorm(
  x: Tensor,
  gain: Tensor,
  bias: Tensor,
  running: BatchNormStatistics,
  options: BatchNormOptions = {},
): { output: Tensor; updates: { kind: 'replace'; state: Tensor; value: Tensor }[] } {
  const { momentum = 0.1, epsilon = 1e-5 } = options
  checkFeatures(x, { gain, bias, ...running })
  const centre = mean(x, 0)
  const centred = sub(x, centre)
  const variance = mean(square(centred), 0)
  const output = add(mul(mul(centred, rsqrt(add(variance, epsilon))), gain), bias)
  const rows = cast(dimension(x.shape[0]!), 'f32')
  const unbiased = mul(variance, div(rows, maximum(sub(rows, 1), 1)))
  const moved = (old: Tensor, now: Tensor) => add(mul(old, 1 - momentum), mul(stopGradient(now), momentum))
  return {
    output,
    updates: [
      { kind: 'replace', state: running.mean, value: moved(running.mean, centre) },
      { kind: 'replace', state: running.variance, value: moved(running.variance, unbiased) },
    ],
  }
}

function checkFeatures(x: Tensor, parts: Readonly<Record<string, Tensor>>): void {
  if (x.rank !== 2) throw new GraphError(`batch-norm: ${describe(x)}: expected [rows, features]`)
  for (const [name, part] of Object.entries(parts))
    if (part.rank !== 1 || !sameDim(part.shape[0]!, x.shape[1]!))
      throw new GraphError(`batch-norm: the ${name} ${describe(part)} does not fit ${describe(x)}`)
}
