// Draws: what may be drawn, how often, and that the sets of top-k and nucleus are never left.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { random } from '../text/random.js'
import { argmax, candidates, draw, heaviest, logProbabilities, penalizeRepetition, type Sampling } from './sample.js'

const anyLogits = fc.array(fc.float({ min: -30, max: 30, noNaN: true }), { minLength: 1, maxLength: 200 }).map((values) => Float32Array.from(values))

/** The reference: everything sorted. */
function reference(logits: Float32Array, { temperature, topK = Number.POSITIVE_INFINITY, topP = 1 }: Sampling): [number, number][] {
  const all = [...logits].map((logit, id): [number, number] => [id, Math.exp((logit - Math.max(...logits)) / temperature)])
  const kept = all.sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, topK)
  const total = kept.reduce((sum, [, weight]) => sum + weight, 0)
  let mass = 0
  const nucleus = kept.filter(([, weight]) => {
    const inside = mass < topP * total
    mass += weight
    return inside
  })
  const rest = nucleus.reduce((sum, [, weight]) => sum + weight, 0)
  return nucleus.map(([id, weight]) => [id, weight / rest])
}

describe('sampling', () => {
  test('candidates are those of the sorted reference', () => {
    fc.assert(
      fc.property(
        anyLogits,
        fc.constantFrom(0.3, 1, 2.5),
        fc.option(fc.integer({ min: 1, max: 250 }), { nil: undefined }),
        fc.option(fc.double({ min: 0.01, max: 0.999, noNaN: true }), { nil: undefined }),
        (logits, temperature, topK, topP) => {
          const sampling = { temperature, ...(topK === undefined ? {} : { topK }), ...(topP === undefined ? {} : { topP }) }
          const { ids, probabilities } = candidates(logits, sampling)
          const expected = reference(logits, sampling)
          const byId = new Map(expected)
          // sums in another order may differ in the last bit where a prefix has exactly the mass
          assert.ok(Math.abs(ids.length - expected.length) <= 1, `${ids.length} candidates instead of ${expected.length}`)
          assert.ok(Math.abs(probabilities.reduce((a, b) => a + b, 0) - 1) < 1e-9)
          if (ids.length !== expected.length) return
          ids.forEach((id, i) => {
            assert.ok(Math.abs(probabilities[i]! - byId.get(id)!) < 1e-9, `token ${id}`)
          })
        },
      ),
      { seed: 1 },
    )
  })

  test('the heaviest ids come in order, however flat or steep the weights are', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 300, noNaN: true }), { minLength: 1, maxLength: 100 }),
        fc.integer({ min: 1, max: 120 }),
        (depths, count) => {
          const weights = Float64Array.from([0, ...depths], (depth) => Math.exp(-depth))
          const sorted = [...weights.keys()].sort((a, b) => weights[b]! - weights[a]! || a - b)
          assert.deepEqual([...heaviest(weights, count).subarray(0, count)], sorted.slice(0, count))
        },
      ),
      { seed: 1 },
    )
  })

  test('a large vocabulary: the nucleus is the smallest set with its mass', () => {
    const { normal } = random(4)
    const logits = Float32Array.from({ length: 50_257 }, () => 3 * normal())
    const { ids } = candidates(logits, { temperature: 1, topP: 0.9 })
    const p = logProbabilities(logits).map(Math.exp)
    const mass = ids.reduce((sum, id) => sum + p[id]!, 0)
    assert.ok(mass >= 0.9 - 1e-12 && mass - p[ids.at(-1)!]! < 0.9)
    const least = p[ids.at(-1)!]!
    assert.equal(p.filter((value) => value > least).length, ids.length - 1)
  })

  test('temperature 0 and ties: the first of the most probable', () => {
    const logits = Float32Array.of(1, 3, 2, 3)
    assert.equal(argmax(logits), 1)
    assert.deepEqual(candidates(logits, { temperature: 0 }), { ids: Int32Array.of(1), probabilities: Float64Array.of(1) })
    assert.deepEqual([...candidates(logits, { temperature: 1, topK: 2 }).ids], [1, 3])
  })

  for (const temperature of [0.5, 1, 2])
    test(`20,000 draws at temperature ${temperature} have the distribution's frequencies`, () => {
      const logits = Float32Array.of(0, 1, 2, -1, 0.5)
      const expected = reference(logits, { temperature })
      const generator = random(3)
      const counts = new Map<number, number>()
      const n = 20_000
      for (let i = 0; i < n; i++) {
        const id = draw(candidates(logits, { temperature }), generator)
        counts.set(id, (counts.get(id) ?? 0) + 1)
      }
      // Pearson's χ² with 4 degrees of freedom: above 18.5 once in a thousand times
      const chi = expected.reduce((sum, [id, p]) => sum + ((counts.get(id) ?? 0) - n * p) ** 2 / (n * p), 0)
      assert.ok(chi < 18.5, `χ² ${chi}`)
    })

  test('draws never leave the set', () => {
    const { normal } = random(5)
    const generator = random(6)
    for (let round = 0; round < 200; round++) {
      const logits = Float32Array.from({ length: 60 }, () => 2 * normal())
      const ranks = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!)
      const nucleus = new Set(reference(logits, { temperature: 1, topP: 0.7 }).map(([id]) => id))
      for (let i = 0; i < 20; i++) {
        assert.ok(ranks.indexOf(draw(candidates(logits, { temperature: 1, topK: 5 }), generator)) < 5)
        assert.ok(nucleus.has(draw(candidates(logits, { temperature: 1, topP: 0.7 }), generator)))
      }
    }
  })

  test('repetition: positive logits shrink, negative ones grow, others stay', () => {
    const logits = Float32Array.of(2, -2, 4, -4)
    assert.deepEqual([...penalizeRepetition(logits, [0, 1, 0], 2)], [1, -4, 4, -4])
    assert.equal(penalizeRepetition(logits, [0], 1), logits)
  })

  test('log-probabilities sum to one, also of extreme logits', () => {
    const sum = logProbabilities(Float32Array.of(1000, 999, -1000)).reduce((total, x) => total + Math.exp(x), 0)
    assert.ok(Math.abs(sum - 1) < 1e-12)
  })
})
