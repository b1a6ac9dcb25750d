// Rebuilding a graph by a rule that may replace any of its tensors: how patterns are recognised. To exchange given tensors there is `substitute`.

import { Node, type Tensor } from './tensor.js'
import { nodesOf } from './walk.js'

/** What a tensor, whose operands have been rewritten already, is to become; undefined leaves it as it is. */
export type Rule = (tensor: Tensor) => Tensor | undefined

export interface Rewritten {
  tensors: Tensor[]
  /** What became of any tensor, also of one that the given ones do not need. */
  of(tensor: Tensor): Tensor
}

/** Applies a rule everywhere, operands before users. Nodes that nothing changes stay the same objects. */
export function rewrite(tensors: readonly Tensor[], rule: Rule): Rewritten {
  const done = new Map<Tensor, Tensor>()
  const visit = (roots: readonly Tensor[]) => {
    for (const node of nodesOf(roots)) {
      if (node.outputs.every((output) => done.has(output))) continue
      const inputs = node.inputs.map((x) => done.get(x)!)
      const same = inputs.every((x, i) => x === node.inputs[i])
      const next = same ? node : new Node(node.operation, inputs, node.attributes)
      node.outputs.forEach((output, i) => {
        done.set(output, rule(next.outputs[i]!) ?? next.outputs[i]!)
      })
    }
  }
  visit(tensors)
  return {
    tensors: tensors.map((tensor) => done.get(tensor)!),
    of(tensor) {
      visit([tensor])
      return done.get(tensor)!
    },
  }
}
