// A product with a weight matrix plus a bias vector is `linear`, which runs as one Gemm.

import { linear } from '../ops/matmul.js'
import type { Tensor } from '../tensor.js'
import { operandsOf } from './match.js'

/** add(matmul(x, weight), bias) → linear. */
export function recogniseLinear(tensor: Tensor): Tensor | undefined {
  const sum = operandsOf(tensor, 'add')
  if (!sum) return undefined
  for (const [product, bias] of [sum, sum.toReversed()] as [Tensor, Tensor][]) {
    const [x, weight] = operandsOf(product, 'matmul') ?? []
    if (!x || !weight || weight.rank !== 2 || bias.rank !== 1 || bias.shape[0] !== weight.shape[1]) continue
    const { transA, transB, alpha } = product.node.attributes
    if (!transA && !transB && alpha === 1) return linear(x, weight, bias)
  }
  return undefined
}
