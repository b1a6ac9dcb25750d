// Looking at a graph from a node upwards: products as factors, sums as terms, constants as numbers.

import { constantOperation, type Tensor } from '../tensor.js'

export const is = (tensor: Tensor, name: string): boolean => tensor.node.operation.name === name

/** The operands of a node of this name. */
export const operandsOf = (tensor: Tensor, name: string): readonly Tensor[] | undefined =>
  is(tensor, name) && tensor.index === 0 ? tensor.node.inputs : undefined

/** The one number that a constant consists of, whatever its rank; a stretched constant counts too. */
export function numberOf(tensor: Tensor): number | undefined {
  if (is(tensor, 'expand') || is(tensor, 'reshape')) return numberOf(tensor.node.inputs[0]!)
  if (tensor.node.operation !== constantOperation) return undefined
  const data = tensor.node.attributes.data as ArrayLike<number | bigint>
  return data.length === 1 ? Number(data[0]) : undefined
}

/** A tensor as scale · Π factors: products, quotients by a number and negations are taken apart. A square is two factors. */
export function factorsOf(tensor: Tensor): { scale: number; factors: Tensor[] } {
  const number = tensor.dtype === 'f32' ? numberOf(tensor) : undefined
  if (number !== undefined) return { scale: number, factors: [] }
  const product = operandsOf(tensor, 'mul')
  if (product) {
    const parts = product.map(factorsOf)
    return { scale: parts.reduce((s, part) => s * part.scale, 1), factors: parts.flatMap((part) => part.factors) }
  }
  const [dividend, divisor] = operandsOf(tensor, 'div') ?? []
  const by = divisor && numberOf(divisor)
  if (dividend && by !== undefined) {
    const { scale, factors } = factorsOf(dividend)
    return { scale: scale / by, factors }
  }
  const [negated] = operandsOf(tensor, 'neg') ?? []
  if (negated) {
    const { scale, factors } = factorsOf(negated)
    return { scale: -scale, factors }
  }
  return { scale: 1, factors: [tensor] }
}

/** A tensor as a sum: additions are taken apart. */
export function termsOf(tensor: Tensor): Tensor[] {
  const sum = operandsOf(tensor, 'add')
  return sum ? sum.flatMap(termsOf) : [tensor]
}

/** x where a tensor is number + x, in either order. */
export function besideNumber(tensor: Tensor, number: number): Tensor | undefined {
  const sum = operandsOf(tensor, 'add')
  if (!sum) return undefined
  const [a, b] = sum as [Tensor, Tensor]
  if (near(numberOf(a), number)) return b
  return near(numberOf(b), number) ? a : undefined
}

/** Whether a number is the one meant: files round constants to f32 or f16, and authors to a few digits. */
export const near = (value: number | undefined, wanted: number, tolerance = 1e-4): boolean =>
  value !== undefined && Math.abs(value - wanted) <= tolerance * Math.abs(wanted)
