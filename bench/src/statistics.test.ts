import assert from 'node:assert/strict'
import { test } from 'node:test'
import { best, deviation, mean, median, pairedBootstrap, quantile, verdict } from './statistics.js'

const near = (actual: number, expected: number, tolerance: number) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `expected ${expected} ± ${tolerance}, got ${actual}`)

test('mean, median, quantile and deviation', () => {
  assert.equal(mean([1, 2, 6]), 3)
  assert.equal(median([3, 1, 2, 10]), 2.5)
  assert.equal(median([5]), 5)
  assert.equal(quantile([1, 2, 3, 4, 5], 0.25), 2)
  assert.equal(quantile([1, 2], 1), 2)
  assert.equal(deviation([1, 2, 3]), 1)
  assert.equal(deviation([7]), 0)
  assert.ok(Number.isNaN(mean([])) && Number.isNaN(median([])) && Number.isNaN(deviation([])))
})

/** 0/1 scores with the given number right, spread so that two systems' errors do not fall on the same questions. */
const answers = (questions: number, wrongAt: (question: number) => boolean) => Array.from({ length: questions }, (_, q) => (wrongAt(q) ? 0 : 1))

test('the interval of a difference has the width that theory gives', () => {
  // 400 questions: ours is wrong on 40, the peer on 80 others. Var(d) = (40 + 80)/400 - 0.1² = 0.29; standard error 0.0269.
  const ours = [answers(400, (q) => q < 40)]
  const peer = [answers(400, (q) => q >= 100 && q < 180)]
  const { difference, low, high } = pairedBootstrap(ours, peer, { seed: 3 })
  near(difference, 0.1, 1e-12)
  near(low, 0.1 - 1.96 * 0.0269, 0.004)
  near(high, 0.1 + 1.96 * 0.0269, 0.004)
  assert.equal(verdict({ difference, low, high }), 'better')
})

test('pairing removes what the systems share: the same errors give no spread', () => {
  const same = [answers(200, (q) => q % 3 === 0)]
  assert.deepEqual(pairedBootstrap(same, same, { resamples: 500 }), { difference: 0, low: 0, high: 0 })
})

test('the spread over seeds is part of the interval', () => {
  const flat = [answers(100, () => false)]
  const seeds = [answers(100, () => false), answers(100, (q) => q < 20)]
  const { difference, low, high } = pairedBootstrap(seeds, flat, { resamples: 2000, seed: 1 })
  near(difference, -0.1, 1e-12)
  assert.ok(low < -0.2 && high === 0, `[${low}, ${high}]`)
})

test('the same seed gives the same interval', () => {
  const ours = [answers(50, (q) => q % 5 === 0)]
  const peer = [answers(50, (q) => q % 7 === 0)]
  assert.deepEqual(pairedBootstrap(ours, peer, { seed: 9, resamples: 300 }), pairedBootstrap(ours, peer, { seed: 9, resamples: 300 }))
})

test('systems that answered different questions are refused', () => {
  assert.throws(
    () => pairedBootstrap([[1, 0]], [[1, 0, 1]]),
    new RangeError('pairedBootstrap: peer seed 0 has 3 questions, expected 2; both systems must answer the same questions'),
  )
  assert.throws(() => pairedBootstrap([], [[1]]), new RangeError('pairedBootstrap: ours has no scores; expected [seeds][questions]'))
})

test('verdicts', () => {
  assert.equal(verdict({ difference: 0, low: -0.004, high: 0.005 }), 'as good as')
  assert.equal(verdict({ difference: 0.003, low: 0.001, high: 0.004 }), 'as good as')
  assert.equal(verdict({ difference: -0.05, low: -0.08, high: -0.01 }), 'worse')
  assert.equal(verdict({ difference: 0.01, low: -0.01, high: 0.03 }), 'undecided')
})

test('the best of several, of equals the first', () => {
  assert.equal(best(['a', 'b', 'c', 'd'], [1, 3, 3, 2]), 'b')
})
