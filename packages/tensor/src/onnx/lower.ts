// From a graph of tensors to an ONNX model: composite nodes are kept where ONNX has them and expanded where it has not.

import { type PlainDim, plainDim, type Shape } from '../graph/dim.js'
import type { DType } from '../graph/dtype.js'
import { GraphError, inputOperation, type Node, stateOperation, type Tensor } from '../graph/tensor.js'
import { nodesOf } from '../graph/walk.js'
import { GraphEmitter } from './emitter.js'
import { allNodes, encodeModel, type OnnxGraph } from './wire.js'

/** A value that crosses a program's border, in a form that survives messages between threads. */
export interface Port {
  name: string
  dtype: DType
  shape: PlainDim[]
}

export interface StatePort extends Port {
  namespace: string
  path: string
}

export interface MaskPort {
  site: string
  rate: number
  pool: string
  offset: string
  size: PlainDim
}

export interface Lowered {
  model: Uint8Array<ArrayBufferLike>
  feeds: Port[]
  states: StatePort[]
  /** State of the constant namespaces: left out of the inputs, the executor adds it as initializers. */
  constants: StatePort[]
  masks: MaskPort[]
  outputs: Port[]
  /** ONNX operation types and how often each occurs: what tests and cost estimates look at. */
  operations: Record<string, number>
}

export interface LowerOptions {
  sizes?: ReadonlyMap<string, number>
  portable?: boolean
  /** Namespaces whose state is constant (DESIGN E10). */
  constants?: ReadonlySet<string> | 'all'
  /** How a state is called in the model. Default {@link stateName}. */
  stateName?: (namespace: string, path: string) => string
  opset?: number
  /** Another graph of the same inputs and outputs, in the place of what was lowered. */
  transform?: (graph: OnnxGraph) => OnnxGraph
}

const plainShape = (shape: Shape): PlainDim[] => shape.map(plainDim)
export const stateName = (namespace: string, path: string): string => `${namespace}:${path}`

/** What an operation that has a graph inside it needs to know of the lowering. */
export interface Lowering {
  /** Whether anything reads the tensor. */
  isUsed(tensor: Tensor): boolean
  /** Lowers a graph inside a node: its parameters, the names of what it takes from around it, and its results. */
  body(parameters: readonly Tensor[], captures: ReadonlyMap<Tensor, string>, results: readonly Tensor[]): OnnxGraph
}

/** Writes the graph of the outputs as an ONNX model. */
export function lower(outputs: Readonly<Record<string, Tensor>>, options: LowerOptions = {}): Lowered {
  const emit = new GraphEmitter(options)
  const leaves = new Map<string, Node>()
  const used = usage()

  const declare = (node: Node): string => {
    const { path, namespace, shape, dtype } = node.attributes as { path: string; namespace?: string; shape: Shape; dtype: DType }
    const name = namespace === undefined ? path : (options.stateName ?? stateName)(namespace, path)
    const known = leaves.get(name)
    if (known && (known.attributes.dtype !== dtype || String(known.attributes.shape) !== String(shape)))
      throw new GraphError(`${name} is used with two types: ${known.attributes.dtype} [${known.attributes.shape}] and ${dtype} [${shape}]`)
    leaves.set(name, node)
    return emit.input(name, dtype, shape)
  }

  const roots = Object.values(outputs)
  for (const node of nodesOf(roots)) if (isLeaf(node)) declare(node)
  const names = lowerInto(emit, new Map(), roots, used, declare)
  const results = Object.entries(outputs).map(([name, tensor]) => ({
    name,
    value: names.get(tensor)!,
    dtype: tensor.dtype,
    shape: tensor.shape,
  }))
  const finished = emit.finish(results)
  const graph = options.transform?.(finished) ?? finished
  const read = new Set(graph.inputs.map((x) => x.name))
  const kept = [...leaves].filter(([name]) => read.has(name))
  const isState = (node: Node) => node.operation === stateOperation
  const port = (name: string, node: Node): Port => ({
    name,
    dtype: node.attributes.dtype as DType,
    shape: plainShape(emit.resolveShape(node.attributes.shape as Shape)),
  })
  const all = kept
    .filter(([, node]) => isState(node))
    .map(([name, node]) => ({ ...port(name, node), namespace: node.attributes.namespace as string, path: node.attributes.path as string }))
  const isConstant = (x: StatePort) => options.constants === 'all' || (options.constants?.has(x.namespace) ?? false)
  const constants = all.filter(isConstant)
  const hidden = new Set(constants.map((x) => x.name))
  const operations: Record<string, number> = {}
  for (const { type } of allNodes(graph)) operations[type] = (operations[type] ?? 0) + 1
  return {
    model: encodeModel({ ...graph, inputs: graph.inputs.filter((x) => !hidden.has(x.name)), opset: options.opset ?? 21 }),
    feeds: kept.filter(([, node]) => !isState(node)).map(([name, node]) => port(name, node)),
    states: all.filter((x) => !isConstant(x)),
    constants,
    masks: [...emit.masks.values()].map((mask) => ({ ...mask, size: plainDim(emit.resolve(mask.size)) })),
    outputs: results.map(({ name, dtype, shape }) => ({ name, dtype, shape: plainShape(emit.resolveShape(shape)) })),
    operations,
  }
}

const isLeaf = (node: Node) => node.operation === inputOperation || node.operation === stateOperation

/** Tensors that are results or inputs of a node that leads to one. */
function usage() {
  const seen = new Set<Node>()
  const tensors = new Set<Tensor>()
  return {
    has: (tensor: Tensor) => tensors.has(tensor),
    add(results: readonly Tensor[]) {
      const waiting = [...results]
      while (waiting.length > 0) {
        const tensor = waiting.pop()!
        tensors.add(tensor)
        if (seen.has(tensor.node)) continue
        seen.add(tensor.node)
        waiting.push(...tensor.node.inputs)
      }
    },
  }
}

/** Emits what the tensors need, in the order of creation, and returns every tensor's name; `given` names what exists already. */
function lowerInto(
  emit: GraphEmitter,
  given: ReadonlyMap<Tensor, string>,
  tensors: readonly Tensor[],
  used: ReturnType<typeof usage>,
  declare: (node: Node) => string,
): ReadonlyMap<Tensor, string> {
  const names = new Map(given)
  const expanded = new Map<Node, Tensor[]>()
  const lowering: Lowering = {
    isUsed: used.has,
    body(parameters, captures, results) {
      const inner = emit.nested()
      const known = new Map(captures)
      for (const parameter of parameters) known.set(parameter, inner.parameter(parameter.dtype, parameter.shape))
      const values = lowerInto(inner, known, results, used, declare)
      return inner.finish(results.map((result) => ({ name: emit.name('r'), value: values.get(result)!, dtype: result.dtype, shape: result.shape })))
    },
  }

  const value = (tensor: Tensor): string => {
    const known = names.get(tensor)
    if (known !== undefined) return known
    const { node } = tensor
    if (isLeaf(node)) names.set(tensor, declare(node))
    else if (node.operation.onnx) {
      node.operation.onnx(emit, node, node.inputs.map(value), lowering).forEach((name, i) => {
        names.set(node.outputs[i]!, name)
      })
    } else {
      if (!node.operation.decompose) throw new GraphError(`${node.operation.name} has neither an ONNX form nor a decomposition`)
      let parts = expanded.get(node)
      if (!parts) {
        parts = node.operation.decompose(node.inputs, node.attributes, node.outputs)
        used.add(parts)
        expanded.set(node, parts)
      }
      names.set(tensor, value(parts[tensor.index]!))
    }
    return names.get(tensor)!
  }

  used.add(tensors)
  for (const node of nodesOf(tensors)) for (const output of node.outputs) if (used.has(output)) value(output)
  for (const tensor of tensors) value(tensor)
  return names
}
