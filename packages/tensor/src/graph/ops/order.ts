// Control over when things run. ONNX Runtime orders nodes by depth-first search from a graph's ends (DESIGN E9), so an order is expressed as a
// dependency; and it merges equal expressions, so a recomputation must depend on something that the first computation had not.

import { gradWithin } from '../grad.js'
import { apply, GraphError, inputOperation, type Operation, stateOperation, type Tensor } from '../tensor.js'
import { nodesOf } from '../walk.js'

const afterOperation: Operation = {
  name: 'after',
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  gradient: (_node, [g]) => [g!, undefined],
  onnx(emit, { inputs }, [x, dependency]) {
    // a reshape to the same shape costs nothing, and its target waits for the dependency's shape
    const zero = emit.node('Mul', [emit.node('Shape', emit.node('Reshape', [dependency!, emit.integers([-1])]))[0]!, emit.integers([0])])
    return emit.node('Reshape', [x!, emit.node('Add', [emit.reshapeTarget(inputs[0]!.shape), zero[0]!])[0]!])
  },
}

/** x, available only when the dependency has been computed. */
export const after = (x: Tensor, dependency: Tensor): Tensor => apply(afterOperation, [x, dependency])

const checkpointOperation: Operation = {
  name: 'checkpoint',
  infer: (_, { outputs }) => (outputs as Tensor[]).map(({ shape, dtype }) => ({ shape, dtype })),
  decompose: (inputs, { build, taken }) => (build as Build)(inputs.slice(0, taken as number)),
  gradient({ inputs, attributes }, gradients, needed) {
    const build = attributes.build as Build
    const taken = attributes.taken as number
    const first = gradients.find((g) => g !== undefined)!
    const again = inputs.slice(0, taken).map((x) => after(x, first))
    const outputs = build(again)
    const wrt = inputs.map((x, i) => (i < taken ? again[i]! : x)).filter((_, i) => needed[i])
    const results = gradWithin(new Set([...again, ...inputs.slice(taken)]), outputs, wrt, gradients)
    let next = 0
    return inputs.map((_, i) => (needed[i] ? results[next++]!.contributions : undefined))
  },
}

type Build = (inputs: readonly Tensor[]) => Tensor[]

/**
 * Computes `build(inputs)`, keeps nothing of the way there for the backward pass, and computes it again when its gradient is asked for
 * (Chen et al. 2016): memory for time. Parameters and inputs that `build` uses without having been given them get their gradients as usual.
 */
export function checkpoint(inputs: readonly Tensor[], build: Build): Tensor[] {
  const outputs = build(inputs)
  if (outputs.length === 0) throw new GraphError('checkpoint: nothing was built')
  // what lies behind the inputs is not computed again, and its parameters are no concern of this node
  const captured = nodesOf(outputs, new Set(inputs))
    .filter((node) => node.operation === stateOperation || node.operation === inputOperation)
    .map((node) => node.outputs[0]!)
  const node = apply(checkpointOperation, [...inputs, ...captured], { build, outputs, taken: inputs.length }).node
  return [...node.outputs]
}
