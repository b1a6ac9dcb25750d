// Simplification of a graph that was written by others: composite nodes are recognised in their parts, so that they get the gradients and kernels
// that composites have (DESIGN E4), and transposes are merged and absorbed.

import { type Rewritten, type Rule, rewrite } from '../rewrite.js'
import type { Tensor } from '../tensor.js'
import { recogniseAttention } from './attention.js'
import { recogniseGelu } from './gelu.js'
import { recogniseLayerNorm } from './layer-norm.js'
import { recogniseLinear } from './linear.js'
import { absorbTransposes, mergeTransposes, transposeThroughReshape } from './transposes.js'

const first =
  (...rules: readonly Rule[]): Rule =>
  (tensor) => {
    for (const rule of rules) {
      const found = rule(tensor)
      if (found) return found
    }
    return undefined
  }

/** Attention looks for plain products, so it comes before they take up transposes. */
const stages: readonly Rule[] = [
  first(mergeTransposes, transposeThroughReshape),
  first(recogniseAttention, recogniseLayerNorm, recogniseGelu, absorbTransposes),
  recogniseLinear,
]

/** The same values, by composite nodes where their parts are recognised. */
export function simplify(tensors: readonly Tensor[]): Rewritten {
  const passes: Rewritten[] = []
  for (const rule of stages) passes.push(rewrite(passes.at(-1)?.tensors ?? tensors, rule))
  return { tensors: passes.at(-1)!.tensors, of: (tensor) => passes.reduce((x, pass) => pass.of(x), tensor) }
}
