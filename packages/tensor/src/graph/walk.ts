// Orders over a graph.

import type { Node, Tensor } from './tensor.js'

/**
 * Every node the tensors need, inputs before users, in the order of creation (ids grow along every edge). What lies behind a tensor of
 * `border` is left out.
 */
export function nodesOf(tensors: Iterable<Tensor>, border: ReadonlySet<Tensor> = new Set()): Node[] {
  const seen = new Set<Node>()
  const stack = [...tensors].filter((tensor) => !border.has(tensor)).map((tensor) => tensor.node)
  while (stack.length > 0) {
    const node = stack.pop()!
    if (seen.has(node)) continue
    seen.add(node)
    for (const source of node.inputs) if (!border.has(source) && !seen.has(source.node)) stack.push(source.node)
  }
  return [...seen].sort((a, b) => a.id - b.id)
}
