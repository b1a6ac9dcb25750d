// Gradients of one's own, in the place of those that the operations have: reversal (Ganin et al. 2016), straight-through estimates
// (Bengio, Léonard & Courville 2013), a rule that is more exact or cheaper than what the chain rule gives.

import { sameShape } from '../dim.js'
import { apply, describe, GraphError, inputOperation, type Operation, stateOperation, type Tensor } from '../tensor.js'
import { nodesOf } from '../walk.js'

/** The value, out of the inputs. */
type Build = (inputs: readonly Tensor[]) => Tensor
/** The gradient of each input (undefined: none), out of the gradient of the value. */
type Rule = (g: Tensor, inputs: readonly Tensor[], output: Tensor) => readonly (Tensor | undefined)[]

const customOperation: Operation = {
  name: 'custom-gradient',
  infer: (inputs, { build }) => {
    const { shape, dtype } = (build as Build)(inputs)
    return [{ shape, dtype }]
  },
  decompose: (inputs, { build }) => [(build as Build)(inputs)],
  gradient({ inputs, outputs, attributes }, [g]) {
    const results = (attributes.rule as Rule)(g!, inputs, outputs[0]!)
    if (results.length !== inputs.length)
      throw new GraphError(`custom-gradient: the rule gives ${results.length} gradients for ${inputs.length} inputs: give one for each, or undefined`)
    results.forEach((result, i) => {
      if (result && !(sameShape(result.shape, inputs[i]!.shape) && result.dtype === inputs[i]!.dtype))
        throw new GraphError(`custom-gradient: the gradient ${describe(result)} does not fit the input ${describe(inputs[i]!)}`)
    })
    return results
  },
}

/**
 * `build(inputs)`, with `rule` as its gradient. What the rule gives is ordinary graph, so that it has derivatives too.
 *
 * ```ts
 * // a gradient reversal layer: the identity forward, −λ times the gradient backward
 * const reverse = (x: Tensor, lambda: number) => customGradient([x], ([x]) => x!, (g) => [mul(g, -lambda)])
 * ```
 *
 * @throws GraphError where `build` reads a parameter or an input that is not among its inputs: it would get no gradient.
 */
export function customGradient(inputs: readonly Tensor[], build: Build, rule: Rule): Tensor {
  const hidden = nodesOf([build(inputs)], new Set(inputs)).find(({ operation }) => operation === stateOperation || operation === inputOperation)
  if (hidden) throw new GraphError(`custom-gradient: the value reads ${describe(hidden.outputs[0]!)}, which is not among the inputs: add it`)
  return apply(customOperation, inputs, { build, rule })
}
