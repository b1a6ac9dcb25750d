// Scaled dot-product attention (Vaswani et al. 2017, section 3.2.1) as one node: softmax(scale · q kᵀ + bias) v.

import { broadcast, expectOneType, expectType } from '../broadcast.js'
import { type Dim, type Shape, sameShape, subtractDims } from '../dim.js'
import { throughDecomposition } from '../grad.js'
import { applyAll, describe, GraphError, type Operation, type Tensor } from '../tensor.js'
import { lessEqual, where } from './compare.js'
import { add, mul, sub } from './elementwise.js'
import { matmul } from './matmul.js'
import { sum } from './reduce.js'
import { dimension, range, unsqueeze } from './shape.js'
import { softmax } from './softmax.js'

/** A large negative bias instead of −∞: a row without any visible key becomes uniform instead of NaN. */
const hidden = -1e30

export interface AttentionOptions {
  /** A visible key is true: [batch | 1, heads | 1, queries | 1, keys]; or an additive bias (f32) of such a shape. */
  mask?: Tensor
  /** Hide later keys. Queries are the last positions of the keys. */
  causal?: boolean
  /** Default 1/√headDim. */
  scale?: number
  /** A dropout mask for the probabilities: 0 or 1/(1 − rate). */
  keep?: Tensor
}

const operands = (inputs: readonly Tensor[], { bias, keep }: { bias?: boolean; keep?: boolean }) => ({
  q: inputs[0]!,
  k: inputs[1]!,
  v: inputs[2]!,
  bias: bias ? inputs[3]! : undefined,
  keep: keep ? inputs[bias ? 4 : 3]! : undefined,
})

/** Outputs: the mixture [batch, heads, queries, headDim] and the probabilities [batch, heads, queries, keys]. */
const attentionOperation: Operation = {
  name: 'attention',
  infer(inputs, attributes) {
    const { q, k, v, bias, keep } = operands(inputs, attributes)
    for (const x of [q, k, v]) {
      expectType('attention', x, ['f32', 'f16', 'bf16'])
      if (x.rank !== 4) throw new GraphError(`attention: ${describe(x)}: expected [batch, heads, time, headDim]`)
    }
    expectOneType('attention', inputs)
    const [batch, heads, , width] = q.shape as [Dim, Dim, Dim, Dim]
    if (!sameShape(k.shape, [batch, heads, k.shape[2]!, width]) || !sameShape(v.shape, [batch, heads, k.shape[2]!, v.shape[3]!]))
      throw new GraphError(`attention: queries ${describe(q)}, keys ${describe(k)} and values ${describe(v)} do not fit together`)
    const scores: Shape = [q.shape[0]!, q.shape[1]!, q.shape[2]!, k.shape[2]!]
    for (const mask of [bias, keep]) {
      const result = mask && broadcast(mask.shape, scores)
      if (mask && (!result || !sameShape(result, scores)))
        throw new GraphError(`attention: the mask ${describe(mask)} does not broadcast to the scores [${scores.join(', ')}]`)
    }
    return [
      { shape: [q.shape[0]!, q.shape[1]!, q.shape[2]!, v.shape[3]!], dtype: q.dtype },
      { shape: scores, dtype: q.dtype },
    ]
  },
  decompose(inputs, attributes) {
    const { q, k, v, bias, keep } = operands(inputs, attributes)
    const scores = matmul(q, k, { transB: true, alpha: attributes.scale as number })
    const probabilities = softmax(bias ? add(scores, bias) : scores)
    return [matmul(keep ? mul(probabilities, keep) : probabilities, v), probabilities]
  },
  gradient(node, [g, direct], needed) {
    const { inputs, outputs, attributes } = node
    // a trained bias, or a loss on the probabilities themselves: the general way
    if (direct || (attributes.bias && needed[3])) return throughDecomposition(node, [g, direct], needed)
    const { q, k, v, keep } = operands(inputs, attributes)
    const [dq, dk, dv] = applyAll(attentionGradient, [q, k, v, outputs[0]!, outputs[1]!, g!, ...(keep ? [keep] : [])], { scale: attributes.scale })
    return [needed[0] ? dq! : undefined, needed[1] ? dk! : undefined, needed[2] ? dv! : undefined]
  },
}

/** dS = P ∘ (dP − Σ dO∘O): the row sums come from the output, which is headDim wide, instead of from the probabilities (DESIGN D2c). */
const attentionGradient: Operation = {
  name: 'attention-gradient',
  infer: ([q, k, v]) => [q!, k!, v!].map(({ shape, dtype }) => ({ shape, dtype })),
  decompose([q, k, v, output, probabilities, g, keep], { scale }) {
    const kept = keep ? mul(probabilities!, keep) : probabilities!
    const dv = matmul(kept, g!, { transA: true })
    const upstream = matmul(g!, v!, { transB: true })
    const dp = keep ? mul(upstream, keep) : upstream
    const ds = mul(probabilities!, sub(dp, sum(mul(g!, output!), -1, true)))
    const alpha = { alpha: scale as number }
    return [matmul(ds, k!, alpha), matmul(ds, q!, { ...alpha, transA: true }), dv]
  },
}

/** Additive bias [queries, keys] that hides later keys; queries are the last positions of the keys. */
export function causalBias(queries: Dim, keys: Dim): Tensor {
  const before = subtractDims(keys, queries)
  const rows = add(unsqueeze(range(queries), 1), dimension(before))
  return where(lessEqual(unsqueeze(range(keys), 0), rows), 0, hidden)
}

/** An additive bias out of a mask in which visible keys are true. */
export const maskBias = (visible: Tensor): Tensor => (visible.dtype === 'bool' ? where(visible, 0, hidden) : visible)

/** softmax(scale · q kᵀ) v. q [batch, heads, queries, headDim], k, v [batch, heads, keys, headDim]. */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  return attentionWithProbabilities(q, k, v, options).output
}

/** As {@link attention}, with the probabilities [batch, heads, queries, keys] to look at. */
export function attentionWithProbabilities(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions = {},
): { output: Tensor; probabilities: Tensor } {
  const width = q.shape.at(-1)
  if (options.scale === undefined && typeof width !== 'number')
    throw new GraphError(`attention: the head size of ${describe(q)} must be fixed, or give a scale`)
  const masks = [options.causal ? causalBias(q.shape[2]!, k.shape[2]!) : undefined, options.mask ? maskBias(options.mask) : undefined].filter(
    (x) => x !== undefined,
  )
  const bias = masks.length === 2 ? add(masks[0]!, masks[1]!) : masks[0]
  const [output, probabilities] = applyAll(attentionOperation, [q, k, v, ...(bias ? [bias] : []), ...(options.keep ? [options.keep] : [])], {
    scale: options.scale ?? 1 / Math.sqrt(width as number),
    bias: bias !== undefined,
    keep: options.keep !== undefined,
  })
  return { output: output!, probabilities: probabilities! }
}
