// Scaled dot-product attention out of its parts: softmax(scale · q kᵀ + biases) v, whatever is scaled (q, k, both, the scores), however the mask
// comes in (added, or put in the place of hidden scores), with and without the guard that PyTorch's export puts after the softmax.

import { broadcast } from '../broadcast.js'
import { type Shape, sameDim, sameShape } from '../dim.js'
import { attention } from '../ops/attention.js'
import { equal, where } from '../ops/compare.js'
import { add, maximum, mul } from '../ops/elementwise.js'
import { max } from '../ops/reduce.js'
import { squeeze, unsqueeze } from '../ops/shape.js'
import type { Tensor } from '../tensor.js'
import { factorsOf, is, numberOf, operandsOf, termsOf } from './match.js'
import { swapped } from './transposes.js'

/** A score this far below others counts for nothing in f32, so replacing a score by it and adding it to the score are the same. */
const enough = -1e8

interface Scores {
  q: Tensor
  k: Tensor
  scale: number
  biases: Tensor[]
}

/** matmul(softmax(scores), v) → attention. */
export function recogniseAttention(tensor: Tensor): Tensor | undefined {
  const [left, v] = operandsOf(tensor, 'matmul') ?? []
  const { transA, transB, alpha } = tensor.node.attributes
  if (!left || !v || transA || alpha !== 1 || left.rank !== v.rank || (v.rank !== 3 && v.rank !== 4)) return undefined
  const guarded = unguarded(left)
  const [logits] = operandsOf(guarded ?? left, 'softmax') ?? []
  if (!logits || (guarded ?? left).node.attributes.axis !== logits.rank - 1) return undefined
  const found = scoresOf(logits)
  if (!found) return undefined
  const { q, k, scale } = found
  const values = transB ? swapped(v) : v
  const lead = q.shape.slice(0, -2)
  if (!sameShape(lead, k.shape.slice(0, -2)) || !sameShape(lead, values.shape.slice(0, -2))) return undefined
  if (!sameDim(k.shape.at(-2)!, values.shape.at(-2)!) || !found.biases.every((bias) => fits(bias, logits.shape))) return undefined
  // three axes are four with a single head
  const four = (x: Tensor) => (x.rank === 3 ? unsqueeze(x, 1) : x)
  const bias = found.biases.length > 0 ? found.biases.reduce(add) : undefined
  const full = bias && bias.rank < logits.rank ? lift(bias, logits.rank) : bias
  const mask = full && four(full)
  const y = attention(four(q), four(k), four(values), { scale, ...(mask ? { mask: guarded ? maximum(mask, hidden) : mask } : {}) })
  const kept = guarded && mask ? mul(y, visibleRows(mask)) : y
  return tensor.rank === 3 ? squeeze(kept, 1) : kept
}

/** Finite, so that a row without any visible key has no NaN in it, as in {@link attention}'s own masks. */
const hidden = -1e30

/** Leading axes of size 1, up to the rank. */
const lift = (x: Tensor, rank: number): Tensor => (x.rank === rank ? x : lift(unsqueeze(x, 0), rank))

function fits(bias: Tensor, scores: Shape): boolean {
  const result = broadcast(bias.shape, scores)
  return result !== undefined && sameShape(result, scores)
}

/** 0 for a query that sees no key at all, 1 for others: [batch | 1, heads | 1, queries | 1, 1]. What the guard after the softmax did. */
const visibleRows = (bias: Tensor): Tensor => where(equal(max(bias, -1, true), Number.NEGATIVE_INFINITY), 0, 1)

/** p of where(isnan(p), 0, p): PyTorch's guard for rows in which everything is −∞. */
function unguarded(tensor: Tensor): Tensor | undefined {
  const [condition, zero, p] = operandsOf(tensor, 'where') ?? []
  if (!condition || !zero || !p || numberOf(zero) !== 0) return undefined
  const [same] = operandsOf(condition, 'not') ?? []
  const [a, b] = same ? (operandsOf(same, 'equal') ?? []) : []
  return a === p && b === p ? p : undefined
}

/** Takes sums, masks and scales off the scores until the product of queries and keys is left. */
function scoresOf(logits: Tensor): Scores | undefined {
  const biases: Tensor[] = []
  let product: Tensor | undefined
  for (const term of termsOf(logits)) {
    if (!product && holdsProduct(term)) product = term
    else biases.push(term)
  }
  if (!product) return undefined
  const masked = maskedOf(product)
  if (masked) {
    const inner = scoresOf(masked.scores)
    return inner && { ...inner, biases: [...inner.biases, masked.bias, ...biases] }
  }
  const { scale, factors } = factorsOf(product)
  const [a, b] = factors.length === 1 ? (operandsOf(factors[0]!, 'matmul') ?? []) : []
  if (!a || !b) return undefined
  const { transA, transB, alpha } = factors[0]!.node.attributes as { transA: boolean; transB: boolean; alpha: number }
  const [left, right] = [factorsOf(a), factorsOf(b)]
  const one = left.factors.length === 1 && right.factors.length === 1
  const q = one ? left.factors[0]! : a
  const k = one ? right.factors[0]! : b
  if (transA || !sameShape(q.shape, a.shape) || !sameShape(k.shape, b.shape)) return undefined
  return { q, k: transB ? k : swapped(k), scale: scale * alpha * (one ? left.scale * right.scale : 1), biases }
}

const holdsProduct = (term: Tensor): boolean => maskedOf(term) !== undefined || factorsOf(term).factors.some((factor) => is(factor, 'matmul'))

/** Scores and an additive mask, where hidden scores are replaced by a large negative number. */
function maskedOf(tensor: Tensor): { scores: Tensor; bias: Tensor } | undefined {
  const [condition, a, b] = operandsOf(tensor, 'where') ?? []
  if (!condition || !a || !b || !sameShape(tensor.shape, (numberOf(b) === undefined ? b : a).shape)) return undefined
  const [low, high] = [numberOf(b), numberOf(a)]
  if (low !== undefined && low <= enough) return { scores: a, bias: where(condition, 0, low) }
  return high !== undefined && high <= enough ? { scores: b, bias: where(condition, high, 0) } : undefined
}
