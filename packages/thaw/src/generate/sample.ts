// Choosing the next token from its logits: the most probable one, or a draw from the distribution, made sharper (temperature) or cut to its head:
// the k most probable tokens (Fan et al. 2018), or the nucleus, the smallest set that holds a share p of the probability (Holtzman et al. 2020).

import type { Random } from '../text/random.js'

export interface Sampling {
  /** Logits are divided by it: below 1 sharper, above 1 flatter. 0 takes the most probable token. */
  temperature: number
  /** Keep so many tokens. */
  topK?: number
  /** Keep the nucleus of this share; of what topK kept, where both are given. */
  topP?: number
}

/** Tokens that may be drawn (the most probable first, where the rest was cut off), and their probabilities, which sum to 1. */
export interface Candidates {
  ids: Int32Array
  probabilities: Float64Array
}

/** The id of the largest logit; the first of several. */
export function argmax(logits: Float32Array): number {
  let best = 0
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id
  return best
}

/** What may be drawn, and with which probability. */
export function candidates(logits: Float32Array, { temperature, topK, topP }: Sampling): Candidates {
  if (temperature === 0) return { ids: Int32Array.of(argmax(logits)), probabilities: Float64Array.of(1) }
  const top = logits[argmax(logits)]!
  const weights = new Float64Array(logits.length)
  let total = 0
  for (let id = 0; id < weights.length; id++) {
    weights[id] = Math.exp((logits[id]! - top) / temperature)
    total += weights[id]!
  }
  const massOf = (some: Int32Array) => some.reduce((sum, id) => sum + weights[id]!, 0)
  let ids: Int32Array
  if (topK !== undefined) {
    ids = heaviest(weights, topK).subarray(0, topK)
    if (topP !== undefined) ids = ids.subarray(0, nucleus(ids, weights, topP * massOf(ids)))
  } else if (topP !== undefined) {
    ids = heaviest(weights, logits.length, topP * total)
    ids = ids.subarray(0, nucleus(ids, weights, topP * total))
  } else ids = Int32Array.from(weights.keys())
  const mass = massOf(ids)
  return { ids, probabilities: Float64Array.from(ids, (id) => weights[id]! / mass) }
}

/** The length of the shortest prefix with this mass. */
function nucleus(ids: Int32Array, weights: Float64Array, mass: number): number {
  let sum = 0
  for (let i = 0; i < ids.length; i++) {
    sum += weights[ids[i]!]!
    if (sum >= mass) return i + 1
  }
  return ids.length
}

/**
 * At least the `count` ids of the largest weights, or those that make up `mass`, in descending order. The largest weight is 1.
 * Only what is near the top is sorted, because a vocabulary is large.
 */
export function heaviest(weights: Float64Array, count: number, mass = Number.POSITIVE_INFINITY): Int32Array {
  for (let floor = 1 / 64; ; floor = floor > 1e-200 ? floor / 4096 : 0) {
    const ids: number[] = []
    let sum = 0
    for (let id = 0; id < weights.length; id++)
      if (weights[id]! >= floor) {
        ids.push(id)
        sum += weights[id]!
      }
    if (ids.length >= count || sum >= mass || floor === 0) return Int32Array.from(ids).sort((a, b) => weights[b]! - weights[a]! || a - b)
  }
}

/** One of the candidates. */
export function draw({ ids, probabilities }: Candidates, random: Random): number {
  let left = random.next()
  for (let i = 0; i < ids.length - 1; i++) {
    left -= probabilities[i]!
    if (left < 0) return ids[i]!
  }
  return ids[ids.length - 1]!
}

/** Makes tokens of a text less likely: positive logits are divided by the penalty, negative ones multiplied (Keskar et al. 2019, section 4.1). */
export function penalizeRepetition(logits: Float32Array, text: readonly number[], penalty: number): Float32Array {
  if (penalty === 1) return logits
  const result = logits.slice()
  for (const id of new Set(text)) result[id] = logits[id]! > 0 ? logits[id]! / penalty : logits[id]! * penalty
  return result
}

/** ln softmax(logits), in double precision. */
export function logProbabilities(logits: Float32Array): Float64Array {
  const top = logits[argmax(logits)]!
  let sum = 0
  for (const logit of logits) sum += Math.exp(logit - top)
  const normalizer = top + Math.log(sum)
  return Float64Array.from(logits, (logit) => logit - normalizer)
}
