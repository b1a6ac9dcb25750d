// Which of a file's tensors are parameters, what they are called, and how they lie in memory. Weights that the file stores [out, in], for every
// consumer to transpose, are ours [in, out]. Vectors that an exporter merged because their values were equal (biases of zeros, gains of ones)
// are taken apart again: no one ties them, and trained as one they would be wrong.

import { transpose } from '../../graph/ops/shape.js'
import type { Tensor } from '../../graph/tensor.js'
import { parameter } from '../../graph/tensor.js'
import type { GraphMessage, NodeMessage, TensorMessage } from './messages.js'
import { isGenerated, scopeOf, unique, writtenScope } from './names.js'
import { dtypeOf, type TensorData, turned } from './tensor-data.js'

/** Where a parameter lies in the file it was read from: what is needed to write it back faithfully. */
export interface ParameterSource {
  /** The initializer's name. */
  readonly name: string
  /** The file has it [out, in]. */
  readonly transposed: boolean
  /** TensorProto.DataType of the file. */
  readonly type: number
  /** Other parameters of ours come from the same initializer: the exporter had merged them. */
  readonly shared: boolean
}

export interface ImportedParameter {
  readonly tensor: Tensor
  readonly shape: readonly number[]
  readonly data: Float32Array
  readonly source: ParameterSource
}

/** A use of an initializer as the operand of a node. */
interface Use {
  /** The initializer's own name, or that of an Identity which renames it. */
  via: string
  node: NodeMessage
  index: number
}

const floats = new Set([1, 10, 11, 16])
/** Tables that models compute and do not train, by the names transformers gives them. */
const buffers = /(^|\.)(inv_freq|original_inv_freq|masked_bias|position_ids|rotary_emb\.\w+|attn\.bias|sin_cached|cos_cached)$/

/** Whether a float tensor of more than one element is a weight. */
export const isParameter = (tensor: TensorMessage): boolean =>
  floats.has(tensor.type) && tensor.dims.length > 0 && tensor.dims.reduce((a, b) => a * b, 1) > 1 && !buffers.test(tensor.name)

/** The parameters of a graph. Values are tensors, by the node and operand that take them. */
export interface ParameterTable {
  readonly parameters: Map<string, ImportedParameter>
  /** The value of an initializer for one of its uses: in the file's layout. */
  valueFor(name: string, node: NodeMessage): Tensor | undefined
  /** Identity nodes that only give a parameter another name. */
  readonly renamings: ReadonlySet<NodeMessage>
  /** Parameters that came out of one initializer. */
  readonly untied: string[][]
  /** Parameters that more than one node uses. */
  readonly tied: string[]
}

export interface ParameterOptions {
  chosen(tensor: TensorMessage): boolean
  data(tensor: TensorMessage): TensorData
  namespace: string
}

/** Finds the parameters among a graph's initializers. */
export function findParameters(graph: GraphMessage, options: ParameterOptions): ParameterTable {
  const consumers = consumersOf(graph)
  const parameters = new Map<string, ImportedParameter>()
  const values = new Map<string, Tensor>()
  const untied: string[][] = []
  const tied: string[] = []
  const renamings = new Set<NodeMessage>()
  const chosen = graph.initializers.filter((tensor) => dtypeOf(tensor.type) === 'f32' && options.chosen(tensor))
  const usesOf = new Map(chosen.map((tensor) => [tensor.name, uses(tensor.name, consumers, renamings)]))
  const owners = new Map(chosen.map((tensor) => [tensor.name, ownersOf(tensor, usesOf.get(tensor.name)!)]))
  // vectors first: a weight without a name is called after the bias beside it
  const ordered = [...chosen].sort((a, b) => Number(a.dims.length > 1) - Number(b.dims.length > 1))
  const vectors = chosen.filter((tensor) => tensor.dims.length === 1)
  const biasName = (name: string, node: NodeMessage): string | undefined => {
    const origin = vectors.find((tensor) => usesOf.get(tensor.name)!.some((use) => use.via === name && use.node === node))
    if (!origin) return undefined
    const ownerOf = owners.get(origin.name)!
    const owner = ownerOf(name, node)
    // a bias that was merged with others tells nothing
    const alone = usesOf.get(origin.name)!.filter((use) => ownerOf(use.via, use.node) === owner).length === 1
    return alone && !isGenerated(owner) ? owner : undefined
  }
  for (const tensor of ordered) {
    const own = usesOf.get(tensor.name)!
    if (own.length === 0) continue
    const stored = options.data(tensor)
    const data = stored.data as Float32Array
    const groups = new Map<string, Use[]>()
    for (const use of own) {
      const owner = owners.get(tensor.name)!(use.via, use.node)
      groups.set(owner, [...(groups.get(owner) ?? []), use])
    }
    const transposed = tensor.dims.length === 2 && own.every((use) => takesTransposed(use, consumers))
    const paths: string[] = []
    for (const [owner, group] of groups) {
      const path = unique(isGenerated(owner) ? (nameFor(group, consumers, biasName) ?? owner) : owner, parameters)
      const shape = transposed ? [tensor.dims[1]!, tensor.dims[0]!] : [...tensor.dims]
      const leaf = parameter(path, shape, { namespace: options.namespace })
      parameters.set(path, {
        tensor: leaf,
        shape,
        data: transposed ? turned(data, tensor.dims[0]!, tensor.dims[1]!) : groups.size > 1 ? data.slice() : data,
        source: { name: tensor.name, transposed, type: tensor.storedAs ?? tensor.type, shared: groups.size > 1 },
      })
      paths.push(path)
      if (group.length > 1) tied.push(path)
      const value = transposed ? transpose(leaf) : leaf
      for (const { via, node } of group) values.set(key(via, node), value)
    }
    if (groups.size > 1) untied.push(paths)
  }
  return { parameters: inOrder(parameters, chosen), untied, tied, renamings, valueFor: (name, node) => values.get(key(name, node)) }
}

/** In the order of the file. */
function inOrder(parameters: Map<string, ImportedParameter>, tensors: readonly TensorMessage[]): Map<string, ImportedParameter> {
  const place = new Map(tensors.map(({ name }, i) => [name, i]))
  return new Map([...parameters].sort(([, a], [, b]) => place.get(a.source.name)! - place.get(b.source.name)!))
}

const ids = new WeakMap<NodeMessage, number>()
let nextId = 0
function key(name: string, node: NodeMessage): string {
  if (!ids.has(node)) ids.set(node, nextId++)
  return `${ids.get(node)} ${name}`
}

function consumersOf(graph: GraphMessage): Map<string, { node: NodeMessage; index: number }[]> {
  const result = new Map<string, { node: NodeMessage; index: number }[]>()
  const visit = (nodes: readonly NodeMessage[]) => {
    for (const node of nodes) {
      node.inputs.forEach((name, index) => {
        const list = result.get(name)
        if (list) list.push({ node, index })
        else result.set(name, [{ node, index }])
      })
      for (const { graph: inner } of node.attributes.values()) if (inner) visit(inner.nodes)
    }
  }
  visit(graph.nodes)
  return result
}

type Consumers = ReturnType<typeof consumersOf>

const renames = (node: NodeMessage) => node.type === 'Identity' && node.domain === ''

/** Every use of an initializer, those under another name included. */
function uses(name: string, consumers: Consumers, renamings: Set<NodeMessage>): Use[] {
  return (consumers.get(name) ?? []).flatMap(({ node, index }) => {
    if (!renames(node)) return [{ via: name, node, index }]
    renamings.add(node)
    return uses(node.outputs[0]!, consumers, renamings)
  })
}

/**
 * Whose a use is. Matrices are one parameter whoever uses them (a tied table). Vectors belong to the name they were given again, or to the
 * module that the exporter wrote down; where neither tells them apart, to their initializer.
 */
function ownersOf({ name, dims }: TensorMessage, all: readonly Use[]): (via: string, node: NodeMessage) => string {
  if (dims.length !== 1) return () => name
  const modules = new Set(all.map(({ node }) => writtenScope(node)))
  const apart = modules.size > 1 && !modules.has(undefined)
  return (via, node) => {
    if (via !== name) return via
    const scope = apart ? writtenScope(node) : undefined
    if (scope === undefined || name.startsWith(`${scope}.`)) return name
    const index = node.inputs.indexOf(name)
    return `${scope}.${index === 1 && node.type.endsWith('Normalization') ? 'weight' : node.type === 'Mul' ? 'weight' : 'bias'}`
  }
}

/** Whether a use reads a matrix the other way round: Gemm's `transB`, or a Transpose before a product. */
function takesTransposed({ node, index }: Use, consumers: Consumers): boolean {
  if (node.type === 'Gemm') return index === 1 && node.attributes.get('transB')?.int === 1
  if (node.type !== 'Transpose') return false
  const order = node.attributes.get('perm')?.ints
  const then = consumers.get(node.outputs[0]!) ?? []
  const isProduct = ({ type, attributes }: NodeMessage) => type === 'MatMul' || (type === 'Gemm' && !attributes.get('transB')?.int)
  return (!order || String(order) === '1,0') && then.length > 0 && then.every((next) => isProduct(next.node) && next.index === 1)
}

/** A path for a weight without a name of its own. */
function nameFor(group: readonly Use[], consumers: Consumers, biasName: (name: string, node: NodeMessage) => string | undefined): string | undefined {
  for (const { node } of group) {
    // W ─ (Transpose) ─ MatMul ─ Add ─ bias, or Gemm with the bias as its third operand
    const product = node.type === 'Transpose' ? consumers.get(node.outputs[0]!)?.[0]?.node : node
    if (!product) continue
    const bias =
      product.type === 'Gemm' ? (product.inputs[2] ? biasName(product.inputs[2], product) : undefined) : addedTo(product, consumers, biasName)
    if (bias?.endsWith('.bias')) return `${bias.slice(0, -'bias'.length)}weight`
    const scope = scopeOf(product)
    if (scope) return `${scope}.${group[0]!.node.type === 'Add' ? 'bias' : 'weight'}`
  }
  return undefined
}

function addedTo(product: NodeMessage, consumers: Consumers, biasName: (name: string, node: NodeMessage) => string | undefined): string | undefined {
  const next = consumers.get(product.outputs[0]!) ?? []
  if (next.length !== 1 || next[0]!.node.type !== 'Add') return undefined
  const { node, index } = next[0]!
  return biasName(node.inputs[1 - index]!, node)
}
