// Smaller weights in a model that is written: halves, or bytes. Only products with weights and look-ups in tables change; sums, norms, softmax and
// activations stay in f32, which is where halves lose most (mixed precision: Micikevicius et al. 2018, section 3).
//   f16  x and the weight in halves, the product widened again
//   i8   integer products (LLM.int8's outer product of scales: Dettmers et al. 2022, section 2.1.1): the weight in bytes with a scale a column, x
//        in bytes with one scale, found at each run ("dynamic quantization"); a table in bytes with a scale a row

import { GraphError } from '../graph/tensor.js'
import { encodeF16 } from './halves.js'
import { namesRead, type OnnxGraph, type OnnxInitializer, type OnnxNode, onnxType } from './wire.js'

export type Precision = 'f32' | 'f16' | 'i8'

type Weights = Map<string, OnnxInitializer>

/** Weights of fewer elements stay in f32: nothing is gained, and a head's rounding would be seen in every logit. */
const smallest = 4096

/**
 * Largest absolute value of a weight in bytes. Not 127: where the CPU has no VNNI, ONNX Runtime adds two products of bytes in 16 bits, which
 * saturate from 2 · 255 · 64 on (its `reduce_range`).
 */
const weightLimit = 64
const tableLimit = 127

/** The change of a lowered graph that a precision asks for. The graph's weights are taken from, and put back into, `weights`. */
export function inPrecision(precision: Precision, weights: Weights): (graph: OnnxGraph) => OnnxGraph {
  if (precision === 'f32') return (graph) => graph
  return (graph) => {
    const writer = nodeWriter(weights, graph)
    for (const node of graph.nodes) (precision === 'f16' ? halved : quantized)(writer, node)
    for (const name of writer.replaced) weights.delete(name)
    return { ...graph, nodes: writer.nodes }
  }
}

interface NodeWriter {
  readonly nodes: OnnxNode[]
  readonly weights: Weights
  /** Weights that have become others, and are no longer read themselves. */
  readonly replaced: ReadonlySet<string>
  /** Adds a node with a new output, whose name is returned; an equal node is not added twice. */
  add(type: string, inputs: readonly string[], attributes?: OnnxNode['attributes'], output?: string): string
  addAll(type: string, inputs: readonly string[], outputs: number): string[]
  /** A weight in another form, made once. */
  form(name: string, kind: string, make: (weight: OnnxInitializer) => Omit<OnnxInitializer, 'name'>): string
  /** Passes a node on as it is; weights that it reads stay as they are. */
  keep(node: OnnxNode): void
}

function nodeWriter(weights: Weights, graph: OnnxGraph): NodeWriter {
  const nodes: OnnxNode[] = []
  const made = new Map<string, string[]>()
  const replaced = new Set<string>()
  const kept = new Set<string>(graph.outputs.map((x) => x.name))
  let count = 0
  const addAll = (type: string, inputs: readonly string[], outputs: number, attributes: OnnxNode['attributes'] = {}, given?: string) => {
    const key = `${type}|${inputs.join()}|${JSON.stringify(attributes)}`
    const known = given === undefined ? made.get(key) : undefined
    if (known) return known
    const names = given === undefined ? Array.from({ length: outputs }, () => `%p${count++}`) : [given]
    nodes.push({ type, domain: '', inputs, outputs: names, attributes })
    made.set(key, names)
    return names
  }
  return {
    nodes,
    weights,
    get replaced() {
      return new Set([...replaced].filter((name) => !kept.has(name)))
    },
    addAll,
    add: (type, inputs, attributes, output) => addAll(type, inputs, 1, attributes, output)[0]!,
    form(name, kind, make) {
      const called = `${name}:${kind}`
      if (!weights.has(called)) weights.set(called, { name: called, ...make(weights.get(name)!) })
      replaced.add(name)
      return called
    },
    keep(node) {
      for (const name of namesRead(node)) kept.add(name)
      nodes.push(node)
    },
  }
}

const sizeOf = ({ shape }: OnnxInitializer): number => shape.reduce((product, size) => product * size, 1)

/** The weight that a node multiplies by, or looks up rows in: a matrix of f32 as it lies in the file. */
function matrixOf({ weights }: NodeWriter, node: OnnxNode): { kind: 'product' | 'table'; weight: OnnxInitializer } | undefined {
  const { type, attributes } = node
  const kind = type === 'Gemm' || type === 'MatMul' ? 'product' : type === 'Gather' && (attributes.axis ?? 0) === 0 ? 'table' : undefined
  const weight = weights.get(node.inputs[kind === 'table' ? 0 : 1]!)
  if (!kind || weight?.dtype !== 'f32' || weight.shape.length !== 2 || sizeOf(weight) < smallest) return undefined
  const plain =
    type !== 'Gemm' || Object.entries(attributes).every(([name, value]) => (name !== 'transA' && name !== 'transB' ? isOne(value) : value === 0))
  return plain ? { kind, weight } : undefined
}

const isOne = (value: OnnxNode['attributes'][string]): boolean => typeof value === 'object' && 'float' in value && value.float === 1

function halved(writer: NodeWriter, node: OnnxNode): void {
  const matrix = matrixOf(writer, node)
  if (!matrix) {
    writer.keep(node)
    return
  }
  const { inputs, outputs, attributes, type } = node
  const narrow = (name: string) => (writer.weights.has(name) ? writer.form(name, 'f16', inHalves) : writer.add('Cast', [name], { to: onnxType.f16 }))
  const operands = matrix.kind === 'table' ? [writer.form(inputs[0]!, 'f16', inHalves), inputs[1]!] : inputs.map(narrow)
  writer.add('Cast', [writer.add(type, operands, attributes)], { to: onnxType.f32 }, outputs[0]!)
}

function inHalves({ name, shape, data }: OnnxInitializer): Omit<OnnxInitializer, 'name'> {
  const values = data as Float32Array
  const halves = new Uint16Array(values.length)
  const overflow = encodeF16(values, halves)
  if (overflow >= 0) throw new GraphError(`${name}: element ${overflow} is ${values[overflow]}, beyond the largest half, 65504; write f32 or i8`)
  return { dtype: 'f16', shape, data: halves }
}

function quantized(writer: NodeWriter, node: OnnxNode): void {
  const matrix = matrixOf(writer, node)
  if (!matrix) {
    writer.keep(node)
    return
  }
  const { inputs, outputs } = node
  const { kind, weight } = matrix
  const bytes = inBytes(weight, kind)
  const values = writer.form(weight.name, `i8 ${kind}`, () => bytes.values)
  const scales = writer.form(weight.name, `scales ${kind}`, () => bytes.scales)
  const wide = (name: string) => writer.add('Cast', [name], { to: onnxType.f32 })
  if (kind === 'table') {
    const rows = wide(writer.add('Gather', [values, inputs[1]!], { axis: 0 }))
    writer.add('Mul', [rows, writer.add('Gather', [scales, inputs[1]!], { axis: 0 })], {}, outputs[0]!)
    return
  }
  // these nodes in this order are what ONNX Runtime makes one kernel of
  const [x, xScale, xZero] = writer.addAll('DynamicQuantizeLinear', [inputs[0]!], 3) as [string, string, string]
  const product = wide(writer.add('MatMulInteger', [x, values, xZero]))
  const bias = inputs[2]
  const scaled = writer.add('Mul', [product, writer.add('Mul', [xScale, scales])], {}, bias === undefined ? outputs[0]! : undefined)
  if (bias === undefined) return
  writer.keep({ type: 'Add', domain: '', inputs: [scaled, bias], outputs, attributes: {} })
}

/** A matrix as bytes, symmetric around 0: a product's with a scale for each column, a table's for each row. */
function inBytes(
  { shape, data }: OnnxInitializer,
  kind: 'product' | 'table',
): { values: Omit<OnnxInitializer, 'name'>; scales: Omit<OnnxInitializer, 'name'> } {
  const [rows, columns] = shape as [number, number]
  const source = data as Float32Array
  const limit = kind === 'table' ? tableLimit : weightLimit
  const scales = new Float32Array(kind === 'table' ? rows : columns)
  const lane = (r: number, c: number) => (kind === 'table' ? r : c)
  for (let r = 0, i = 0; r < rows; r++)
    for (let c = 0; c < columns; c++, i++) scales[lane(r, c)] = Math.max(scales[lane(r, c)]!, Math.abs(source[i]!))
  for (let i = 0; i < scales.length; i++) scales[i] = scales[i]! / limit || 1
  const values = new Int8Array(source.length)
  for (let r = 0, i = 0; r < rows; r++) for (let c = 0; c < columns; c++, i++) values[i] = Math.round(source[i]! / scales[lane(r, c)]!)
  return {
    values: { dtype: 'i8', shape, data: values },
    scales: { dtype: 'f32', shape: kind === 'table' ? [rows, 1] : [columns], data: scales },
  }
}
