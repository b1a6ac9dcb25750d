// One node while it is imported: its operands as tensors or known values, its attributes in every form that the operator sets gave them (axes were
// attributes before they were inputs), and refusals that name the node.

import { addDims, type Dim, divideDims, type Shape, sameDim, sizeOf, subtractDims } from '../../graph/dim.js'
import type { DType } from '../../graph/dtype.js'
import { describe, type Tensor } from '../../graph/tensor.js'
import { type Attribute, type NodeMessage, OnnxError, typeNames } from './messages.js'
import { dtypeOf, type TensorData, type tensorData } from './tensor-data.js'
import { atLeast, atMost, isKnown, isNumber, type Known, knownOf, type Scalar, tensorOf, type Value } from './value.js'

/** What importing a node may need of the whole import. */
export interface Surroundings {
  readonly file: string
  readonly opset: number
  tensorData(tensor: Parameters<typeof tensorData>[0]): TensorData
  /** Two sizes that must be equal: names of the same size become one (and the import starts again with that knowledge). */
  unify(a: Dim, b: Dim): void
  /** Something that the graph takes for granted of its inputs. */
  assume(what: string): void
}

export interface SliceBounds {
  axis: number
  start: Dim
  end: Dim
  step: number
}

/** `"/encoder/layer.0/MatMul" (MatMul)` */
export const nodeText = ({ name, type, domain, outputs }: NodeMessage): string =>
  `node ${JSON.stringify(name || outputs[0] || '')} (${domain ? `${domain}:` : ''}${type})`

export class Call {
  constructor(
    readonly node: NodeMessage,
    readonly values: readonly (Value | undefined)[],
    readonly around: Surroundings,
  ) {}

  get opset(): number {
    return this.around.opset
  }

  /** Ends the import with an error that names the node. */
  refuse(why: string): never {
    throw new OnnxError(`${this.around.file}: ${nodeText(this.node)}: ${why}`)
  }

  has = (i: number): boolean => this.values[i] !== undefined

  tensor(i: number): Tensor {
    const value = this.values[i]
    if (value === undefined) this.refuse(`input ${i + 1} is missing`)
    return tensorOf(value)
  }

  /** All operands as tensors. */
  tensors = (): Tensor[] => this.values.map((_, i) => this.tensor(i))

  shape(i: number): Shape {
    const value = this.values[i] ?? this.refuse(`input ${i + 1} is missing`)
    return value.shape
  }

  known(i: number): Known | undefined {
    const value = this.values[i]
    return value && knownOf(value)
  }

  /** Sizes that the node takes as an operand. @throws where they depend on the data of a run. */
  sizes(i: number): Dim[] {
    const found = this.known(i)
    if (!found)
      this.refuse(`its input ${i + 1} (${JSON.stringify(this.node.inputs[i])}) depends on the data: shapes must follow from the inputs' shapes`)
    return found.values as Dim[]
  }

  /** Plain numbers that the node takes as an operand, or undefined where it does not. */
  numbers(i: number): number[] | undefined {
    if (!this.has(i)) return undefined
    const values = this.sizes(i) as Scalar[]
    if (!values.every(isNumber)) this.refuse(`its input ${i + 1} is [${values.join(', ')}]: fixed numbers are needed`)
    return values as number[]
  }

  /** A number that is known while the graph is read. */
  scalar(i: number): number | undefined {
    const found = this.known(i)
    const [value] = found?.values ?? []
    return found?.values.length === 1 && value !== undefined && isNumber(value) ? value : undefined
  }

  private attribute = (name: string): Attribute | undefined => this.node.attributes.get(name)

  int = (name: string, otherwise: number): number => this.attribute(name)?.int ?? otherwise
  float = (name: string, otherwise: number): number => this.attribute(name)?.float ?? otherwise
  text = (name: string, otherwise: string): string => this.attribute(name)?.text ?? otherwise
  ints = (name: string): number[] | undefined => (this.attribute(name) ? [...this.attribute(name)!.ints] : undefined)
  floats = (name: string): number[] | undefined => (this.attribute(name) ? [...this.attribute(name)!.floats] : undefined)

  data(name: string): TensorData | undefined {
    const tensor = this.attribute(name)?.tensor
    return tensor && this.around.tensorData({ ...tensor, name: tensor.name || this.node.outputs[0]! })
  }

  typeAttribute(name: string): DType {
    const type = this.int(name, 1)
    return dtypeOf(type) ?? this.refuse(`the type ${typeNames[type] ?? type} is not read`)
  }

  axis(name: string, otherwise: number, rank: number): number {
    const axis = this.int(name, otherwise)
    if (axis < -rank || axis >= rank) this.refuse(`axis ${axis} is outside a tensor of rank ${rank}`)
    return axis < 0 ? axis + rank : axis
  }

  /** Axes: an attribute, or (since opset 13 or 18) an operand. */
  axes(operand: number): number[] | undefined {
    return this.ints('axes') ?? this.numbers(operand)
  }

  // ---- shapes that several operations, and the folding of known values, compute alike ----

  unsqueezed(shape: Shape): Dim[] {
    const axes = this.axes(1) ?? this.refuse('it has no axes')
    const rank = shape.length + axes.length
    const at = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)))
    const rest = [...shape]
    return Array.from({ length: rank }, (_, i) => (at.has(i) ? 1 : rest.shift()!))
  }

  squeezed(shape: Shape): Dim[] {
    const axes = this.axes(1)?.map((axis) => (axis < 0 ? axis + shape.length : axis))
    for (const axis of axes ?? [])
      if (shape[axis] !== 1) this.refuse(`axis ${axis} of [${shape.join(', ')}] has the size ${shape[axis]}: only an axis of size 1 can be dropped`)
    return shape.filter((size, i) => (axes ? !axes.includes(i) : size !== 1))
  }

  /** The target of a Reshape: 0 copies a size, −1 takes what is left. */
  reshaped(shape: Shape): Dim[] {
    const target = this.sizes(1)
    const copies = this.int('allowzero', 0) === 0
    const sizes = target.map((size, i) => (size === 0 && copies ? (shape[i] ?? this.refuse(`it copies axis ${i} of [${shape.join(', ')}]`)) : size))
    const free = sizes.indexOf(-1)
    if (free < 0) return sizes
    const rest = sizeOf(sizes.filter((_, i) => i !== free))
    return sizes.map((size, i) => (i === free ? (rest === 0 ? 0 : divideDims(sizeOf(shape), rest)) : size))
  }

  flattened(shape: Shape): Dim[] {
    const axis = this.int('axis', 1)
    const at = axis < 0 ? axis + shape.length : axis
    return [sizeOf(shape.slice(0, at)), sizeOf(shape.slice(at))]
  }

  /** What a Slice cuts out, axis by axis: attributes before opset 10, operands since. */
  sliceBounds(): SliceBounds[] | undefined {
    const starts = this.ints('starts') ?? (this.known(1) ? this.sizes(1) : undefined)
    const ends = this.ints('ends') ?? (this.known(2) ? this.sizes(2) : undefined)
    if (!starts || !ends) return undefined
    const axes = this.ints('axes') ?? this.numbers(3) ?? starts.map((_, i) => i)
    const steps = this.numbers(4) ?? starts.map(() => 1)
    const rank = this.shape(0).length
    return starts.map((start, i) => ({ axis: axes[i]! < 0 ? axes[i]! + rank : axes[i]!, start, end: ends[i]!, step: steps[i]! }))
  }

  /** The value of ConstantOfShape: one element, 0 (f32) where it is not given. */
  fillValue(): { dtype: DType; value: number } {
    const given = this.data('value')
    return given ? { dtype: given.dtype, value: Number(given.data[0]) } : { dtype: 'f32', value: 0 }
  }

  /** Makes two shapes ready to be broadcast: sizes of different names that meet become one. */
  align(...shapes: readonly Shape[]): void {
    const rank = Math.max(...shapes.map((shape) => shape.length))
    for (let i = 1; i <= rank; i++) {
      const sizes = shapes.map((shape) => shape.at(-i)).filter((size): size is Dim => size !== undefined && size !== 1)
      for (const size of sizes.slice(1)) this.around.unify(sizes[0]!, size)
    }
  }

  /** A place on an axis, counted from its start: negative places count from the end, places beyond the axis are its ends. */
  place(at: Dim, size: Dim): Dim {
    const from = (typeof at === 'number' ? at < 0 : atMost(at) < 0) ? addDims(size, at) : at
    if (typeof from === 'number' && from < 0) return 0
    if (typeof from === 'number' && (typeof size === 'number' || from === maxI32)) return typeof size === 'number' ? Math.min(from, size) : size
    if (sameDim(from, size) || atLeast(subtractDims(from, size)) >= 0) return size
    if (atLeast(subtractDims(size, from)) < 0) this.around.assume(`${from} ≤ ${size}`)
    return from
  }

  describe = (i: number): string => {
    const value = this.values[i]
    return value === undefined ? 'nothing' : isKnown(value) ? `${value.dtype} [${value.shape}]` : describe(value)
  }
}

const maxI32 = 2 ** 31 - 1

export type Result = Value | readonly Value[]
/** Imports one kind of node. */
export type Importer = (call: Call) => Result
/** Whether a result is one value. */
export const isOne = (result: Result): result is Value => !Array.isArray(result)
