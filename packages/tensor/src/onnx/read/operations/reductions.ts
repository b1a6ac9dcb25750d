// Reductions over axes.

import * as ops from '../../../graph/ops/index.js'
import type { Tensor } from '../../../graph/tensor.js'
import type { Call, Importer } from '../call.js'

type Reduce = (x: Tensor, axes?: number[], keep?: boolean) => Tensor

/** Axes that are absent or empty mean all, or with `noop_with_empty_axes` none. */
const reduction =
  (reduce: Reduce): Importer =>
  (call: Call) => {
    const x = call.tensor(0)
    const given = call.axes(1)
    if (!given?.length && call.int('noop_with_empty_axes', 0)) return x
    return reduce(x, given?.length ? given : undefined, call.int('keepdims', 1) === 1)
  }

const sumOf =
  (of: (x: Tensor) => Tensor, then: (y: Tensor) => Tensor = (y) => y): Reduce =>
  (x, axes, keep) =>
    then(ops.sum(of(x), axes, keep))

export const reductions: Readonly<Record<string, Importer>> = {
  ReduceSum: reduction(ops.sum),
  ReduceMean: reduction(ops.mean),
  ReduceMax: reduction(ops.max),
  ReduceMin: reduction(ops.min),
  ReduceProd: reduction(ops.prod),
  ReduceSumSquare: reduction(sumOf(ops.square)),
  ReduceL1: reduction(sumOf(ops.abs)),
  ReduceL2: reduction(sumOf(ops.square, ops.sqrt)),
  ReduceLogSumExp: reduction(ops.logSumExp),
}
