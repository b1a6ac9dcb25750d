// Orders over a graph.

import type { Node, Tensor } from './tensor.js'

/** Every node the tensors need, inputs before users, in the order of creation (ids grow along every edge). */
export function nodesOf(tensors: Iterable<Tensor>): Node[] {
  const seen = new Set<Node>()
  const stack = [...tensors].map((tensor) => tensor.node)
  while (stack.length > 0) {
    const node = stack.pop()!
    if (seen.has(node)) continue
    seen.add(node)
    for (const { node: source } of node.inputs) if (!seen.has(source)) stack.push(source)
  }
  return [...seen].sort((a, b) => a.id - b.id)
}
