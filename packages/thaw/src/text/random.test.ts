import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hash, permutation, random } from './random.js'

test('the same seed gives the same numbers, another seed others', () => {
  const take = (seed: number) => {
    const r = random(seed)
    return Array.from({ length: 5 }, () => r.next())
  }
  assert.deepEqual(take(7), take(7))
  assert.notDeepEqual(take(7), take(8))
  assert.notDeepEqual(take(1), take(1 + 2 ** 32), 'bits above 32 count')
  // Stored: a run must not change with a release.
  assert.deepEqual(
    Array.from(
      { length: 4 },
      (
        (r) => () =>
          r.integer(1000)
      )(random(1)),
    ),
    [89, 197, 57, 997],
  )
})

test('numbers are uniform: mean, spread, and every value of a small range', () => {
  const r = random(3)
  const values = Array.from({ length: 100_000 }, () => r.next())
  const mean = values.reduce((a, b) => a + b) / values.length
  assert.ok(values.every((value) => value >= 0 && value < 1))
  assert.ok(Math.abs(mean - 0.5) < 4 * Math.sqrt(1 / 12 / values.length))
  const counts = new Array<number>(6).fill(0)
  for (let i = 0; i < 60_000; i++) counts[r.integer(6)]!++
  const chi = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0)
  assert.ok(chi < 20.5, `chi-square ${chi} with 5 degrees of freedom`) // p = 0.001
})

test('normal numbers have mean 0, variance 1 and no skew', () => {
  const r = random(5)
  const n = 100_000
  const moments = [0, 0, 0]
  for (let i = 0; i < n; i++) {
    const x = r.normal()
    for (let power = 1; power <= 3; power++) moments[power - 1]! += x ** power / n
  }
  assert.ok(Math.abs(moments[0]!) < 0.013 && Math.abs(moments[1]! - 1) < 0.02 && Math.abs(moments[2]!) < 0.05, String(moments))
})

test('shuffle keeps the elements and leaves its argument alone', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.integer(), (array, seed) => {
      const before = [...array]
      const shuffled = random(seed).shuffle(array)
      assert.deepEqual(array, before)
      assert.deepEqual([...shuffled].sort(), [...array].sort())
    }),
  )
})

test('permutation is a bijection for every size and seed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2000 }), fc.integer(), (n, seed) => {
      const order = permutation(n, seed)
      const seen = new Set(Array.from({ length: n }, (_, i) => order(i)))
      assert.equal(seen.size, n)
      assert.ok([...seen].every((value) => Number.isInteger(value) && value >= 0 && value < n))
    }),
  )
})

test('permutation spreads: every place gets every value equally often over the seeds', () => {
  for (const n of [5, 12]) {
    const counts = Array.from({ length: n }, () => new Array<number>(n).fill(0))
    const seeds = 6000
    for (let seed = 0; seed < seeds; seed++) {
      const order = permutation(n, seed)
      for (let i = 0; i < n; i++) counts[i]![order(i)]!++
    }
    const chi = counts.flat().reduce((sum, count) => sum + (count - seeds / n) ** 2 / (seeds / n), 0)
    const freedom = (n - 1) ** 2
    assert.ok(chi < freedom + 5 * Math.sqrt(2 * freedom), `n ${n}: chi-square ${chi}, ${freedom} degrees of freedom`)
  }
})

test('permutation of a large range: neighbours fall far apart', () => {
  const n = 1e9
  const order = permutation(n, 4)
  let distance = 0
  for (let i = 0; i < 10_000; i++) distance += Math.abs(order(i) - order(i + 1)) / 10_000
  assert.ok(Math.abs(distance / n - 1 / 3) < 0.02, String(distance / n))
})

test('errors say what was expected', () => {
  assert.throws(() => random(0.5), { message: 'seed: expected an integer; got 0.5' })
  assert.throws(() => random(1).integer(0), { message: 'random.integer(n): expected an integer n of at least 1; got 0' })
  assert.throws(() => permutation(0, 1), { message: 'permutation(n, seed): expected an integer n of at least 1; got 0' })
  assert.throws(() => permutation(3, 1)(3), { message: 'permutation of 3: expected an index from 0 to 2; got 3' })
})

test('hash depends on every value and their order', () => {
  assert.equal(new Set([hash(1, 2), hash(2, 1), hash(1), hash(1, 2, 0), hash(1, 2 + 2 ** 40), hash(-1, 2)]).size, 6)
})
