// Collects ONNX nodes while a graph is lowered. Equal nodes are merged (which is how a backward pass shares what the forward pass computed),
// sizes become small integer expressions, and at the end the order of nodes is chosen (DESIGN E9). A loop's body has an emitter of its own, which
// leaves to the one around it whatever does not depend on the step: constants, sizes, and nodes that read outer values only.

import { type Dim, type DimExpression, dim, namesIn, type Shape, sizeOf, substituteDim } from '../graph/dim.js'
import type { DType, TypedArray } from '../graph/dtype.js'
import { GraphError } from '../graph/tensor.js'
import { namesRead, type OnnxAttribute, type OnnxGraph, type OnnxInitializer, type OnnxNode, type OnnxValue, onnxType } from './wire.js'

/** A random mask that a program needs: a pool of the rate, and the place where this site's slice starts. */
export interface MaskInput {
  site: string
  rate: number
  pool: string
  offset: string
  size: Dim
}

export interface EmitterOptions {
  /** Sizes that are fixed in this compilation. */
  sizes?: ReadonlyMap<string, number>
  /** Only operations of the ONNX standard: for files that other runtimes read. */
  portable?: boolean
}

/** A target for ONNX nodes; operations describe themselves to it. */
export interface Emitter {
  readonly portable: boolean
  /** Adds a node and returns the names of its outputs. */
  node(type: string, inputs: readonly string[], attributes?: Record<string, OnnxAttribute>, options?: { domain?: string; outputs?: number }): string[]
  constant(data: TypedArray, dtype: DType, shape: readonly number[]): string
  /** An f32 scalar. */
  scalar(value: number): string
  /** An i64 scalar. */
  integer(value: number): string
  /** An i64 vector. */
  integers(values: readonly number[]): string
  /** A size as an i64 vector of one element. */
  size(size: Dim): string
  /** A shape as an i64 vector. */
  shape(shape: Shape): string
  /** A shape as Reshape takes it: at most one unknown size is left to the runtime. */
  reshapeTarget(shape: Shape): string
  /** TensorProto's number for a type. */
  type(dtype: DType): number
  keepMask(site: string, rate: number, shape: Shape): { pool: string; offset: string }
}

export class GraphEmitter implements Emitter {
  readonly portable: boolean
  readonly inputs = new Map<string, { dtype: DType; shape: Shape }>()
  readonly masks = new Map<string, MaskInput>()
  private readonly nodes: OnnxNode[] = []
  private readonly initializers = new Map<string, OnnxInitializer>()
  private readonly merged = new Map<string, string[]>()
  private readonly sizes: ReadonlyMap<string, Dim>
  private readonly sources = new Map<string, { input: string; axis: number }>()
  /** Names that nodes and parameters of this graph made. */
  private readonly own = new Set<string>()
  private counter = 0

  constructor(
    private readonly options: EmitterOptions = {},
    private readonly outer?: GraphEmitter,
  ) {
    this.portable = options.portable ?? false
    this.sizes = options.sizes ?? new Map()
  }

  /** An emitter for a graph inside a node of this one. */
  nested = (): GraphEmitter => new GraphEmitter(this.options, this)

  /** A name that nothing in the model has yet. */
  name(kind: string): string {
    return this.outer ? this.outer.name(kind) : `%${kind}${this.counter++}`
  }

  /** Declares an input of a nested graph. */
  parameter(dtype: DType, shape: Shape): string {
    const name = this.name('p')
    this.inputs.set(name, { dtype, shape: this.resolveShape(shape) })
    this.own.add(name)
    return name
  }

  /** Declares an input of the graph; its named axes tell the sizes of named dimensions. */
  input(name: string, dtype: DType, shape: Shape): string {
    if (this.inputs.has(name)) return name
    this.inputs.set(name, { dtype, shape: this.resolveShape(shape) })
    shape.forEach((size, axis) => {
      const names = namesIn(size)
      if (names.length === 1 && (size as DimExpression).text === names[0] && !this.sources.has(names[0]!))
        this.sources.set(names[0]!, { input: name, axis })
    })
    return name
  }

  node(
    type: string,
    inputs: readonly string[],
    attributes: Record<string, OnnxAttribute> = {},
    options: { domain?: string; outputs?: number } = {},
  ): string[] {
    const { domain = '', outputs = 1 } = options
    if (this.outer && !namesRead({ type, domain, inputs, outputs: [], attributes }).some((name) => this.own.has(name)))
      return this.outer.node(type, inputs, attributes, options)
    const key = `${domain}|${type}|${inputs.join(',')}|${JSON.stringify(attributes)}|${outputs}`
    const known = this.merged.get(key)
    if (known) return known
    const names = Array.from({ length: outputs }, () => this.name('v'))
    for (const name of names) this.own.add(name)
    this.nodes.push({ type, domain, inputs, outputs: names, attributes })
    this.merged.set(key, names)
    return names
  }

  constant(data: TypedArray, dtype: DType, shape: readonly number[]): string {
    if (this.outer) return this.outer.constant(data, dtype, shape)
    const name = this.name('c')
    const key = data.length <= 64 ? `c|${dtype}|${shape}|${Array.from(data as Iterable<number | bigint>).join(',')}` : name
    const known = this.initializers.get(key)
    if (known) return known.name
    this.initializers.set(key, { name, dtype, shape, data })
    return name
  }

  scalar = (value: number): string => this.constant(Float32Array.of(value), 'f32', [])
  integer = (value: number): string => this.constant(BigInt64Array.of(BigInt(value)), 'i64', [])
  integers = (values: readonly number[]): string => this.constant(BigInt64Array.from(values.map(BigInt)), 'i64', [values.length])
  type = (dtype: DType): number => onnxType[dtype]

  size(size: Dim): string {
    if (this.outer) return this.outer.size(size)
    const resolved = this.resolve(size)
    return typeof resolved === 'number' ? this.integers([resolved]) : this.expression(resolved)
  }

  shape(shape: Shape): string {
    const sizes = this.resolveShape(shape)
    if (sizes.every((size) => typeof size === 'number')) return this.integers(sizes as number[])
    return sizes.length === 1
      ? this.size(sizes[0]!)
      : this.node(
          'Concat',
          sizes.map((size) => this.size(size)),
          { axis: 0 },
        )[0]!
  }

  reshapeTarget(shape: Shape): string {
    const sizes = this.resolveShape(shape)
    const unknown = sizes.filter((size) => typeof size !== 'number').length
    return unknown <= 1 && !sizes.includes(0) ? this.integers(sizes.map((size) => (typeof size === 'number' ? size : -1))) : this.shape(shape)
  }

  keepMask(site: string, rate: number, shape: Shape): { pool: string; offset: string } {
    if (this.outer) return this.outer.keepMask(site, rate, shape)
    const mask = { site, rate, pool: `pool:${rate}`, offset: `offset:${site}`, size: sizeOf(shape) }
    this.input(mask.pool, 'f32', [dim(`pool_${String(rate).replace(/[^a-z0-9]/gi, '_')}`)])
    this.input(mask.offset, 'i64', [1])
    const known = this.masks.get(site)
    if (known && (known.rate !== rate || String(known.size) !== String(mask.size)))
      throw new GraphError(`dropout: the site ${site} is used for two masks of different rate or shape: give each its own name`)
    this.masks.set(site, mask)
    return mask
  }

  /** A dimension after fixed sizes have been put in. */
  resolve = (size: Dim): Dim => substituteDim(size, this.sizes)
  resolveShape = (shape: Shape): Dim[] => shape.map(this.resolve)

  private expression(size: DimExpression): string {
    const parts = size.terms.map(({ factor, atoms }) => {
      const factors = atoms.map((atom) => {
        if (typeof atom !== 'string') return this.node('Div', [this.size(atom.numerator), this.size(atom.denominator)])[0]!
        const source = this.sources.get(atom)
        if (!source) throw new GraphError(`dimension ${atom} is not known: no input has it as the size of an axis`)
        return this.node('Shape', [source.input], { start: source.axis, end: source.axis + 1 })[0]!
      })
      const all = factor === 1 && factors.length > 0 ? factors : [...factors, this.integers([factor])]
      return all.reduce((a, b) => this.node('Mul', [a, b])[0]!)
    })
    return parts.reduce((a, b) => this.node('Add', [a, b])[0]!)
  }

  /** Nodes that lead to the outputs, in the order in which they are to be written, and what else the model needs; a nested graph keeps all inputs. */
  finish(outputs: readonly { name: string; value: string; dtype: DType; shape: Shape }[]): OnnxGraph {
    const named = new Set<string>()
    for (const { name, value } of outputs) {
      if (this.inputs.has(name)) throw new GraphError(`the output ${name} has the name of an input: give one of them another`)
      // an output is a name of its own: an input, or a value given out twice, passes through an identity
      this.nodes.push({ type: 'Identity', domain: '', inputs: [value], outputs: [name], attributes: {} })
      named.add(name)
    }
    const nodes = renameOutputs(orderNodes(prune(this.nodes, named)), named)
    const used = new Set(nodes.flatMap(namesRead))
    const value = (name: string, dtype: DType, shape: Shape): OnnxValue => ({
      name,
      dtype,
      shape: this.resolveShape(shape).map((size) => (typeof size === 'number' ? size : size.text)),
    })
    return {
      nodes,
      inputs: [...this.inputs].filter(([name]) => this.outer || used.has(name)).map(([name, { dtype, shape }]) => value(name, dtype, shape)),
      outputs: outputs.map(({ name, dtype, shape }) => value(name, dtype, shape)),
      initializers: [...this.initializers.values()].filter(({ name }) => used.has(name)),
    }
  }
}

function prune(nodes: readonly OnnxNode[], wanted: ReadonlySet<string>): OnnxNode[] {
  const live = new Set(wanted)
  const kept: OnnxNode[] = []
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((name) => live.has(name))) continue
    for (const name of namesRead(node)) live.add(name)
    kept.push(node)
  }
  return kept.reverse()
}

/** Gives an identity's name to the node before it, where that node's output goes nowhere else under its own name. */
function renameOutputs(nodes: readonly OnnxNode[], outputs: ReadonlySet<string>): OnnxNode[] {
  const made = new Set(nodes.flatMap((node) => node.outputs))
  const captured = new Set(nodes.flatMap((node) => namesRead(node).slice(node.inputs.length)))
  const fixed = (name: string) => !made.has(name) || captured.has(name)
  const renamed = new Map<string, string>()
  const kept = nodes.filter((node) => {
    const [source] = node.inputs
    if (node.type !== 'Identity' || !outputs.has(node.outputs[0]!) || fixed(source!) || renamed.has(source!)) return true
    renamed.set(source!, node.outputs[0]!)
    return false
  })
  const name = (old: string) => renamed.get(old) ?? old
  return kept.map((node) => ({ ...node, inputs: node.inputs.map(name), outputs: node.outputs.map(name) }))
}

/**
 * ONNX Runtime runs a graph by depth-first search from its ends, the last written end first. Ends (weight gradients, mostly) therefore go
 * last, in reverse: the ends that were made first (those of the last layer) run first, and what they alone need is freed early.
 */
function orderNodes(nodes: readonly OnnxNode[]): OnnxNode[] {
  const used = new Set(nodes.filter((node) => node.type !== 'Identity').flatMap(namesRead))
  const ends = nodes.filter((node) => !node.outputs.some((name) => used.has(name)) && node.type !== 'Identity')
  const isEnd = new Set(ends)
  return [
    ...nodes.filter((node) => !isEnd.has(node) && node.type !== 'Identity'),
    ...ends.reverse(),
    ...nodes.filter((node) => node.type === 'Identity'),
  ]
}
