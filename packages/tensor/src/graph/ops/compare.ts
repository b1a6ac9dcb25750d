// Comparisons, logic and selection. Comparisons have no gradient.

import { broadcast, broadcastShapes, expectOneType, expectType } from '../broadcast.js'
import { apply, asTensor, describe, GraphError, type Operation, Tensor } from '../tensor.js'
import { sumTo } from './elementwise.js'

type Operand = Tensor | number

const comparison = (name: string, onnx: string): Operation => ({
  name,
  infer([a, b]) {
    expectOneType(name, [a!, b!])
    return [{ shape: broadcastShapes(name, a!, b!), dtype: 'bool' }]
  },
  onnx: (emit, _node, inputs) => emit.node(onnx, inputs),
})
const logical = (name: string, onnx: string): Operation => ({
  name,
  infer(inputs) {
    for (const x of inputs) expectType(name, x, ['bool'])
    return [{ shape: inputs.length === 1 ? inputs[0]!.shape : broadcastShapes(name, inputs[0]!, inputs[1]!), dtype: 'bool' }]
  },
  onnx: (emit, _node, inputs) => emit.node(onnx, inputs),
})
const compare = (operation: Operation) => (a: Operand, b: Operand) => {
  const like = a instanceof Tensor ? a.dtype : b instanceof Tensor ? b.dtype : 'f32'
  return apply(operation, [asTensor(a, like), asTensor(b, like)])
}

/** a = b, elementwise */
export const equal = compare(comparison('equal', 'Equal'))
/** a < b */
export const less = compare(comparison('less', 'Less'))
/** a ≤ b */
export const lessEqual = compare(comparison('less-equal', 'LessOrEqual'))
/** a > b */
export const greater = compare(comparison('greater', 'Greater'))
/** a ≥ b */
export const greaterEqual = compare(comparison('greater-equal', 'GreaterOrEqual'))

const operations = { not: logical('not', 'Not'), and: logical('and', 'And'), or: logical('or', 'Or') }
/** not x */
export const not = (x: Tensor): Tensor => apply(operations.not, [x])
/** a and b */
export const and = (a: Tensor, b: Tensor): Tensor => apply(operations.and, [a, b])
/** a or b */
export const or = (a: Tensor, b: Tensor): Tensor => apply(operations.or, [a, b])

const whereOperation: Operation = {
  name: 'where',
  infer([condition, a, b]) {
    expectType('where', condition!, ['bool'])
    expectOneType('where', [a!, b!])
    const shape = broadcast(broadcastShapes('where', a!, b!), condition!.shape)
    if (!shape) throw new GraphError(`where: the condition ${describe(condition!)} does not broadcast with ${describe(a!)} and ${describe(b!)}`)
    return [{ shape, dtype: a!.dtype }]
  },
  gradient({ inputs }, [g], needed) {
    const [condition, a, b] = inputs as [Tensor, Tensor, Tensor]
    return [undefined, needed[1] ? sumTo(where(condition, g!, 0), a) : undefined, needed[2] ? sumTo(where(condition, 0, g!), b) : undefined]
  },
  onnx: (emit, _node, inputs) => emit.node('Where', inputs),
}

/** a where the condition holds, b elsewhere, with broadcasting. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const like = a instanceof Tensor ? a.dtype : b instanceof Tensor ? b.dtype : 'f32'
  return apply(whereOperation, [condition, asTensor(a, like), asTensor(b, like)])
}
