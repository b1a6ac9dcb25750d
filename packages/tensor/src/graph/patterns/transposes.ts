// Transposes: two in a row become one, and a product reads its operands the other way round instead of copying them (DESIGN D2c).

import { type Dim, sameDim, sameShape } from '../dim.js'
import { matmul } from '../ops/matmul.js'
import { transpose } from '../ops/shape.js'
import type { Tensor } from '../tensor.js'
import { is, operandsOf } from './match.js'

/** A transpose in a new order; one of a transpose is one transpose. */
export function reordered(x: Tensor, order: readonly number[]): Tensor {
  const [inner] = operandsOf(x, 'transpose') ?? []
  if (!inner) return transpose(x, order)
  const first = x.node.attributes.order as number[]
  return transpose(
    inner,
    order.map((axis) => first[axis]!),
  )
}

/** The last two axes exchanged. */
export const swapped = (x: Tensor): Tensor =>
  reordered(
    x,
    x.shape.map((_, i) => (i < x.rank - 2 ? i : 2 * x.rank - 3 - i)),
  )

/** transpose(transpose(x)) → one, or none. */
export function mergeTransposes(tensor: Tensor): Tensor | undefined {
  const [x] = operandsOf(tensor, 'transpose') ?? []
  return x && is(x, 'transpose') ? reordered(x, tensor.node.attributes.order as number[]) : undefined
}

/**
 * PyTorch's newer exporter exchanges the last two of four axes as [a, b, m, n] → [ab, m, n] → [ab, n, m] → [a, b, n, m]:
 * one transpose of x.
 */
export function transposeThroughReshape(tensor: Tensor): Tensor | undefined {
  const [turned] = operandsOf(tensor, 'reshape') ?? []
  const [flat] = turned ? (operandsOf(turned, 'transpose') ?? []) : []
  const [x] = flat ? (operandsOf(flat, 'reshape') ?? []) : []
  if (!turned || !flat || !x || flat.rank !== 3 || x.rank < 3 || x.rank !== tensor.rank) return undefined
  if (String(turned.node.attributes.order) !== '0,2,1') return undefined
  const [m, n] = x.shape.slice(-2) as [Dim, Dim]
  if (!sameDim(flat.shape[1]!, m) || !sameDim(flat.shape[2]!, n)) return undefined
  return sameShape(tensor.shape, [...x.shape.slice(0, -2), n, m]) ? swapped(x) : undefined
}

/** Whether a transpose exchanges the last two axes and leaves the others. */
const swapsLast = (x: Tensor): boolean =>
  is(x, 'transpose') && (x.node.attributes.order as number[]).every((axis, i) => axis === (i < x.rank - 2 ? i : 2 * x.rank - 3 - i))

/** matmul(transpose(a), b) → a product that reads a the other way round; likewise b. */
export function absorbTransposes(tensor: Tensor): Tensor | undefined {
  const operands = operandsOf(tensor, 'matmul')
  if (!operands?.some(swapsLast)) return undefined
  const { transA, transB, alpha } = tensor.node.attributes as { transA: boolean; transB: boolean; alpha: number }
  const [a, b] = operands as [Tensor, Tensor]
  return matmul(swapsLast(a) ? swapped(a) : a, swapsLast(b) ? swapped(b) : b, {
    transA: transA !== swapsLast(a),
    transB: transB !== swapsLast(b),
    alpha,
  })
}
