// A graph built again with other tensors in the place of some: how a graph is cut, how a step's graph is closed over what it captures, and how a gradient is moved
// into a loop.

import { Node, type Tensor } from './tensor.js'
import { nodesOf } from './walk.js'

/** The tensors, with others put in the place of some. Nodes that depend on a replaced tensor are made anew, all others are shared. */
export function substitute(tensors: readonly Tensor[], replaced: ReadonlyMap<Tensor, Tensor>): Tensor[] {
  const made = new Map(replaced)
  const current = (tensor: Tensor) => made.get(tensor) ?? tensor
  for (const node of nodesOf(tensors, new Set(replaced.keys()))) {
    if (!node.inputs.some((x) => made.has(x))) continue
    const { outputs } = new Node(node.operation, node.inputs.map(current), node.attributes)
    // a node may have one output that is replaced and another that is not
    for (const [i, output] of node.outputs.entries()) if (!made.has(output)) made.set(output, outputs[i]!)
  }
  return tensors.map(current)
}

/** The nodes that depend on one of the leaves, the leaves' own nodes included. */
export function dependents(tensors: readonly Tensor[], leaves: readonly Tensor[]): Set<Node> {
  const found = new Set(leaves.map((leaf) => leaf.node))
  for (const node of nodesOf(tensors)) if (node.inputs.some((input) => found.has(input.node))) found.add(node)
  return found
}
