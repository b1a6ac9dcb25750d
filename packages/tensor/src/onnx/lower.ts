// From a graph of tensors to an ONNX model: composite nodes are kept where ONNX has them and expanded where it has not.

import { type PlainDim, plainDim, type Shape } from '../graph/dim.js'
import type { DType } from '../graph/dtype.js'
import { GraphError, inputOperation, type Node, stateOperation, type Tensor } from '../graph/tensor.js'
import { nodesOf } from '../graph/walk.js'
import { GraphEmitter } from './emitter.js'
import { encodeModel } from './wire.js'

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
  masks: MaskPort[]
  outputs: Port[]
  /** ONNX operation types and how often each occurs: what tests and cost estimates look at. */
  operations: Record<string, number>
}

export interface LowerOptions {
  sizes?: ReadonlyMap<string, number>
  portable?: boolean
  /** Leave state out of the inputs: the executor adds it as initializers. */
  constants?: boolean
  /** How a state is called in the model. Default {@link stateName}. */
  stateName?: (namespace: string, path: string) => string
  opset?: number
}

const plainShape = (shape: Shape): PlainDim[] => shape.map(plainDim)
export const stateName = (namespace: string, path: string): string => `${namespace}:${path}`

/** Writes the graph of the outputs as an ONNX model. */
export function lower(outputs: Readonly<Record<string, Tensor>>, options: LowerOptions = {}): Lowered {
  const emit = new GraphEmitter(options)
  const names = new Map<Tensor, string>()
  const expanded = new Map<Node, Tensor[]>()
  const leaves = new Map<string, Node>()

  const roots = Object.values(outputs)
  const declare = (node: Node) => {
    const { path, namespace, shape, dtype } = node.attributes as { path: string; namespace?: string; shape: Shape; dtype: DType }
    const name = namespace === undefined ? path : (options.stateName ?? stateName)(namespace, path)
    const known = leaves.get(name)
    if (known && (known.attributes.dtype !== dtype || String(known.attributes.shape) !== String(shape)))
      throw new GraphError(`${name} is used with two types: ${known.attributes.dtype} [${known.attributes.shape}] and ${dtype} [${shape}]`)
    leaves.set(name, node)
    names.set(node.outputs[0]!, emit.input(name, dtype, shape))
  }

  const value = (tensor: Tensor): string => {
    const known = names.get(tensor)
    if (known !== undefined) return known
    const { node } = tensor
    if (node.operation === inputOperation || node.operation === stateOperation) {
      declare(node)
      return names.get(tensor)!
    }
    if (node.operation.onnx) {
      node.operation.onnx(emit, node, node.inputs.map(value)).forEach((name, i) => {
        names.set(node.outputs[i]!, name)
      })
      return names.get(tensor)!
    }
    if (!node.operation.decompose) throw new GraphError(`${node.operation.name} has neither an ONNX form nor a decomposition`)
    const parts = expanded.get(node) ?? node.operation.decompose(node.inputs, node.attributes, node.outputs)
    expanded.set(node, parts)
    const name = value(parts[tensor.index]!)
    names.set(tensor, name)
    return name
  }

  const nodes = nodesOf(roots)
  const demanded = new Set<Tensor>(roots)
  for (const node of nodes) for (const source of node.inputs) demanded.add(source)
  for (const node of nodes) if (node.operation === inputOperation || node.operation === stateOperation) declare(node)
  for (const node of nodes) for (const output of node.outputs) if (demanded.has(output)) value(output)

  const results = Object.entries(outputs).map(([name, tensor]) => ({ name, value: value(tensor), dtype: tensor.dtype, shape: tensor.shape }))
  const graph = emit.finish(results)
  const used = new Set(graph.inputs.map((x) => x.name))
  const kept = [...leaves].filter(([name]) => used.has(name))
  const isState = (node: Node) => node.operation === stateOperation
  const port = (name: string, node: Node): Port => ({
    name,
    dtype: node.attributes.dtype as DType,
    shape: plainShape(emit.resolveShape(node.attributes.shape as Shape)),
  })
  const states = kept
    .filter(([, node]) => isState(node))
    .map(([name, node]) => ({ ...port(name, node), namespace: node.attributes.namespace as string, path: node.attributes.path as string }))
  const hidden = new Set(options.constants ? states.map((x) => x.name) : [])
  const operations: Record<string, number> = {}
  for (const { type } of graph.nodes) operations[type] = (operations[type] ?? 0) + 1
  return {
    model: encodeModel({ ...graph, inputs: graph.inputs.filter((x) => !hidden.has(x.name)), opset: options.opset ?? 21 }),
    feeds: kept.filter(([, node]) => !isState(node)).map(([name, node]) => port(name, node)),
    states,
    masks: [...emit.masks.values()].map((mask) => ({ ...mask, size: plainDim(emit.resolve(mask.size)) })),
    outputs: results.map(({ name, dtype, shape }) => ({ name, dtype, shape: plainShape(emit.resolveShape(shape)) })),
    operations,
  }
}
