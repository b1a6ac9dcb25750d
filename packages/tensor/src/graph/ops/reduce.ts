// Reductions over axes. `axes` undefined means all; reduced axes are dropped unless `keep`.

import { expectType, normaliseAxes, normaliseAxis } from '../broadcast.js'
import { type Dim, type Shape, sizeOf } from '../dim.js'
import { gradWithin } from '../grad.js'
import { apply, GraphError, type Operation, type Tensor } from '../tensor.js'
import { equal, where } from './compare.js'
import { add, div, exp, log, mul, reciprocal, square, sub } from './elementwise.js'
import { cast, dimension, expand, range, reshape, transpose, unsqueeze } from './shape.js'

const reducedShape = (shape: Shape, axes: readonly number[], keep: boolean): Dim[] =>
  shape.flatMap((size, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [size]))

/** A gradient brought back to the shape before the reduction. */
const restore = (g: Tensor, x: Tensor, axes: readonly number[]) => reshape(g, reducedShape(x.shape, axes, true))

function reduction(
  name: string,
  onnx: string,
  gradient: (x: Tensor, y: Tensor, g: Tensor, axes: readonly number[]) => Tensor,
  types = ['f32', 'f16', 'bf16', 'i32'],
): Operation {
  return {
    name,
    infer([x], { axes, keep }) {
      expectType(name, x!, types)
      return [{ shape: reducedShape(x!.shape, axes as number[], keep as boolean), dtype: x!.dtype }]
    },
    gradient({ inputs, outputs, attributes }, [g]) {
      const x = inputs[0]!
      const axes = attributes.axes as number[]
      return [gradient(x, restore(outputs[0]!, x, axes), restore(g!, x, axes), axes)]
    },
    onnx: (emit, { attributes }, [x]) => emit.node(onnx, [x!, emit.integers(attributes.axes as number[])], { keepdims: attributes.keep ? 1 : 0 }),
  }
}

const toShape = (g: Tensor, x: Tensor) => expand(g, x.shape)

/** Shares the gradient equally among ties, as PyTorch's amax does. */
const extremum = (x: Tensor, y: Tensor, g: Tensor, axes: readonly number[]) => {
  const hit = where(equal(x, y), 1, 0)
  return mul(hit, div(g, sum(hit, axes, true)))
}

const operations = {
  sum: reduction('sum', 'ReduceSum', (x, _y, g) => toShape(g, x)),
  mean: reduction('mean', 'ReduceMean', (x, _y, g, axes) =>
    toShape(mul(g, reciprocal(cast(dimension(sizeOf(axes.map((axis) => x.shape[axis]!))), 'f32'))), x),
  ),
  max: reduction('max', 'ReduceMax', extremum),
  min: reduction('min', 'ReduceMin', extremum),
  norm: reduction(
    'norm',
    'ReduceL2',
    (x, y, g) => {
      // at zero there is no direction: no gradient, as in PyTorch
      const zero = equal(y, 0)
      return mul(x, where(zero, 0, div(g, where(zero, 1, y))))
    },
    ['f32', 'f16', 'bf16'],
  ),
  prod: reduction('prod', 'ReduceProd', (x, _y, g, axes) => apply(prodGradient, [x, g], { axes })),
}

/** g · the product of the others. */
const prodGradient: Operation = {
  name: 'prod-gradient',
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  decompose([x, g], { axes }) {
    // where one factor is zero, only it has a gradient; where two are, none has
    const zero = equal(x!, 0)
    const zeros = sum(where(zero, 1, 0), axes, true)
    const others = prod(where(zero, 1, x!), axes, true)
    const nonzero = where(equal(zeros, 0), div(others, where(zero, 1, x!)), 0)
    return [mul(g!, where(zero, where(equal(zeros, 1), others, 0), nonzero))]
  },
  // the form above does not say how the others change with a factor that is zero; this one does, at n² of the work
  gradient({ inputs: [x, g], attributes }, [h], needed) {
    const axes = attributes.axes as number[]
    const order = [...x!.shape.keys()].sort((a, b) => Number(axes.includes(a)) - Number(axes.includes(b)) || a - b)
    const moved = transpose(x!, order)
    const flat = reshape(moved, [...moved.shape.slice(0, -axes.length), 1, sizeOf(moved.shape.slice(-axes.length))]) // [.., 1, n]
    const places = range(flat.shape.at(-1)!)
    const rows = where(equal(unsqueeze(places, 1), unsqueeze(places, 0)), 1, flat) // [.., n, n]: in row i factor i is 1
    const others = transpose(
      reshape(prod(rows, -1), moved.shape),
      order.map((_, axis) => order.indexOf(axis)),
    )
    const results = gradWithin(new Set([x!, g!]), mul(g!, others), [x!, g!], [h])
    return results.map((result, i) => (needed[i] ? result.contributions : undefined))
  },
}

function reduce(operation: Operation, x: Tensor, axes?: number | readonly number[], keep = false): Tensor {
  const all = axes === undefined ? x.shape.map((_, axis) => axis) : typeof axes === 'number' ? [axes] : axes
  const normal = normaliseAxes(operation.name, all, x.rank)
  return normal.length === 0 ? x : apply(operation, [x], { axes: normal, keep })
}

/** Σ x */
export const sum = (x: Tensor, axes?: number | readonly number[], keep = false): Tensor => reduce(operations.sum, x, axes, keep)
/** The arithmetic mean. */
export const mean = (x: Tensor, axes?: number | readonly number[], keep = false): Tensor => reduce(operations.mean, x, axes, keep)
/** The largest value; ties share the gradient. */
export const max = (x: Tensor, axes?: number | readonly number[], keep = false): Tensor => reduce(operations.max, x, axes, keep)
/** The smallest value; ties share the gradient. */
export const min = (x: Tensor, axes?: number | readonly number[], keep = false): Tensor => reduce(operations.min, x, axes, keep)
/** Π x */
export const prod = (x: Tensor, axes?: number | readonly number[], keep = false): Tensor => reduce(operations.prod, x, axes, keep)
/** The mean square distance from the mean (biased: divided by n). */
export const variance = (x: Tensor, axes?: number | readonly number[], keep = false): Tensor => mean(square(sub(x, mean(x, axes, true))), axes, keep)
/** √Σx²; its gradient at zero is 0. */
export const norm = (x: Tensor, axes?: number | readonly number[], keep = false): Tensor => reduce(operations.norm, x, axes, keep)

/** ln Σ e^x, safe for large x: the maximum is taken out first. */
export function logSumExp(x: Tensor, axes?: number | readonly number[], keep = false): Tensor {
  const top = stopGradient(max(x, axes, true))
  const kept = add(log(sum(exp(sub(x, top)), axes, true)), top)
  return keep
    ? kept
    : reshape(kept, reducedShape(x.shape, normaliseAxes('log-sum-exp', axes === undefined ? x.shape.map((_, i) => i) : [axes].flat(), x.rank), false))
}

/** x as it is, without a way for gradients. */
export const stopGradient = (x: Tensor): Tensor => apply(stopOperation, [x])
const stopOperation: Operation = {
  name: 'stop-gradient',
  stops: true,
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  onnx: (_emit, _node, [x]) => [x!],
}

/** The index (i32) of the largest value along an axis; the first of several. */
export function argmax(x: Tensor, axis = -1, keep = false): Tensor {
  return apply(argmaxOperation, [x], { axis: normaliseAxis('argmax', axis, x.rank), keep })
}
const argmaxOperation: Operation = {
  name: 'argmax',
  infer([x], { axis, keep }) {
    if (x!.shape[axis as number] === 0) throw new GraphError('argmax: the axis is empty')
    return [{ shape: reducedShape(x!.shape, [axis as number], keep as boolean), dtype: 'i32' }]
  },
  onnx: (emit, { attributes }, [x]) =>
    emit.node('Cast', emit.node('ArgMax', [x!], { axis: attributes.axis as number, keepdims: attributes.keep ? 1 : 0 }), { to: emit.type('i32') }),
}
