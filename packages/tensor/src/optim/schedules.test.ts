import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constant, cosine, inverseSquareRoot, linear, type Schedule, slantedTriangular } from './schedules.js'

const near = (schedule: Schedule, expected: Readonly<Record<number, number>>) => {
  for (const [step, factor] of Object.entries(expected))
    assert.ok(Math.abs(schedule(Number(step)) - factor) < 1e-12, `step ${step}: ${schedule(Number(step))}, expected ${factor}`)
}

test('constant, with and without warm-up', () => {
  near(constant(), { 0: 1, 1000: 1 })
  near(constant({ warmup: 3 }), { 0: 1 / 4, 1: 2 / 4, 2: 3 / 4, 3: 1, 99: 1 })
})

test('linear: up, down to 0 or to a floor, and no further', () => {
  near(linear({ total: 10 }), { 0: 1, 5: 0.5, 9: 0.1, 10: 0, 12: 0 })
  near(linear({ total: 14, warmup: 4 }), { 0: 0.2, 3: 0.8, 4: 1, 9: 0.5, 14: 0 })
  near(linear({ total: 10, floor: 0.2 }), { 0: 1, 5: 0.6, 10: 0.2, 20: 0.2 })
})

test('cosine: half a wave after the warm-up', () => {
  near(cosine({ total: 8 }), { 0: 1, 2: 0.5 * (1 + Math.SQRT1_2), 4: 0.5, 8: 0, 100: 0 })
  near(cosine({ total: 10, warmup: 2, floor: 0.1 }), { 0: 1 / 3, 2: 1, 6: 0.55, 10: 0.1 })
})

test('inverse square root: the peak is at the last step of the warm-up', () => {
  near(inverseSquareRoot({ warmup: 4 }), { 0: 0.25, 3: 1, 15: 0.5, 99: 0.2 })
  near(inverseSquareRoot(), { 0: 1, 3: 0.5 })
  near(inverseSquareRoot({ warmup: 0 }), { 0: 1, 3: 0.5 })
})

test("slanted triangular: the paper's equation 3 with its cut_frac 0.1 and ratio 32", () => {
  // written out as printed: cut = ⌊T·cut_frac⌋, p = t/cut or 1 − (t − cut)/(cut·(1/cut_frac − 1)), η = (1 + p(ratio − 1))/ratio
  const [T, share, ratio] = [200, 0.1, 32]
  const cut = Math.floor(T * share)
  const printed = (t: number) => (1 + (t < cut ? t / cut : 1 - (t - cut) / (cut * (1 / share - 1))) * (ratio - 1)) / ratio
  const schedule = slantedTriangular({ total: T })
  for (let t = 0; t <= T; t++) near(schedule, { [t]: printed(t) })
  near(schedule, { 0: 1 / 32, 20: 1, 200: 1 / 32, 300: 1 / 32 })
  // where T·cut_frac is not whole the printed form would fall below 1/32, even below 0
  for (const total of [3, 7, 25]) {
    const all = Array.from({ length: total + 1 }, (_, t) => slantedTriangular({ total })(t))
    assert.ok(all.every((factor) => factor >= 1 / 32 - 1e-12 && factor <= 1))
    assert.ok(Math.max(...all) === 1)
  }
})

test('settings that make no sense are refused', () => {
  assert.throws(() => linear({ total: 0 }), { message: 'linear: 0 steps in all: expected above 0' })
  assert.throws(() => cosine({ total: 10, warmup: -1 }), { message: 'cosine: warm-up of -1 steps: expected at least 0' })
  assert.throws(() => linear({ total: 10, floor: 2 }), { message: 'linear: floor 2: expected a factor from 0 to 1' })
  assert.throws(() => slantedTriangular({ total: 10, cutFraction: 1 }), { message: 'slanted triangular: cut fraction 1: expected between 0 and 1' })
  assert.throws(() => slantedTriangular({ total: 10, ratio: 0.5 }), { message: 'slanted triangular: ratio 0.5: expected at least 1' })
})
