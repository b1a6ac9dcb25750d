// Operations that move or view values without computing: reshape, transpose, expand, cast, and the sizes themselves as values.

import { broadcast, normaliseAxis, stretchedAxes } from '../broadcast.js'
import { type Dim, divideDims, type Shape, sameDim, sameShape, shapeText, sizeOf } from '../dim.js'
import { type DType, isFloat } from '../dtype.js'
import { apply, constant, describe, GraphError, type Operation, type Tensor } from '../tensor.js'
import { sum } from './reduce.js'

const reshapeOperation: Operation = {
  name: 'reshape',
  infer: ([x], { shape }) => [{ shape: shape as Shape, dtype: x!.dtype }],
  gradient: ({ inputs }, [g]) => [reshape(g!, inputs[0]!.shape)],
  onnx: (emit, { attributes }, [x]) => emit.node('Reshape', [x!, emit.reshapeTarget(attributes.shape as Shape)]),
}

/** The same values in another shape; one size may be -1. Costs nothing. */
export function reshape(x: Tensor, shape: readonly Dim[]): Tensor {
  const target = inferMissing(x, shape)
  if (sameShape(x.shape, target)) return x
  if (!sameDim(sizeOf(x.shape), sizeOf(target)))
    throw new GraphError(`reshape: ${describe(x)} has ${sizeOf(x.shape)} elements, ${shapeText(target)} has ${sizeOf(target)}`)
  const source = x.node.operation === reshapeOperation ? x.node.inputs[0]! : x
  return sameShape(source.shape, target) ? source : apply(reshapeOperation, [source], { shape: target })
}

function inferMissing(x: Tensor, shape: readonly Dim[]): Shape {
  const at = shape.indexOf(-1)
  if (at < 0) return shape
  const known = sizeOf(shape.filter((_, i) => i !== at))
  const missing = divideDims(sizeOf(x.shape), known)
  const full = shape.map((size, i) => (i === at ? missing : size))
  if (!sameDim(sizeOf(full), sizeOf(x.shape))) throw new GraphError(`reshape: ${describe(x)} does not divide into ${shapeText(shape)}`)
  return full
}

const transposeOperation: Operation = {
  name: 'transpose',
  infer: ([x], { order }) => [{ shape: (order as number[]).map((axis) => x!.shape[axis]!), dtype: x!.dtype }],
  gradient({ attributes }, [g]) {
    const order = attributes.order as number[]
    return [
      transpose(
        g!,
        order.map((_, axis) => order.indexOf(axis)),
      ),
    ]
  },
  onnx: (emit, { attributes }, [x]) => emit.node('Transpose', [x!], { perm: attributes.order as number[] }),
}

/** Axes in another order; without an order the last two change places. */
export function transpose(x: Tensor, order?: readonly number[]): Tensor {
  const axes = order ?? x.shape.map((_, axis) => (axis < x.rank - 2 ? axis : x.rank - 1 - (axis - (x.rank - 2))))
  if (axes.length !== x.rank || [...axes].sort((a, b) => a - b).some((axis, i) => axis !== i))
    throw new GraphError(`transpose: the order [${axes}] is no permutation of the ${x.rank} axes of ${describe(x)}`)
  if (axes.every((axis, i) => axis === i)) return x
  // two in a row are one, and a matrix that is turned twice is the matrix itself
  if (x.node.operation !== transposeOperation) return apply(transposeOperation, [x], { order: [...axes] })
  const first = x.node.attributes.order as number[]
  return transpose(
    x.node.inputs[0]!,
    axes.map((axis) => first[axis]!),
  )
}

/** A new axis of size 1. */
export function unsqueeze(x: Tensor, axis: number): Tensor {
  const at = normaliseAxis('unsqueeze', axis, x.rank + 1)
  return reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)])
}

/** Drops an axis of size 1. */
export function squeeze(x: Tensor, axis: number): Tensor {
  const at = normaliseAxis('squeeze', axis, x.rank)
  if (x.shape[at] !== 1) throw new GraphError(`squeeze: axis ${axis} of ${describe(x)} has size ${x.shape[at]}: expected 1`)
  return reshape(
    x,
    x.shape.filter((_, i) => i !== at),
  )
}

const expandOperation: Operation = {
  name: 'expand',
  infer([x], { shape }) {
    const target = shape as Shape
    const result = broadcast(x!.shape, target)
    if (!result || !sameShape(result, target)) throw new GraphError(`expand: ${describe(x!)} does not broadcast to ${shapeText(target)}`)
    return [{ shape: target, dtype: x!.dtype }]
  },
  gradient({ inputs }, [g]) {
    const axes = stretchedAxes(inputs[0]!.shape, g!.shape)
    return [reshape(axes.length === 0 ? g! : sum(g!, axes), inputs[0]!.shape)]
  },
  onnx: (emit, { attributes }, [x]) => emit.node('Expand', [x!, emit.shape(attributes.shape as Shape)]),
}

/** Stretches axes of size 1 (and adds leading ones) to the shape. */
export const expand = (x: Tensor, shape: Shape): Tensor => (sameShape(x.shape, shape) ? x : apply(expandOperation, [x], { shape }))

/** A tensor of one value. */
export const full = (shape: Shape, value: number, dtype: DType = 'f32'): Tensor => expand(constant(value, [], dtype), shape)

const castOperation: Operation = {
  name: 'cast',
  infer: ([x], { dtype }) => [{ shape: x!.shape, dtype: dtype as DType }],
  gradient: ({ inputs, attributes }, [g]) => [
    isFloat(attributes.dtype as DType) && isFloat(inputs[0]!.dtype) ? cast(g!, inputs[0]!.dtype) : undefined,
  ],
  onnx: (emit, { attributes }, [x]) => emit.node('Cast', [x!], { to: emit.type(attributes.dtype as DType) }),
}

/** The values in another type. */
export const cast = (x: Tensor, dtype: DType): Tensor => (x.dtype === dtype ? x : apply(castOperation, [x], { dtype }))

const dimensionOperation: Operation = {
  name: 'dimension',
  infer: () => [{ shape: [], dtype: 'i32' }],
  onnx: (emit, { attributes }) =>
    emit.node('Cast', emit.node('Reshape', [emit.size(attributes.size as Dim), emit.integers([])]), { to: emit.type('i32') }),
}

/** A size as a value (i32 scalar); constant where it is known already. */
export const dimension = (size: Dim): Tensor => (typeof size === 'number' ? constant(size, [], 'i32') : apply(dimensionOperation, [], { size }))

const rangeOperation: Operation = {
  name: 'range',
  infer: (_, { size }) => [{ shape: [size as Dim], dtype: 'i32' }],
  onnx: (emit, { attributes }) => {
    const [size] = emit.node('Reshape', [emit.size(attributes.size as Dim), emit.integers([])])
    return emit.node('Cast', emit.node('Range', [emit.integer(0), size!, emit.integer(1)]), { to: emit.type('i32') })
  },
}

/** 0, 1, …, size − 1 (i32). */
export const range = (size: Dim): Tensor => apply(rangeOperation, [], { size })
