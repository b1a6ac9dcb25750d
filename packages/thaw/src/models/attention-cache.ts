// Attention over tokens that were read before: their keys and values are kept in a store with room for a fixed number of places (DESIGN E1, E2),
// so that a new token costs its own products and one look at what is kept, not the whole text again.

import { type Dim, dim, input, ops, state, type Tensor, type Update } from '@thaw/tensor'
import type { TransformerConfig } from './config.js'

export interface AttentionCache {
  /** Places there are room for. */
  capacity: Dim
  /** Additive bias [batch, 1, 1, capacity] that hides places without a token. */
  bias: Tensor
  /** The first free place, i32 scalar. */
  offset: Tensor
  /** What a program has to do so that the new tokens are kept; filled while the graph is built. */
  updates: Update[]
}

/** The namespace of kept keys and values. */
export const cacheNamespace = 'cache'

/** The inputs of a cache: `kept`, true at places that hold a token, bool [batch, capacity]; `offset`, i32 scalar. */
export function attentionCache(): AttentionCache {
  const capacity = dim('capacity')
  const kept = input('kept', [dim('batch'), capacity], 'bool')
  const bias = ops.maskBias(ops.unsqueeze(ops.unsqueeze(kept, 1), 1))
  return { capacity, bias, offset: input('offset', [], 'i32'), updates: [] }
}

/** Paths and shapes of what a cache's store holds. */
export function cacheShapes({ layers, heads, hidden }: TransformerConfig, batch: number, capacity: number): [string, number[]][] {
  const shape = [batch, heads, capacity, hidden / heads]
  return Array.from({ length: layers }, (_, n) => n).flatMap((n) =>
    ['key', 'value'].map((kind): [string, number[]] => [cachePath(`layers.${n}.attention`, kind), shape]),
  )
}

const cachePath = (path: string, kind: string) => `${path}.${kind}`

/**
 * Attention of new tokens to kept ones and to each other; the new keys and values are kept from `offset` on.
 *
 * The two parts of the scores are joined, not the keys themselves: a join of the keys would copy the whole cache for every token.
 * q, k, v [batch, heads, time, width], bias for the new part [batch | 1, 1, time, time] → [batch, heads, time, width].
 */
export function cachedAttention(cache: AttentionCache, path: string, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | undefined): Tensor {
  const [batch, heads, , width] = q.shape as [Dim, number, Dim, number]
  const shape = [batch, heads, cache.capacity, width]
  const [keys, values] = ['key', 'value'].map((kind) => state(cacheNamespace, cachePath(path, kind), shape)) as [Tensor, Tensor]
  cache.updates.push({ kind: 'slice', state: keys, axis: 2, offset: cache.offset, values: k })
  cache.updates.push({ kind: 'slice', state: values, axis: 2, offset: cache.offset, values: v })
  const product = { transB: true, alpha: 1 / Math.sqrt(width) }
  const before = ops.add(ops.matmul(q, keys, product), cache.bias) // [batch, heads, time, capacity]
  const among = ops.matmul(q, k, product) // [batch, heads, time, time]
  const probabilities = ops.softmax(ops.concat([before, bias ? ops.add(among, bias) : among], -1))
  const old = ops.slice(probabilities, -1, 0, cache.capacity)
  return ops.add(ops.matmul(old, values), ops.matmul(ops.slice(probabilities, -1, cache.capacity), v))
}
