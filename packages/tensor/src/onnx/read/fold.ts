// Constant folding over known values, dimension expressions included. Each rule gives the outputs, or undefined where a value is not known
// well enough: then the node is imported as an operation like any other.

import { addDims, type Dim, divideDims, multiplyDims, sameDim, sizeOf, subtractDims } from '../../graph/dim.js'
import type { DType } from '../../graph/dtype.js'
import type { Call } from './call.js'
import { atLeast, count, isNumber, type Known, known, knownLimit, type Scalar } from './value.js'

type Rule = (inputs: readonly Known[], call: Call) => Known | undefined

const strides = (shape: readonly number[]) => shape.map((_, i) => count(shape.slice(i + 1)))

/** The element of a value that stands at a place of the shape it is broadcast to. */
function broadcastIndex(shape: readonly number[], place: readonly number[]): number {
  const lead = place.length - shape.length
  const steps = strides(shape)
  return shape.reduce((index, size, i) => index + (size === 1 ? 0 : place[lead + i]! * steps[i]!), 0)
}

function* places(shape: readonly number[]): Generator<number[]> {
  const total = count(shape)
  const steps = strides(shape)
  for (let i = 0; i < total; i++) yield shape.map((size, axis) => Math.floor(i / steps[axis]!) % size)
}

function elementwise(inputs: readonly Known[], dtype: DType, compute: (...values: Scalar[]) => Scalar | undefined): Known | undefined {
  const rank = Math.max(...inputs.map((x) => x.shape.length))
  const shape: number[] = []
  for (let i = 0; i < rank; i++) {
    const sizes = inputs.map((x) => x.shape[x.shape.length - rank + i] ?? 1).filter((size) => size !== 1)
    if (new Set(sizes).size > 1) return undefined
    shape.push(sizes[0] ?? 1)
  }
  const values: Scalar[] = []
  for (const place of places(shape)) {
    const result = compute(...inputs.map((x) => x.values[broadcastIndex(x.shape, place)]!))
    if (result === undefined) return undefined
    values.push(result)
  }
  return known(dtype, shape, values)
}

const rounded = (dtype: DType, value: number) => (dtype === 'f32' ? Math.fround(value) : Math.trunc(value))

/** Arithmetic: on plain numbers, or on sizes where the type is an integer. */
const arithmetic =
  (numbers: (a: number, b: number) => number, sizes?: (a: Dim, b: Dim) => Dim | undefined): Rule =>
  (inputs) =>
    elementwise(inputs, inputs[0]!.dtype, (first, ...others) =>
      others.reduce<Scalar | undefined>(
        (a, b) =>
          a === undefined ? undefined : isNumber(a) && isNumber(b) ? rounded(inputs[0]!.dtype, numbers(a, b)) : (sizes?.(a, b) as Scalar | undefined),
        first,
      ),
    )

/** −1, 0 or 1 as a is below, equal to or above b; undefined where that depends on the run. */
function order(a: Scalar, b: Scalar): number | undefined {
  if (isNumber(a) && isNumber(b)) return a < b ? -1 : a > b ? 1 : 0
  const difference = subtractDims(a, b)
  if (typeof difference === 'number') return Math.sign(difference)
  if (atLeast(difference) > 0) return 1
  return atLeast(subtractDims(b, a)) > 0 ? -1 : undefined
}

const comparison =
  (holds: (order: number) => boolean): Rule =>
  (inputs) =>
    elementwise(inputs, 'bool', (a, b) => {
      const found = order(a!, b!)
      return found === undefined ? undefined : holds(found) ? 1 : 0
    })

const logic =
  (compute: (a: number, b: number) => boolean): Rule =>
  (inputs) =>
    elementwise(inputs, 'bool', (a, b) => (isNumber(a!) && isNumber(b!) ? (compute(a, b) ? 1 : 0) : undefined))

const unary =
  (compute: (value: number) => number): Rule =>
  ([x]) =>
    elementwise([x!], x!.dtype, (value) => (isNumber(value!) ? rounded(x!.dtype, compute(value)) : undefined))

const extreme = (least: boolean) => (a: Dim, b: Dim) => {
  const found = order(a as Scalar, b as Scalar)
  return found === undefined ? undefined : found < 0 === least ? a : b
}

/** The same values in another shape of plain numbers. */
const reshaped = (x: Known, shape: readonly Dim[] | undefined): Known | undefined =>
  shape?.every((size): size is number => typeof size === 'number') && count(shape) === x.values.length ? known(x.dtype, shape, x.values) : undefined

function gather([x, ids]: readonly Known[], call: Call): Known | undefined {
  const axis = normal(call.int('axis', 0), x!.shape.length)
  const [before, size, after] = [x!.shape.slice(0, axis), x!.shape[axis]!, x!.shape.slice(axis + 1)]
  const inner = count(after)
  const values: Scalar[] = []
  for (let outer = 0; outer < count(before); outer++)
    for (const id of ids!.values) {
      if (!isNumber(id)) return undefined
      const at = id < 0 ? id + size : id
      if (at >= size || at < 0) call.refuse(`index ${id} is outside axis ${axis}, which has ${size}`)
      for (let k = 0; k < inner; k++) values.push(x!.values[(outer * size + at) * inner + k]!)
    }
  return known(x!.dtype, [...before, ...ids!.shape, ...after], values)
}

/** Of vectors, which is what shapes are. */
function slice(inputs: readonly Known[], call: Call): Known | undefined {
  const x = inputs[0]!
  const bounds = call.sliceBounds() ?? []
  if (x.shape.length !== 1 || bounds.length !== 1) return undefined
  const { start, end, step } = bounds[0]!
  if (typeof start !== 'number' || typeof end !== 'number') return undefined
  const size = x.shape[0]!
  const place = (at: number, low: number, high: number) => Math.min(Math.max(at < 0 ? at + size : at, low), high)
  const values: Scalar[] = []
  if (step > 0) for (let i = place(start, 0, size); i < place(end, 0, size); i += step) values.push(x.values[i]!)
  else for (let i = place(start, 0, size - 1); i > (end < -size ? -1 : place(end, -1, size)); i += step) values.push(x.values[i]!)
  return known(x.dtype, [values.length], values)
}

function concat(inputs: readonly Known[], call: Call): Known | undefined {
  if (inputs.some((x) => x.shape.length !== 1) || normal(call.int('axis', 0), 1) !== 0) return undefined
  const values = inputs.flatMap((x) => x.values)
  return known(inputs[0]!.dtype, [values.length], values)
}

/** Reduces all elements to one. */
const reduction =
  (combine: (a: Dim, b: Dim) => Dim | undefined): Rule =>
  (inputs, call) => {
    const x = inputs[0]!
    if (x.shape.length !== 1 || x.dtype === 'f32') return undefined
    const value = x.values.slice(1).reduce<Dim | undefined>((a, b) => (a === undefined ? a : combine(a, b)), x.values[0])
    return value === undefined ? undefined : known(x.dtype, call.int('keepdims', 1) ? [1] : [], [value as Scalar])
  }

const normal = (axis: number, rank: number) => (axis < 0 ? axis + rank : axis)

function cast([x]: readonly Known[], call: Call): Known | undefined {
  const dtype = call.typeAttribute('to')
  if (dtype === 'f32' || dtype === 'bool')
    return elementwise([x!], dtype, (value) => (isNumber(value!) ? (dtype === 'f32' ? Math.fround(value) : value !== 0 ? 1 : 0) : undefined))
  return known(
    dtype,
    x!.shape,
    x!.values.map((value) => (isNumber(value) ? Math.trunc(value) : value)),
  )
}

const rules: Readonly<Record<string, Rule>> = {
  Add: arithmetic((a, b) => a + b, addDims),
  Sub: arithmetic((a, b) => a - b, subtractDims),
  Mul: arithmetic((a, b) => a * b, multiplyDims),
  // sizes are not negative, where floor and truncation are one
  Div: arithmetic(
    (a, b) => a / b,
    (a, b) => (atLeast(b) > 0 ? divideDims(a, b) : undefined),
  ),
  Pow: arithmetic((a, b) => a ** b),
  Mod: arithmetic((a, b) => a - b * Math.floor(a / b)),
  Max: arithmetic(Math.max, extreme(false)),
  Min: arithmetic(Math.min, extreme(true)),
  Equal: comparison((o) => o === 0),
  Less: comparison((o) => o < 0),
  LessOrEqual: comparison((o) => o <= 0),
  Greater: comparison((o) => o > 0),
  GreaterOrEqual: comparison((o) => o >= 0),
  And: logic((a, b) => a !== 0 && b !== 0),
  Or: logic((a, b) => a !== 0 || b !== 0),
  Xor: logic((a, b) => (a !== 0) !== (b !== 0)),
  Not: unary((a) => (a === 0 ? 1 : 0)),
  Neg: (inputs) => elementwise(inputs, inputs[0]!.dtype, (a) => multiplyDims(a!, -1) as Scalar),
  Abs: unary(Math.abs),
  Sqrt: unary(Math.sqrt),
  Reciprocal: unary((a) => 1 / a),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Where: (inputs) =>
    elementwise(inputs, inputs[1]!.dtype, (condition, a, b) => (isNumber(condition!) ? (condition !== 0 ? a : b) : sameDim(a!, b!) ? a : undefined)),
  Cast: cast,
  Identity: ([x]) => x,
  Gather: gather,
  Slice: slice,
  Concat: concat,
  Unsqueeze: ([x], call) => reshaped(x!, call.unsqueezed(x!.shape)),
  Squeeze: ([x], call) => reshaped(x!, call.squeezed(x!.shape)),
  Reshape: ([x], call) => reshaped(x!, call.reshaped(x!.shape)),
  Flatten: ([x], call) => reshaped(x!, call.flattened(x!.shape)),
  Transpose: ([x]) => (x!.shape.length < 2 ? x : undefined),
  Size: ([x]) => known('i32', [], [count(x!.shape)]),
  ReduceProd: reduction(multiplyDims),
  ReduceSum: reduction(addDims),
  ReduceMax: reduction(extreme(false)),
  ReduceMin: reduction(extreme(true)),
  Expand([x, target]) {
    const shape = target!.values
    if (!shape.every(isNumber) || count(shape) > knownLimit) return undefined
    return elementwise([x!, known('bool', shape, Array(count(shape)).fill(0))], x!.dtype, (value) => value)
  },
  ConstantOfShape([shape], call) {
    if (!shape!.values.every(isNumber) || count(shape!.values as number[]) > knownLimit) return undefined
    const { dtype, value } = call.fillValue()
    return known(dtype, shape!.values as number[], Array(count(shape!.values as number[])).fill(value))
  },
  Range([start, limit, step]) {
    const [from, to, by] = [start!.values[0]!, limit!.values[0]!, step!.values[0]!]
    if (!isNumber(from) || !isNumber(to) || !isNumber(by) || by === 0) return undefined
    const length = Math.max(0, Math.ceil((to - from) / by))
    return length > knownLimit
      ? undefined
      : known(
          start!.dtype,
          [length],
          Array.from({ length }, (_, i) => from + i * by),
        )
  },
}

/** Sizes of a tensor, or of anything: the one rule whose operand need not be known. */
export function shapeOf(shape: readonly Dim[], call: Call): Known {
  const rank = shape.length
  const place = (at: number) => Math.min(Math.max(at < 0 ? at + rank : at, 0), rank)
  const sizes = shape.slice(place(call.int('start', 0)), place(call.int('end', rank)))
  return known('i32', [sizes.length], sizes as Scalar[])
}

/** The number of elements, likewise. */
export const elementsOf = (shape: readonly Dim[]): Known => known('i32', [], [sizeOf(shape) as Scalar])

/** The node's output where all it needs is known. */
export function fold(call: Call): Known | undefined {
  const rule = call.node.domain === '' ? rules[call.node.type] : undefined
  if (!rule) return undefined
  const inputs: Known[] = []
  for (let i = 0; i < call.node.inputs.length; i++) {
    const value = call.known(i)
    if (!value && call.node.inputs[i] !== '') return undefined
    if (value) inputs.push(value)
  }
  return inputs.length === 0 ? undefined : rule(inputs, call)
}
