// Operations that pick, place, cut and join: gather, scatter-add, slice, concat, pad, top-k, one-hot, cumulative sum.

import { expectOneType, expectType, normaliseAxis } from '../broadcast.js'
import { addDims, type Dim, divideDims, sameDim, sameShape, subtractDims } from '../dim.js'
import { apply, applyAll, constant, describe, GraphError, type Operation, type Tensor } from '../tensor.js'
import { equal, lessEqual, where } from './compare.js'
import { add, mul } from './elementwise.js'
import { cast, dimension, full, range, reshape, transpose, unsqueeze } from './shape.js'

const gatherOperation: Operation = {
  name: 'gather',
  infer([x, ids], { axis }) {
    expectType('gather', ids!, ['i32', 'i64'])
    const at = axis as number
    return [{ shape: [...x!.shape.slice(0, at), ...ids!.shape, ...x!.shape.slice(at + 1)], dtype: x!.dtype }]
  },
  gradient({ inputs, attributes }, [g]) {
    const [x, ids] = inputs as [Tensor, Tensor]
    const axis = attributes.axis as number
    const flat = reshape(ids, [-1])
    if (axis === 0) return [{ rows: { ids: flat, values: reshape(g!, [flat.shape[0]!, ...x.shape.slice(1)]) } }, undefined]
    const order = [axis, ...x.shape.map((_, i) => i).filter((i) => i !== axis)]
    const moved = order.map((i) => x.shape[i]!)
    const before = x.shape.slice(0, axis)
    const after = x.shape.slice(axis + 1)
    const values = transpose(reshape(g!, [...before, flat.shape[0]!, ...after]), order)
    const summed = scatterAdd(full(moved, 0), flat, values)
    return [
      transpose(
        summed,
        x.shape.map((_, i) => order.indexOf(i)),
      ),
      undefined,
    ]
  },
  onnx: (emit, { attributes }, inputs) => emit.node('Gather', inputs, { axis: attributes.axis as number }),
}

/** x[.., ids, ..] along an axis. Ids (i32) must lie in range; their shape takes the place of the axis. */
export const gather = (x: Tensor, ids: Tensor, axis = 0): Tensor => apply(gatherOperation, [x, ids], { axis: normaliseAxis('gather', axis, x.rank) })

const scatterAddOperation: Operation = {
  name: 'scatter-add',
  infer([x, ids, rows]) {
    expectType('scatter-add', ids!, ['i32', 'i64'])
    expectOneType('scatter-add', [x!, rows!])
    if (ids!.rank !== 1 || !sameShape(rows!.shape, [ids!.shape[0]!, ...x!.shape.slice(1)]))
      throw new GraphError(`scatter-add: ${describe(rows!)} are no rows of ${describe(x!)} for the ids ${describe(ids!)}`)
    return [{ shape: x!.shape, dtype: x!.dtype }]
  },
  gradient: ({ inputs }, [g]) => [g!, undefined, gather(g!, inputs[1]!)],
  onnx(emit, { inputs }, [x, ids, rows]) {
    // ScatterElements, never ScatterND: the latter's addition races on CPU when ids repeat (DESIGN, traps)
    const [base, , values] = inputs as [Tensor, Tensor, Tensor]
    const wide = emit.node('Expand', [
      emit.node('Reshape', [ids!, emit.reshapeTarget([values.shape[0]!, ...base.shape.slice(1).map(() => 1)])])[0]!,
      emit.shape(values.shape),
    ])
    return emit.node('ScatterElements', [x!, wide[0]!, rows!], { axis: 0, reduction: 'add' })
  },
}

/** x with rows added at ids, which may repeat. x [n, ..], ids [m], rows [m, ..]. */
export const scatterAdd = (x: Tensor, ids: Tensor, rows: Tensor): Tensor => apply(scatterAddOperation, [x, ids, rows])

const gatherElementsOperation: Operation = {
  name: 'gather-elements',
  infer([x, ids], { axis }) {
    expectType('gather-elements', ids!, ['i32', 'i64'])
    if (x!.rank !== ids!.rank) throw new GraphError(`gather-elements: ${describe(x!)} and ${describe(ids!)} differ in rank`)
    if (x!.shape.some((size, i) => i !== axis && !sameDim(size, ids!.shape[i]!)))
      throw new GraphError(`gather-elements: ${describe(ids!)} does not fit ${describe(x!)}: sizes may differ along axis ${axis} only`)
    return [{ shape: ids!.shape, dtype: x!.dtype }]
  },
  gradient({ inputs, attributes }, [g]) {
    return [apply(scatterElementsOperation, [full(inputs[0]!.shape, 0), inputs[1]!, g!], attributes), undefined]
  },
  onnx: (emit, { attributes }, inputs) => emit.node('GatherElements', inputs, { axis: attributes.axis as number }),
}
const scatterElementsOperation: Operation = {
  name: 'scatter-elements',
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  gradient: ({ inputs, attributes }, [g]) => [g!, undefined, gatherElements(g!, inputs[1]!, attributes.axis as number)],
  onnx: (emit, { attributes }, inputs) => emit.node('ScatterElements', inputs, { axis: attributes.axis as number, reduction: 'add' }),
}

/** y[i, j] = x[i, ids[i, j]] for the last axis, and so on for others: x and ids have one rank, y has the shape of ids. */
export const gatherElements = (x: Tensor, ids: Tensor, axis = -1): Tensor =>
  apply(gatherElementsOperation, [x, ids], { axis: normaliseAxis('gather-elements', axis, x.rank) })

const sliceOperation: Operation = {
  name: 'slice',
  infer: ([x], { axis, start, end }) => [
    { shape: x!.shape.map((size, i) => (i === axis ? subtractDims(end as Dim, start as Dim) : size)), dtype: x!.dtype },
  ],
  gradient({ inputs, attributes }, [g]) {
    const x = inputs[0]!
    const axis = attributes.axis as number
    const side = (size: Dim) =>
      size === 0
        ? []
        : [
            full(
              x.shape.map((d, i) => (i === axis ? size : d)),
              0,
            ),
          ]
    return [concat([...side(attributes.start as Dim), g!, ...side(subtractDims(x.shape[axis]!, attributes.end as Dim))], axis)]
  },
  onnx: (emit, { attributes }, [x]) =>
    emit.node('Slice', [x!, emit.size(attributes.start as Dim), emit.size(attributes.end as Dim), emit.integers([attributes.axis as number])]),
}

/** x[.., start:end:step, ..] along an axis; a negative number counts from the end, the step is positive. */
export function slice(x: Tensor, axis: number, start: Dim, end?: Dim, step = 1): Tensor {
  const at = normaliseAxis('slice', axis, x.rank)
  const size = x.shape[at]!
  const place = (d: Dim) => (typeof d === 'number' && d < 0 ? addDims(size, d) : d)
  const [from, to] = [place(start), place(end ?? size)]
  const length = subtractDims(to, from)
  // what is known of names is that sizes are at least 0
  if ([from, length, subtractDims(size, to)].some((d) => typeof d === 'number' && d < 0))
    throw new GraphError(`slice: ${from} to ${to} lies outside axis ${axis} of ${describe(x)}`)
  if (!Number.isInteger(step) || step < 1) throw new GraphError(`slice: step ${step}: expected a whole number of at least 1 (flip() runs backwards)`)
  if (step !== 1) return gather(x, add(mul(range(divideDims(addDims(length, step - 1), step)), constant(step, [], 'i32')), dimension(from)), at)
  return sameDim(from, 0) && sameDim(to, size) ? x : apply(sliceOperation, [x], { axis: at, start: from, end: to })
}

const concatOperation: Operation = {
  name: 'concat',
  infer(inputs, { axis }) {
    const [first, ...others] = inputs as [Tensor, ...Tensor[]]
    const at = axis as number
    for (const other of others) {
      if (other.rank !== first.rank || other.dtype !== first.dtype || other.shape.some((size, i) => i !== at && !sameDim(size, first.shape[i]!)))
        throw new GraphError(`concat: ${describe(other)} does not fit ${describe(first)} along axis ${at}`)
    }
    return [{ shape: first.shape.map((size, i) => (i === at ? inputs.map((x) => x.shape[at]!).reduce(addDims) : size)), dtype: first.dtype }]
  },
  gradient({ inputs, attributes }, [g], needed) {
    const axis = attributes.axis as number
    let from: Dim = 0
    return inputs.map((x, i) => {
      const to: Dim = addDims(from, x.shape[axis]!)
      const part = needed[i] ? slice(g!, axis, from, to) : undefined
      from = to
      return part
    })
  },
  onnx: (emit, { attributes }, inputs) => emit.node('Concat', inputs, { axis: attributes.axis as number }),
}

/** Joins tensors along an axis. */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  if (tensors.length === 0) throw new GraphError('concat: nothing to join')
  return tensors.length === 1 ? tensors[0]! : apply(concatOperation, tensors, { axis: normaliseAxis('concat', axis, tensors[0]!.rank) })
}

/** Joins tensors of one shape along a new axis. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  const other = tensors.find((x) => !sameShape(x.shape, tensors[0]!.shape) || x.dtype !== tensors[0]!.dtype)
  if (other) throw new GraphError(`stack: ${describe(other)} has another shape or type than ${describe(tensors[0]!)}`)
  return concat(
    tensors.map((x) => unsqueeze(x, axis)),
    axis,
  )
}

const splitOperation: Operation = {
  name: 'split',
  infer: ([x], { axis, sizes }) => (sizes as number[]).map((size) => ({ shape: x!.shape.map((d, i) => (i === axis ? size : d)), dtype: x!.dtype })),
  gradient({ inputs, outputs, attributes }, gradients) {
    return inputs[0]
      ? [
          concat(
            gradients.map((g, i) => g ?? full(outputs[i]!.shape, 0)),
            attributes.axis as number,
          ),
        ]
      : []
  },
  onnx(emit, { attributes, outputs }, [x]) {
    return emit.node('Split', [x!, emit.integers(attributes.sizes as number[])], { axis: attributes.axis as number }, { outputs: outputs.length })
  },
}

/** Cuts an axis of fixed size into pieces of the given sizes. */
export function split(x: Tensor, sizes: readonly number[], axis = -1): readonly Tensor[] {
  const at = normaliseAxis('split', axis, x.rank)
  const total = sizes.reduce((a, b) => a + b, 0)
  if (x.shape[at] !== total) throw new GraphError(`split: the sizes [${sizes}] sum to ${total}, axis ${axis} of ${describe(x)} has ${x.shape[at]}`)
  return applyAll(splitOperation, [x], { axis: at, sizes: [...sizes] })
}

/** x with `before` and `after` elements of a value added along an axis. */
export function pad(x: Tensor, axis: number, before: Dim, after: Dim, value = 0): Tensor {
  const at = normaliseAxis('pad', axis, x.rank)
  if ([before, after].some((size) => typeof size === 'number' && size < 0))
    throw new GraphError(`pad: ${before} before and ${after} after axis ${axis} of ${describe(x)}: expected at least 0`)
  const side = (size: Dim) =>
    size === 0
      ? []
      : [
          cast(
            full(
              x.shape.map((d, i) => (i === at ? size : d)),
              value,
            ),
            x.dtype,
          ),
        ]
  return concat([...side(before), x, ...side(after)], at)
}

const flipOperation: Operation = {
  name: 'flip',
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  gradient: ({ attributes }, [g]) => [flip(g!, attributes.axis as number)],
  onnx: (emit, { attributes }, [x]) =>
    emit.node('Slice', [x!, emit.integers([-1]), emit.integers([-(2 ** 31)]), emit.integers([attributes.axis as number]), emit.integers([-1])]),
}

/** An axis in reverse order. */
export const flip = (x: Tensor, axis: number): Tensor => apply(flipOperation, [x], { axis: normaliseAxis('flip', axis, x.rank) })

const cumulativeSumOperation: Operation = {
  name: 'cumulative-sum',
  infer([x]) {
    expectType('cumulative-sum', x!, ['f32', 'i32'])
    return [{ shape: x!.shape, dtype: x!.dtype }]
  },
  gradient: ({ attributes }, [g]) => [apply(cumulativeSumOperation, [g!], { ...attributes, reverse: !attributes.reverse })],
  onnx: (emit, { attributes }, [x]) =>
    emit.node('CumSum', [x!, emit.integer(attributes.axis as number)], {
      reverse: attributes.reverse ? 1 : 0,
      exclusive: attributes.exclusive ? 1 : 0,
    }),
}

/** Running sums along an axis; `exclusive` leaves the element itself out, `reverse` runs from the end. */
export const cumulativeSum = (x: Tensor, axis = -1, options: { reverse?: boolean; exclusive?: boolean } = {}): Tensor =>
  apply(cumulativeSumOperation, [x], {
    axis: normaliseAxis('cumulative-sum', axis, x.rank),
    reverse: options.reverse ?? false,
    exclusive: options.exclusive ?? false,
  })

const topKOperation: Operation = {
  name: 'top-k',
  infer([x], { axis, k }) {
    const size = x!.shape[axis as number]!
    if (typeof k === 'number' && (k < 0 || (typeof size === 'number' && k > size)))
      throw new GraphError(`top-k: ${k} of an axis of ${size} in ${describe(x!)}`)
    const shape = x!.shape.map((d, i) => (i === axis ? (k as Dim) : d))
    return [
      { shape, dtype: x!.dtype },
      { shape, dtype: 'i32' },
    ]
  },
  gradient({ inputs, outputs, attributes }, [g]) {
    return [g ? apply(scatterElementsOperation, [full(inputs[0]!.shape, 0), outputs[1]!, g], { axis: attributes.axis }) : undefined]
  },
  onnx(emit, { attributes }, [x]) {
    const [values, ids] = emit.node(
      'TopK',
      [x!, emit.size(attributes.k as Dim)],
      { axis: attributes.axis as number, sorted: 1, largest: attributes.ascending ? 0 : 1 },
      { outputs: 2 },
    )
    return [values!, ...emit.node('Cast', [ids!], { to: emit.type('i32') })]
  },
}

/** The k largest values along an axis, in descending order, and their places (i32). */
export function topK(x: Tensor, k: Dim, axis = -1): { values: Tensor; ids: Tensor } {
  const [values, ids] = applyAll(topKOperation, [x], { k, axis: normaliseAxis('top-k', axis, x.rank), ascending: false })
  return { values: values!, ids: ids! }
}

/** An axis in ascending order (or descending), and where each value stood (i32); of equal values the first comes first. */
export function sort(x: Tensor, axis = -1, options: { descending?: boolean } = {}): { values: Tensor; ids: Tensor } {
  const at = normaliseAxis('sort', axis, x.rank)
  const [values, ids] = applyAll(topKOperation, [x], { k: x.shape[at]!, axis: at, ascending: !options.descending })
  return { values: values!, ids: ids! }
}

/** 1 at each id of a new last axis of the given size, 0 elsewhere (f32). */
export function oneHot(ids: Tensor, size: number): Tensor {
  const choices = reshape(cast(range(size), ids.dtype), [...ids.shape.map(() => 1), size])
  return where(equal(unsqueeze(ids, ids.rank), choices), 1, 0)
}

/** Keeps what lies on or below the diagonal of the last two axes, zero elsewhere. */
export function lowerTriangle(x: Tensor, diagonal = 0): Tensor {
  const [rows, columns] = x.shape.slice(-2) as [Dim, Dim]
  const row = add(unsqueeze(range(rows), 1), constant(diagonal, [], 'i32'))
  return where(lessEqual(unsqueeze(range(columns), 0), row), x, constant(0, [], x.dtype))
}
