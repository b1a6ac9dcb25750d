// Symbolic tensors: a graph of nodes, each the application of one operation. Building a graph computes nothing; shapes and types are checked
// here, while it is built, so that an error names the operation and the parameter instead of a node number in a runtime.

import type { Emitter } from '../onnx/emitter.js'
import type { Lowering } from '../onnx/lower.js'
import { type Shape, shapeText } from './dim.js'
import type { DType, TypedArray } from './dtype.js'

/** Values that configure a node and are known when the graph is built. */
// biome-ignore lint/suspicious/noExplicitAny: each operation narrows its own attributes
export type Attributes = Record<string, any>

export interface TensorType {
  readonly shape: Shape
  readonly dtype: DType
}

/** What an operation has to say of itself, in one place (DESIGN E4). */
export interface Operation {
  readonly name: string
  /** No gradient passes: what leads here only is not visited at all. */
  readonly stops?: true
  /** Types of the outputs; throws a {@link GraphError} when the inputs do not fit. */
  infer(inputs: readonly Tensor[], attributes: Attributes): TensorType[]
  /** Gradients with respect to each input (undefined: none), given those of the outputs. Emits ordinary, differentiable nodes. */
  gradient?(
    node: Node,
    gradients: readonly (Tensor | undefined)[],
    needed: readonly boolean[],
  ): readonly (GradientOf | readonly GradientOf[] | undefined)[]
  /** The same values out of simpler operations: the reference, the fallback of an executor, and the way to higher derivatives. */
  decompose?(inputs: readonly Tensor[], attributes: Attributes, types: readonly TensorType[]): Tensor[]
  /** ONNX nodes that compute the outputs; returns their names. */
  onnx?(emit: Emitter, node: Node, inputs: readonly string[], lowering: Lowering): string[]
}

/** Rows of a table's gradient: `values[i]` belongs to row `ids[i]`; ids may repeat (DESIGN E3). */
export interface Rows {
  readonly ids: Tensor
  readonly values: Tensor
}

export type GradientOf = Tensor | { readonly rows: Rows }

let nextId = 0

/** One application of an operation. */
export class Node {
  readonly id = nextId++
  readonly outputs: readonly Tensor[]
  constructor(
    readonly operation: Operation,
    readonly inputs: readonly Tensor[],
    readonly attributes: Attributes,
  ) {
    this.outputs = operation.infer(inputs, attributes).map(({ shape, dtype }, index) => new Tensor(this, index, shape, dtype))
  }
}

/** One output of a node. */
export class Tensor {
  constructor(
    readonly node: Node,
    readonly index: number,
    readonly shape: Shape,
    readonly dtype: DType,
  ) {}
  get rank(): number {
    return this.shape.length
  }
}

/** A mistake found while a graph is built. */
export class GraphError extends Error {
  override name = 'GraphError'
}

/** Applies an operation that has several outputs. */
export const applyAll = (operation: Operation, inputs: readonly Tensor[], attributes: Attributes = {}): readonly Tensor[] =>
  new Node(operation, inputs, attributes).outputs

/** Applies an operation with one output. */
export const apply = (operation: Operation, inputs: readonly Tensor[], attributes: Attributes = {}): Tensor =>
  applyAll(operation, inputs, attributes)[0]!

/** How a tensor is called in messages: its parameter path or input name, then its type. */
export function describe(tensor: Tensor): string {
  const { attributes } = tensor.node
  const name = typeof attributes.path === 'string' ? `${attributes.path} ` : ''
  return `${name}${tensor.dtype} ${shapeText(tensor.shape)}`
}

// ---- leaves ----

const leaf = (name: string): Operation => ({
  name,
  infer: (_, attributes) => [{ shape: attributes.shape as Shape, dtype: attributes.dtype as DType }],
})

export const inputOperation = leaf('input')
export const stateOperation = leaf('state')
export const constantOperation: Operation = {
  ...leaf('constant'),
  onnx: (emit, node) => [emit.constant(node.attributes.data as TypedArray, node.attributes.dtype as DType, node.attributes.shape as number[])],
}

/** A value fed at each run. */
export const input = (path: string, shape: Shape, dtype: DType = 'f32'): Tensor => apply(inputOperation, [], { path, shape, dtype })

/**
 * A tensor that lives in a store, outside of programs (DESIGN E1). The namespace says which store a run binds:
 * `params`, `optimizer`, `gradients`, `cache`, `anchor`, …
 */
export const state = (namespace: string, path: string, shape: Shape, dtype: DType = 'f32'): Tensor =>
  apply(stateOperation, [], { namespace, path, shape, dtype })

/** A trainable tensor: state in the namespace `params` unless told otherwise. */
export const parameter = (path: string, shape: readonly number[], options: { namespace?: string; dtype?: DType } = {}): Tensor =>
  state(options.namespace ?? 'params', path, shape, options.dtype ?? 'f32')

/** Values known when the graph is built. */
export function constant(data: number | readonly number[] | TypedArray, shape?: readonly number[], dtype: DType = 'f32'): Tensor {
  const values = typeof data === 'number' ? [data] : data
  const dims = shape ?? (typeof data === 'number' ? [] : [values.length])
  const size = dims.reduce((product, d) => product * d, 1)
  if (values.length !== size) throw new GraphError(`constant: ${values.length} values for the shape ${shapeText(dims)}, which has ${size}`)
  return apply(constantOperation, [], { data: typedArray(values, dtype), shape: dims, dtype })
}

function typedArray(values: readonly number[] | TypedArray, dtype: DType): TypedArray {
  if (!Array.isArray(values)) return values as TypedArray
  const numbers = values as readonly number[]
  if (dtype === 'f32') return Float32Array.from(numbers)
  if (dtype === 'i32') return Int32Array.from(numbers)
  if (dtype === 'i64') return BigInt64Array.from(numbers.map(BigInt))
  if (dtype === 'bool' || dtype === 'u8') return Uint8Array.from(numbers)
  if (dtype === 'i8') return Int8Array.from(numbers)
  throw new GraphError(`constant: give ${dtype} values as a typed array of their bits`)
}

/** The number a constant scalar holds, or undefined where the tensor is anything else. */
export const scalarValue = (tensor: Tensor): number | undefined =>
  tensor.node.operation === constantOperation && (tensor.node.attributes.data as TypedArray).length === 1 && tensor.rank === 0
    ? Number((tensor.node.attributes.data as TypedArray)[0])
    : undefined

/** A plain number where a tensor is expected becomes a constant of the other operand's type. */
export const asTensor = (value: Tensor | number, like: DType = 'f32'): Tensor => (value instanceof Tensor ? value : constant(value, [], like))
