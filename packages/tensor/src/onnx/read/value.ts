// What a name in an ONNX graph stands for while the graph is imported: a tensor, or values that are known already. Exporters compute shapes
// with ordinary nodes (Shape, Gather, Mul, Concat, Reshape …); known values may hold dimension expressions, so that all of this arithmetic is
// done here, symbolically, and nothing of it is left in the graph.

import { type Dim, type DimExpression, multiplyDims } from '../../graph/dim.js'
import type { DType } from '../../graph/dtype.js'
import { stack } from '../../graph/ops/indexing.js'
import { dimension, reshape } from '../../graph/ops/shape.js'
import { constant, constantOperation, Tensor } from '../../graph/tensor.js'
import { clampToI32 } from './tensor-data.js'

/** One element: a number (booleans are 0 and 1), or a size that only a run tells. */
export type Scalar = number | DimExpression

/** Values known while the graph is read, in row-major order. */
export interface Known {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly values: readonly Scalar[]
}

export type Value = Known | Tensor

/** Larger constants are tensors: folding is for shapes, axes and scales. */
export const knownLimit = 1024

export const isKnown = (value: Value): value is Known => !(value instanceof Tensor)

export const known = (dtype: DType, shape: readonly number[], values: readonly Scalar[]): Known => ({ dtype, shape, values })

export const isNumber = (value: Scalar): value is number => typeof value === 'number'

/** A value as a tensor. */
export function tensorOf(value: Value): Tensor {
  if (!isKnown(value)) return value
  const { dtype, shape, values } = value
  if (values.every(isNumber)) return constant(dtype === 'i32' ? values.map(clampToI32) : values, shape, dtype)
  const scalars = values.map((size) => dimension(size as Dim))
  return scalars.length === 1 ? reshape(scalars[0]!, shape) : reshape(stack(scalars), shape)
}

/** A value as known values where it is one, small constants included. */
export function knownOf(value: Value): Known | undefined {
  if (isKnown(value)) return value
  const { operation, attributes } = value.node
  if (operation !== constantOperation || attributes.data.length > knownLimit) return undefined
  return known(value.dtype, attributes.shape as number[], Array.from(attributes.data as Iterable<number | bigint>, Number))
}

/** The number of elements of a shape of plain numbers. */
export const count = (shape: readonly number[]): number => shape.reduce((product, d) => product * d, 1)

/**
 * The least value an expression can have: every named dimension is at least 1. −∞ where a term is subtracted or a quotient is floored.
 */
export function atLeast(size: Dim): number {
  if (typeof size === 'number') return size
  return size.terms.reduce((sum, { factor, atoms }) => {
    if (factor < 0) return Number.NEGATIVE_INFINITY
    return sum + (atoms.every((atom) => typeof atom === 'string') ? factor : 0)
  }, 0)
}

/** The largest value an expression can have, where that is known. */
export const atMost = (size: Dim): number => -atLeast(multiplyDims(size, -1))
