// Every kernel against its plain reference: lengths around the unrolled widths, starts off the 16-byte grid, denormals and non-finite values.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemory } from '../memory.js'
import { createKernels } from './kernels.js'
import * as reference from './reference.js'

const memory = createMemory(1 << 20)
const kernels = createKernels(memory.memory)
const lengths = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 67, 257]

/** Deterministic floats in [-1, 1). */
const floats = (n: number, salt: number): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => 2 * reference.uniform(i, { low: salt, high: 7 }) - 1)

/** Copies values into the memory, one float past alignment, with guards around them; the check says that nothing outside was written. */
function place(values: Float32Array): { pointer: number; view: Float32Array; guarded: () => void } {
  const all = memory.float32(memory.allocate((values.length + 3) * 4), values.length + 3)
  all.fill(12_345)
  all.set(values, 1)
  const guarded = () => assert.deepEqual([all[0], all.at(-1), all.at(-2)], [12_345, 12_345, 12_345])
  return { pointer: all.byteOffset + 4, view: all.subarray(1, values.length + 1), guarded }
}

/** Within a few roundings of terms of size 1 (sums of such terms cancel). */
function close(actual: Float32Array, expected: Float32Array, tolerance = 3e-7): void {
  assert.equal(actual.length, expected.length)
  for (let i = 0; i < actual.length; i++) {
    const [a, e] = [actual[i]!, expected[i]!]
    assert.ok(Object.is(a, e) || a === e || Math.abs(a - e) <= tolerance * Math.max(Math.abs(e), 1), `[${i}] ${a}, expected ${e}`)
  }
}

/** Runs a kernel on `count` arrays and its reference on copies, for every length, and compares all arrays. */
function compare(count: number, kernel: (n: number, ...pointers: number[]) => void, plain: (...arrays: Float32Array[]) => void): void {
  for (const n of lengths) {
    memory.releaseAll()
    const inputs = Array.from({ length: count }, (_, k) => floats(n, k + 1))
    const placed = inputs.map(place)
    kernel(n, ...placed.map(({ pointer }) => pointer))
    plain(...inputs)
    placed.forEach(({ view, guarded }, k) => {
      close(view, inputs[k]!)
      guarded()
    })
  }
}

test('elementwise kernels agree with their references', () => {
  compare(
    1,
    (n, x) => kernels.fill(x!, n, 0.3),
    (x) => x!.fill(0.3),
  )
  compare(
    1,
    (n, x) => kernels.scale(x!, n, 0.3),
    (x) => x!.set(x!.map((value) => value * 0.3)),
  )
  compare(
    2,
    (n, y, x) => kernels.copy(y!, x!, n),
    (y, x) => y!.set(x!),
  )
  compare(
    2,
    (n, y, x) => kernels.axpy(y!, 0.3, x!, n),
    (y, x) => reference.axpy(y!, 0.3, x!),
  )
  compare(
    2,
    (n, y, x) => kernels.add(y!, x!, n),
    (y, x) => reference.axpy(y!, 1, x!),
  )
  compare(
    2,
    (n, a, b) => kernels.lerp(a!, b!, 0.9, n),
    (a, b) => reference.lerp(a!, b!, 0.9),
  )
  compare(
    3,
    (n, g, p, a) => kernels.towards(g!, p!, a!, 0.1, n),
    (g, p, a) => reference.towards(g!, p!, a!, 0.1),
  )
  compare(
    4,
    (n, g, p, a, f) => kernels.towardsWeighted(g!, p!, a!, f!, 0.1, n),
    (g, p, a, f) => reference.towards(g!, p!, a!, 0.1, f!),
  )
})

test('reductions: f64 sums without overflow, and NaN, infinity and denormals are seen', () => {
  for (const n of lengths) {
    memory.releaseAll()
    const values = floats(n, 1)
    const { pointer, view } = place(values)
    const expected = reference.sumSquares(values)
    assert.ok(Math.abs(kernels.sumSquares(pointer, n) - expected) <= 1e-13 * expected)
    assert.equal(
      kernels.maxAbs(pointer, n),
      values.reduce((most, x) => Math.max(most, Math.abs(x)), 0),
    )
    assert.equal(kernels.countNonFinite(pointer, n), 0)
    if (n === 0) continue
    view[n - 1] = 3e38
    assert.ok(Number.isFinite(kernels.sumSquares(pointer, n)) && !kernels.hasNonFinite(pointer, n))
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      view[n >> 1] = wrong
      assert.equal(kernels.countNonFinite(pointer, n), 1)
      assert.ok(kernels.hasNonFinite(pointer, n) && !Number.isFinite(kernels.sumSquares(pointer, n)))
      assert.ok(Object.is(kernels.maxAbs(pointer, n), Math.abs(wrong)))
    }
    view.fill(1e-44)
    assert.equal(kernels.maxAbs(pointer, n), view[0])
    assert.equal(kernels.hasNonFinite(pointer, n), false)
  }
  const [a, b] = [place(Float32Array.of(3)), place(Float32Array.of(0, 4))]
  assert.equal(
    kernels.globalNorm([
      { pointer: a.pointer, length: 1 },
      { pointer: b.pointer, length: 2 },
    ]),
    5,
  )
  assert.equal(kernels.globalNorm([]), 0)
})

test('adam: decoupled, coupled and scaled, over several steps', () => {
  const base = { rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
  for (const options of [base, { ...base, weightDecay: 0.1, gradScale: 0.3 }, { ...base, weightDecay: 0.1, coupled: true }, { ...base, rate: 0 }]) {
    const steps = [1, 2, 3].map((t) => ({ ...options, correction1: 1 - 0.9 ** t, correction2: 1 - 0.999 ** t }))
    compare(
      3,
      (n, param, grad, m) => {
        const v = place(new Float32Array(n))
        for (const step of steps) kernels.adam(param!, grad!, m!, v.pointer, n, step)
        v.guarded()
      },
      (param, grad, m) => {
        const v = new Float32Array(param!.length)
        for (const step of steps) reference.adam(param!, grad!, m!, v, step)
      },
    )
  }
})

test('adam agrees with PyTorch 2.13 (AdamW, and Adam with weight_decay) after three steps', () => {
  const start = [0.5, -1.25, 2, 0.03125, -0.75]
  const grads = [0.1, -0.2, 0.003, 1.5, -0.04]
  const run = (coupled: boolean): number[] => {
    memory.releaseAll()
    const [param, grad, m, v] = [start, grads, start.map(() => 0), start.map(() => 0)].map((x) => place(Float32Array.from(x)))
    for (let t = 1; t <= 3; t++) {
      grad!.view.set(grads.map((g, i) => g * (t - 2.5 + i)))
      const corrections = { correction1: 1 - 0.9 ** t, correction2: 1 - 0.999 ** t }
      kernels.adam(param!.pointer, grad!.pointer, m!.pointer, v!.pointer, 5, {
        rate: 0.01,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weightDecay: 0.1,
        coupled,
        ...corrections,
      })
    }
    return [...param!.view]
  }
  close(Float32Array.from(run(false)), Float32Array.from([0.521675169, -1.249755502, 1.965667009, 0.001588148, -0.717900753]))
  close(Float32Array.from(run(true)), Float32Array.from([0.515659392, -1.223266602, 1.969990969, 0.001650459, -0.719981611]))
})

test('adam flushes a vanished moment to zero and keeps NaN', () => {
  memory.releaseAll()
  const [param, grad, m, v] = [
    [1, 1],
    [0, Number.NaN],
    [1e-38, 0],
    [1e-38, 0],
  ].map((x) => place(Float32Array.from(x)))
  const options = { rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, correction1: 1, correction2: 1 }
  kernels.adam(param!.pointer, grad!.pointer, m!.pointer, v!.pointer, 2, options)
  assert.deepEqual([...param!.view, ...m!.view, ...v!.view], [1, Number.NaN, 0, Number.NaN, 0, Number.NaN])
})

test('sgd: plain, momentum and Nesterov', () => {
  const variants = [{}, { weightDecay: 0.1, gradScale: 0.5 }, { momentum: 0.9, weightDecay: 0.1 }, { momentum: 0.9, nesterov: true, gradScale: 0.5 }]
  for (const options of variants.map((variant) => ({ rate: 0.1, ...variant })))
    compare(
      3,
      (n, param, grad, buffer) => kernels.sgd(param!, grad!, buffer!, n, options),
      (param, grad, buffer) => reference.sgd(param!, grad!, buffer!, options),
    )
})
