// Layer norm out of the nodes that exporters wrote before ONNX had the operation (opset 17):
// (x − mean) / √(mean((x − mean)²) + ε) · gain + bias over the last axis (Ba, Kiros & Hinton 2016).

import { layerNorm } from '../ops/normalization.js'
import type { Tensor } from '../tensor.js'
import { factorsOf, numberOf, operandsOf } from './match.js'

/** x of a mean over the last axis that keeps it. */
function meanOf(tensor: Tensor): Tensor | undefined {
  const [x] = operandsOf(tensor, 'mean') ?? []
  const { axes, keep } = tensor.node.attributes as { axes?: number[]; keep?: boolean }
  return x && keep && axes?.length === 1 && axes[0] === x.rank - 1 ? x : undefined
}

/** x and ε, where a tensor is (x − mean(x)) / √(variance + ε), or times the inverse root. */
function normalised(centred: Tensor, root: Tensor | undefined): { x: Tensor; epsilon: number } | undefined {
  const [x, mean] = operandsOf(centred, 'sub') ?? []
  if (!x || !mean || meanOf(mean) !== x || !root) return undefined
  const [sum] = operandsOf(root, 'sqrt') ?? []
  const [a, b] = sum ? (operandsOf(sum, 'add') ?? []) : []
  if (!a || !b) return undefined
  const [variance, epsilon] = numberOf(b) === undefined ? [b, numberOf(a)] : [a, numberOf(b)]
  const square = meanOf(variance)
  const { scale, factors } = square ? factorsOf(square) : { scale: 0, factors: [] }
  return epsilon !== undefined && scale === 1 && factors.length === 2 && factors.every((factor) => factor === centred) ? { x, epsilon } : undefined
}

/** A vector as wide as x. */
const fits = (vector: Tensor, x: Tensor) => vector.rank === 1 && vector.shape[0] === x.shape.at(-1)

/** The gain and what it is multiplied with: gain · ((x − mean) / root), or gain · (x − mean) · (1 / root). */
function scaled(tensor: Tensor): { x: Tensor; epsilon: number; gain: Tensor } | undefined {
  const product = operandsOf(tensor, 'mul')
  if (!product) return undefined
  for (const [quotient, gain] of [product, product.toReversed()] as [Tensor, Tensor][]) {
    const [centred, root] = operandsOf(quotient, 'div') ?? []
    const found = centred && normalised(centred, root)
    if (found && fits(gain, found.x)) return { ...found, gain }
    const [left, right] = operandsOf(quotient, 'mul') ?? []
    for (const [c, inverse] of left && right ? [[left, right] as const, [right, left] as const] : []) {
      const again = normalised(c, operandsOf(inverse, 'reciprocal')?.[0])
      if (again && fits(gain, again.x)) return { ...again, gain }
    }
  }
  return undefined
}

/** add(mul(normal, gain), bias) → layer-norm. */
export function recogniseLayerNorm(tensor: Tensor): Tensor | undefined {
  const sum = operandsOf(tensor, 'add')
  if (!sum) return undefined
  for (const [product, bias] of [sum, sum.toReversed()] as [Tensor, Tensor][]) {
    const found = scaled(product)
    if (found && fits(bias, found.x)) return layerNorm(found.x, found.gain, bias, found.epsilon)
  }
  return undefined
}
