// Operations that pick, place, order and count.

import { sizeOf } from '../../../graph/dim.js'
import * as ops from '../../../graph/ops/index.js'
import { constant, type Tensor } from '../../../graph/tensor.js'
import type { Importer } from '../call.js'
import { isNumber } from '../value.js'

/** x[.., place, ..] without the axis. */
function pick(x: Tensor, axis: number, place: number): Tensor {
  const part = ops.slice(x, axis, place, place === -1 ? undefined : place + 1)
  return ops.reshape(
    part,
    x.shape.filter((_, i) => i !== axis),
  )
}

const gather: Importer = (call) => {
  const x = call.tensor(0)
  const axis = call.axis('axis', 0, x.rank)
  const size = x.shape[axis]!
  const places = call.known(1)
  const [first] = places?.values ?? []
  // a single known place is a slice: its gradient is padding instead of a scatter
  if (places?.shape.length === 0 && first !== undefined && isNumber(first)) return pick(x, axis, first)
  if (places?.values.every(isNumber) && typeof size === 'number') {
    const ids = (places.values as number[]).map((id) => (id < 0 ? id + size : id))
    if (ids.some((id) => id < 0 || id >= size)) call.refuse(`its places [${places.values}] lie outside axis ${axis}, which has ${size}`)
    return ops.gather(x, constant(ids, places.shape, 'i32'), axis)
  }
  return ops.gather(x, call.tensor(1), axis)
}

const gatherElements: Importer = (call) => {
  const x = call.tensor(0)
  return ops.gatherElements(x, call.tensor(1), call.axis('axis', 0, x.rank))
}

/** x[i, j, …] for tuples (i, j, …) along the last axis of the ids: the leading axes become one, and so do the ids. */
const gatherND: Importer = (call) => {
  const [x, ids] = [call.tensor(0), call.tensor(1)]
  const depth = ids.shape.at(-1)
  if (call.int('batch_dims', 0) !== 0) call.refuse('batch_dims is not read')
  if (typeof depth !== 'number' || depth < 1 || depth > x.rank) return call.refuse(`its places ${call.describe(1)} must be tuples of 1 to ${x.rank}`)
  const picked = x.shape.slice(0, depth)
  const inner = x.shape.slice(depth)
  const parts = picked.map((_, i) => {
    const place = pick(ids, ids.rank - 1, i)
    const stride = sizeOf(picked.slice(i + 1))
    return stride === 1 ? place : ops.mul(place, ops.dimension(stride))
  })
  return ops.gather(ops.reshape(x, [sizeOf(picked), ...inner]), parts.reduce(ops.add), 0)
}

const slice: Importer = (call) => {
  const bounds = call.sliceBounds() ?? call.refuse('its bounds depend on the data')
  return bounds.reduce((x, { axis, start, end, step }) => {
    const size = x.shape[axis]!
    if (step > 0) return ops.slice(x, axis, call.place(start, size), call.place(end, size), step)
    const whole = typeof start === 'number' && typeof end === 'number' && (start === -1 || start >= 2 ** 30) && end < -(2 ** 30)
    return step === -1 && whole
      ? ops.flip(x, axis)
      : call.refuse(`a slice from ${start} to ${end} by ${step} is not read: only a whole axis backwards`)
  }, call.tensor(0))
}

const pad: Importer = (call) => {
  const x = call.tensor(0)
  if (call.text('mode', 'constant') !== 'constant') call.refuse(`the mode ${call.text('mode', '')} is not read: only constant`)
  const pads = call.ints('pads') ?? call.sizes(1)
  const value = call.has(2) ? (call.scalar(2) ?? call.refuse('its value depends on the data')) : call.float('value', 0)
  const axes = call.numbers(3) ?? x.shape.map((_, i) => i)
  return axes.reduce((y, axis, i) => ops.pad(y, axis, pads[i]!, pads[i + axes.length]!, value), x)
}

const topK: Importer = (call) => {
  const x = call.tensor(0)
  const k = call.numbers(1)?.[0] ?? call.int('k', 1)
  if (!call.int('largest', 1)) call.refuse('the smallest elements are not read: only the largest')
  const { values, ids } = ops.topK(x, k, call.axis('axis', -1, x.rank))
  return [values, ids]
}

const argmax: Importer = (call) => {
  const x = call.tensor(0)
  if (call.int('select_last_index', 0)) call.refuse('select_last_index is not read')
  return ops.argmax(x, call.axis('axis', 0, x.rank), call.int('keepdims', 1) === 1)
}

const oneHot: Importer = (call) => {
  const ids = call.tensor(0)
  const depth = call.numbers(1)?.[0] ?? call.refuse('it has no depth')
  const values = call.known(2)
  const [off, on] = values?.values ?? []
  if (off === undefined || on === undefined || !isNumber(off) || !isNumber(on)) return call.refuse('its values depend on the data')
  if (![-1, ids.rank].includes(call.int('axis', -1))) call.refuse('only a new last axis is read')
  const hot = ops.oneHot(ids, depth)
  return ops.cast(ops.add(ops.mul(hot, on - off), off), values!.dtype)
}

const cumulativeSum: Importer = (call) => {
  const x = call.tensor(0)
  const axis = call.numbers(1)?.[0] ?? call.refuse('it has no axis')
  return ops.cumulativeSum(x, axis, { exclusive: call.int('exclusive', 0) === 1, reverse: call.int('reverse', 0) === 1 })
}

export const indexing: Readonly<Record<string, Importer>> = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  Slice: slice,
  Pad: pad,
  TopK: topK,
  ArgMax: argmax,
  OneHot: oneHot,
  CumSum: cumulativeSum,
}
