// Constants, and operations that move values without computing.

import { broadcast } from '../../../graph/broadcast.js'
import { type Dim, multiplyDims, type Shape, subtractDims } from '../../../graph/dim.js'
import * as ops from '../../../graph/ops/index.js'
import { constant } from '../../../graph/tensor.js'
import type { Importer } from '../call.js'
import { elementsOf, shapeOf } from '../fold.js'
import { known } from '../value.js'

const constantNode: Importer = (call) => {
  const stored = call.data('value')
  if (stored) return constant(stored.data, stored.shape, stored.dtype)
  const { attributes } = call.node
  const vector = (dtype: 'f32' | 'i32', values: number[]) => known(dtype, [values.length], values)
  if (attributes.has('value_int')) return known('i32', [], [call.int('value_int', 0)])
  if (attributes.has('value_ints')) return vector('i32', call.ints('value_ints')!)
  if (attributes.has('value_float')) return known('f32', [], [call.float('value_float', 0)])
  if (attributes.has('value_floats')) return vector('f32', call.floats('value_floats')!)
  return call.refuse(`a constant given as ${[...attributes.keys()].join(', ') || 'nothing'} is not read`)
}

const constantOfShape: Importer = (call) => {
  const { dtype, value } = call.fillValue()
  return ops.full(call.sizes(0), value, dtype)
}

/** start, start + step, … below the limit; integers, or floats whose number is known. */
const range: Importer = (call) => {
  const [start, limit, step] = [call.scalar(0), call.sizes(1)[0]!, call.scalar(2)]
  if (start === undefined || step === undefined || !(step > 0)) return call.refuse('its start and step must be known, and the step above 0')
  const length = typeof limit === 'number' ? Math.max(0, Math.ceil((limit - start) / step)) : undefined
  if (length === undefined && (step !== 1 || !Number.isInteger(start)))
    return call.refuse(`from ${start} to ${limit} by ${step}: only steps of 1 are read here`)
  const dtype = call.known(0)!.dtype
  const steps = ops.range(length ?? subtractDims(limit, start))
  return ops.add(ops.mul(ops.cast(steps, dtype), step), start)
}

const reshape: Importer = (call) => {
  const x = call.tensor(0)
  return ops.reshape(x, call.reshaped(x.shape))
}

const transpose: Importer = (call) => {
  const x = call.tensor(0)
  return ops.transpose(x, call.ints('perm') ?? x.shape.map((_, i) => x.rank - 1 - i))
}

const expand: Importer = (call) => {
  const x = call.tensor(0)
  const target = call.sizes(1)
  call.align(x.shape, target)
  const shape = broadcast(x.shape, target) ?? call.refuse(`${call.describe(0)} does not broadcast to [${target.join(', ')}]`)
  return ops.expand(x, shape)
}

/** Repeats as new axes that are stretched and merged. */
const tile: Importer = (call) => {
  const x = call.tensor(0)
  const repeats = call.sizes(1)
  if (repeats.every((times) => times === 1)) return x
  const apart = ops.reshape(
    x,
    x.shape.flatMap((size) => [1, size]),
  )
  const wide = ops.expand(
    apart,
    x.shape.flatMap((size, i) => [repeats[i]!, size]),
  )
  return ops.reshape(
    wide,
    x.shape.map((size, i) => multiplyDims(size, repeats[i]!)),
  )
}

const concat: Importer = (call) => {
  const tensors = call.tensors()
  const axis = call.axis('axis', 0, tensors[0]!.rank)
  const others = (shape: Shape) => shape.map((size, i) => (i === axis ? 1 : size))
  call.align(...tensors.map((x) => others(x.shape)))
  // an empty piece adds nothing
  const filled = tensors.filter((x) => x.shape[axis] !== 0)
  return filled.length === 0 ? tensors[0]! : ops.concat(filled, axis)
}

const split: Importer = (call) => {
  const x = call.tensor(0)
  const axis = call.axis('axis', 0, x.rank)
  const size = x.shape[axis]!
  const pieces = call.node.outputs.length
  const given = call.ints('split') ?? call.numbers(1)
  if (!given && typeof size !== 'number') return call.refuse(`axis ${axis} of ${call.describe(0)} has no fixed size`)
  const each = Math.ceil((size as number) / pieces)
  const sizes = given ?? Array.from({ length: pieces }, (_, i) => Math.min(each, (size as number) - i * each))
  return [...ops.split(x, sizes, axis)]
}

/** A mask of the triangle, rather than x times it: x may be infinite. */
const triangle: Importer = (call) => {
  const x = call.tensor(0)
  const diagonal = call.numbers(1)?.[0] ?? 0
  const [rows, columns] = x.shape.slice(-2) as [Dim, Dim]
  const row = ops.add(ops.unsqueeze(ops.range(rows), 1), diagonal)
  const column = ops.unsqueeze(ops.range(columns), 0)
  const kept = call.int('upper', 1) ? ops.greaterEqual(column, row) : ops.lessEqual(column, row)
  if (x.dtype === 'bool') return ops.and(x, kept)
  return ops.where(kept, x, 0)
}

const shape: Importer = (call) => shapeOf(call.shape(0), call)

export const shapes: Readonly<Record<string, Importer>> = {
  Constant: constantNode,
  ConstantOfShape: constantOfShape,
  Shape: shape,
  Size: (call) => elementsOf(call.shape(0)),
  Range: range,
  Identity: (call) => call.values[0] ?? call.refuse('it has no input'),
  Dropout: (call) => call.tensor(0),
  Cast: (call) => ops.cast(call.tensor(0), call.typeAttribute('to')),
  CastLike: (call) => ops.cast(call.tensor(0), call.tensor(1).dtype),
  Reshape: reshape,
  Flatten: (call) => ops.reshape(call.tensor(0), call.flattened(call.shape(0))),
  Unsqueeze: (call) => ops.reshape(call.tensor(0), call.unsqueezed(call.shape(0))),
  Squeeze: (call) => ops.reshape(call.tensor(0), call.squeezed(call.shape(0))),
  Transpose: transpose,
  Expand: expand,
  Tile: tile,
  Concat: concat,
  Split: split,
  Trilu: triangle,
}
