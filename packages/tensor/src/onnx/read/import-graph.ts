// Walks a graph's nodes in order and gives each output its value: known where all that the node needs is known, a tensor elsewhere. Nodes that the
// wanted outputs do not need are not touched, so what cannot be read only matters where it is used.

import { constant, GraphError } from '../../graph/tensor.js'
import { Call, isOne, nodeText, type Surroundings } from './call.js'
import { fold } from './fold.js'
import { type Attribute, type FunctionMessage, type GraphMessage, type NodeMessage, OnnxError } from './messages.js'
import { operations } from './operations/index.js'
import type { ParameterTable } from './parameters.js'
import { isKnown, type Value } from './value.js'

/** Names and what they stand for, with what the whole import shares. */
export interface Scope extends Surroundings {
  readonly names: Map<string, Value>
  /** The value of a name that no node computes. */
  load(name: string): Value | undefined
  readonly functions: ReadonlyMap<string, FunctionMessage>
  readonly parameters: ParameterTable
  readonly counts: { folded: number }
}

/** Imports what the wanted names need. */
export function importGraph(graph: GraphMessage, around: Scope, wanted: readonly string[]): Map<string, Value> {
  const initializers = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]))
  const scope: Scope = {
    ...around,
    names: new Map(around.names),
    load(name) {
      const tensor = initializers.get(name)
      if (!tensor) return around.load(name)
      const { data, shape, dtype } = scope.tensorData(tensor)
      return constant(data, shape, dtype)
    },
  }
  importNodes(graph.nodes, scope, wanted)
  for (const name of wanted) lookUp(name, scope)
  return scope.names
}

function lookUp(name: string, { names, load }: Scope): Value | undefined {
  const value = names.get(name) ?? load(name)
  if (value !== undefined) names.set(name, value)
  return value
}

function importNodes(nodes: readonly NodeMessage[], scope: Scope, wanted: readonly string[]): void {
  for (const node of needed(nodes, wanted)) {
    // the users of a renamed parameter ask for the parameter itself
    if (scope.parameters.renamings.has(node)) continue
    const values = node.inputs.map((name): Value | undefined =>
      name === '' ? undefined : (scope.parameters.valueFor(name, node) ?? lookUp(name, scope) ?? unknownName(scope, node, name)),
    )
    const results = importNode(node, values, scope)
    node.outputs.forEach((name, i) => {
      if (name !== '' && results[i] !== undefined) scope.names.set(name, results[i])
    })
  }
}

const unknownName = (scope: Scope, node: NodeMessage, name: string): never => {
  throw new OnnxError(`${scope.file}: ${nodeText(node)}: nothing computes its input ${JSON.stringify(name)}`)
}

function importNode(node: NodeMessage, values: readonly (Value | undefined)[], scope: Scope): readonly Value[] {
  const call = new Call(node, values, scope)
  const body = scope.functions.get(`${node.domain}:${node.type}`)
  if (body) return callFunction(call, body, scope)
  if (node.type === 'If' && node.domain === '') return branch(call, scope)
  const importer = operations[node.domain]?.[node.type]
  try {
    const folded = fold(call)
    const result = folded ?? importer?.(call) ?? call.refuse(whyNot(node, values))
    const all = isOne(result) ? [result] : result
    if (all.length > 0 && all.every(isKnown)) scope.counts.folded++
    return all
  } catch (error) {
    if (error instanceof GraphError) call.refuse(error.message)
    // a damaged or invalid node can fail anywhere in an importer
    if (error instanceof TypeError || error instanceof RangeError) call.refuse('its operands or attributes are not those of this operation', error)
    throw error
  }
}

/** The nodes that lead to the wanted names, in order. */
function needed(nodes: readonly NodeMessage[], wanted: readonly string[]): NodeMessage[] {
  const live = new Set(wanted)
  const kept: NodeMessage[] = []
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => live.has(name))) continue
    for (const name of node.inputs) live.add(name)
    for (const { graph } of node.attributes.values()) if (graph) for (const name of outerNames(graph)) live.add(name)
    kept.push(node)
  }
  return kept.reverse()
}

/** Names that a nested graph takes from around it. */
function outerNames(graph: GraphMessage): string[] {
  return graph.nodes
    .flatMap((node) => [
      ...node.inputs,
      ...[...node.attributes.values()].flatMap((attribute) => (attribute.graph ? outerNames(attribute.graph) : [])),
    ])
    .concat(graph.outputs.map(({ name }) => name))
}

/** The one branch that runs, where that is known: exporters leave such an If for every optional operand. */
function branch(call: Call, scope: Scope): readonly Value[] {
  const condition = call.scalar(0)
  if (condition === undefined) return call.refuse('control flow that depends on the data is not read')
  const graph = call.node.attributes.get(condition !== 0 ? 'then_branch' : 'else_branch')?.graph
  if (!graph) return call.refuse('it lacks a branch')
  const names = importGraph(
    graph,
    scope,
    graph.outputs.map(({ name }) => name),
  )
  return graph.outputs.map(({ name }) => names.get(name) ?? call.refuse(`nothing computes ${JSON.stringify(name)}`))
}

/** A function of the model itself, with its operands and attributes put in. */
function callFunction(call: Call, body: FunctionMessage, scope: Scope): readonly Value[] {
  const given = (attribute: Attribute): Attribute | undefined =>
    attribute.reference === undefined ? attribute : (call.node.attributes.get(attribute.reference) ?? body.defaults.get(attribute.reference))
  const nodes = body.nodes.map((node) => ({
    ...node,
    name: `${call.node.name}/${node.name || node.outputs[0]}`,
    attributes: new Map([...node.attributes].flatMap(([name, attribute]) => (given(attribute) ? [[name, given(attribute)!] as const] : []))),
  }))
  const names = new Map<string, Value>()
  body.inputs.forEach((name, i) => {
    const value = call.values[i]
    if (value !== undefined) names.set(name, value)
  })
  // an operand that a call leaves out is no operand of the nodes inside either
  const absent = new Set(body.inputs.filter((name) => !names.has(name)))
  const present = nodes.map((node) => ({ ...node, inputs: node.inputs.map((name) => (absent.has(name) ? '' : name)) }))
  importNodes(present, { ...scope, names, load: () => undefined }, body.outputs)
  return body.outputs.map((name) => names.get(name) ?? call.refuse(`nothing computes ${JSON.stringify(name)} in the function`))
}

const loops = new Set(['Loop', 'Scan', 'SequenceMap'])
const quantized = /quantize|Integer$|^QLinear|MatMulNBits/i

function whyNot({ type, domain }: NodeMessage, values: readonly (Value | undefined)[]): string {
  if (loops.has(type)) return 'control flow is not read'
  if (quantized.test(type)) return 'quantized models are not read: take the file with float weights'
  if (domain === 'com.microsoft') return "this operation of ONNX Runtime's own is not read: take the file from before its optimization"
  return `this operation is not read (its operands: ${values.map((value) => (value === undefined ? 'none' : `${value.dtype} [${value.shape.join(', ')}]`)).join(', ')})`
}
