import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemory } from '../memory.js'
import { createKernels } from './kernels.js'
import * as reference from './reference.js'

const memory = createMemory(1 << 23)
const kernels = createKernels(memory.memory)
const seed = { low: 0xdeadbeef, high: 0x9abcdef0 }
const view = (n: number) => memory.float32(memory.allocate(n * 4), n)

test("the reference gives Random123's known answers", () => {
  assert.deepEqual(reference.philox([0, 0, 0, 0], { low: 0, high: 0 }), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8])
  const pi = reference.philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], { low: 0xa4093822, high: 0x299f31d0 })
  assert.deepEqual(pi, [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1])
})

test('the kernels follow the reference, for any length, and a longer pool has the same beginning', () => {
  for (const n of [1, 2, 3, 4, 5, 15, 16, 17, 31, 250]) {
    memory.releaseAll()
    const x = view(n + 1)
    x.fill(9)
    kernels.uniform(x.byteOffset, n, seed)
    for (let i = 0; i < n; i++) assert.equal(x[i], reference.uniform(i, seed))
    kernels.keepMask(x.byteOffset, n, seed, 0.25)
    for (let i = 0; i < n; i++) assert.equal(x[i], reference.uniform(i, seed) < 0.25 ? 0 : Math.fround(1 / 0.75))
    kernels.normal(x.byteOffset, n, seed, 2)
    for (let i = 0; i < n; i++) assert.ok(Math.abs(x[i]! - reference.normal(i, seed, 2)) < 4e-6, `${n}[${i}] ${x[i]} ${reference.normal(i, seed, 2)}`)
    assert.equal(x[n], 9)
  }
})

test('a million normals have the moments, the tails and no correlation between neighbours', () => {
  memory.releaseAll()
  const n = 1_000_000
  const x = view(n)
  kernels.normal(x.byteOffset, n, seed, 1)
  const mean = (f: (value: number, i: number) => number) => x.reduce((sum, value, i) => sum + f(value, i), 0) / n
  assert.ok(Math.abs(mean((v) => v)) < 0.004)
  assert.ok(Math.abs(mean((v) => v * v) - 1) < 0.006)
  assert.ok(Math.abs(mean((v) => v ** 4) - 3) < 0.05)
  assert.ok(Math.abs(mean((v) => Number(Math.abs(v) > 3)) - 0.0027) < 0.0002)
  assert.ok(Math.abs(mean((v, i) => v * (x[i + 1] ?? 0))) < 0.004)
})

test('masks drop at their rate, keep the mean, and differ between seeds', () => {
  memory.releaseAll()
  const n = 1_000_000
  const [x, y] = [view(n / 2), view(n / 2)]
  kernels.keepMask(x.byteOffset, n / 2, seed, 0.1)
  kernels.keepMask(y.byteOffset, n / 2, { low: seed.low + 1, high: seed.high }, 0.1)
  const dropped = x.reduce((count, value) => count + Number(value === 0), 0) / x.length
  assert.ok(Math.abs(dropped - 0.1) < 0.002)
  assert.ok(Math.abs(x.reduce((sum, value) => sum + value, 0) / x.length - 1) < 0.003)
  const both = x.reduce((count, value, i) => count + Number(value === 0 && y[i] === 0), 0) / x.length
  assert.ok(Math.abs(both - 0.01) < 0.001)
  assert.throws(() => kernels.keepMask(x.byteOffset, 1, seed, 1), { message: 'keepMask: rate must be at least 0 and below 1, got 1' })
})
