import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemory } from '../memory.js'
import { createKernels } from './kernels.js'
import * as reference from './reference.js'

const memory = createMemory(1 << 22)
const kernels = createKernels(memory.memory)
const seed = { low: 1, high: 2 }

const floats = (values: readonly number[]) => {
  const view = memory.float32(memory.allocate(values.length * 4), values.length)
  view.set(values)
  return view
}
const integers = (values: readonly number[]) => {
  const view = memory.int32(memory.allocate(values.length * 4), values.length)
  view.set(values)
  return view
}

test('rows are gathered, added with repeats, and refused outside the table', () => {
  const table = floats([1, 2, 3, 4, 5, 6])
  const target = { pointer: table.byteOffset, rows: 3, width: 2 }
  const ids = integers([2, 0, 2])
  const rows = floats([0, 0, 0, 0, 0, 0])
  kernels.gatherRows(rows.byteOffset, target, ids.byteOffset, 3)
  assert.deepEqual([...rows], [5, 6, 1, 2, 5, 6])
  kernels.addRows(target, ids.byteOffset, rows.byteOffset, 3)
  assert.deepEqual([...table], [2, 4, 3, 4, 15, 18])
  kernels.addRows(target, ids.byteOffset, rows.byteOffset, 3, -0.5)
  assert.deepEqual([...table], [1.5, 3, 3, 4, 10, 12])
  ids.set([0, 3, 1])
  assert.throws(() => kernels.addRows(target, ids.byteOffset, rows.byteOffset, 3), {
    name: 'RangeError',
    message: 'addRows: ids[1] is 3, expected 0 to 2 (the table has 3 rows)',
  })
  ids.set([0, -1, 1])
  assert.throws(() => kernels.gatherRows(rows.byteOffset, target, ids.byteOffset, 3), /^RangeError: gatherRows: ids\[1\] is -1, expected 0 to 2/)
})

test('a scatter of 2,048 rows over 7 ids is right and the same in 30 runs', () => {
  const [count, width] = [2048, 5]
  const rows = floats(Array.from({ length: count * width }, (_, i) => reference.uniform(i, seed)))
  const ids = integers(Array.from({ length: count }, (_, i) => reference.word(i, seed) % 7))
  const table = floats(new Array(7 * width).fill(0))
  const expected = new Float32Array(7 * width)
  for (let i = 0; i < count * width; i++) expected[ids[Math.floor(i / width)]! * width + (i % width)]! += rows[i]!
  for (let run = 0; run < 30; run++) {
    table.fill(0)
    kernels.addRows({ pointer: table.byteOffset, rows: 7, width }, ids.byteOffset, rows.byteOffset, count)
    assert.deepEqual(table, expected)
  }
})

test('duplicate rows are summed in place, in order of first appearance', () => {
  const ids = integers([9, 4, 9, 7, 4])
  const rows = floats([1, 1, 2, 2, 3, 3, 4, 4, 5, 5])
  assert.equal(kernels.sumDuplicateRows(ids.byteOffset, rows.byteOffset, 5, 2), 3)
  assert.deepEqual([...ids.subarray(0, 3)], [9, 4, 7])
  assert.deepEqual([...rows.subarray(0, 6)], [4, 4, 7, 7, 4, 4])
  assert.equal(kernels.sumDuplicateRows(ids.byteOffset, rows.byteOffset, 0, 2), 0)
})

test('adamRows updates only the touched rows, each with its own step count', () => {
  const [rows, width] = [4, 3]
  const [param, m, v] = [1, 2, 3].map((salt) => floats(Array.from({ length: rows * width }, (_, i) => (salt === 1 ? reference.uniform(i, seed) : 0))))
  const steps = integers([0, 0, 0, 0])
  const expected = [param!, m!, v!].map((view) => Float32Array.from(view))
  const counts = [0, 0, 0, 0]
  const options = { rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, gradScale: 0.5 }
  for (const touched of [[2], [2, 0], [3, 2]]) {
    const grad = floats(touched.flatMap((id) => [id + 1, -id, 0.5]))
    const table = { pointer: param!.byteOffset, rows, width }
    kernels.adamRows(table, m!.byteOffset, v!.byteOffset, steps.byteOffset, integers(touched).byteOffset, grad.byteOffset, touched.length, options)
    touched.forEach((id, i) => {
      const t = ++counts[id]!
      const [p, first, second] = expected.map((all) => all.subarray(id * width, (id + 1) * width))
      const corrections = { correction1: 1 - 0.9 ** t, correction2: 1 - 0.999 ** t }
      reference.adam(p!, grad.subarray(i * width, (i + 1) * width), first!, second!, { ...options, ...corrections })
    })
  }
  assert.deepEqual([...steps], [1, 0, 3, 1])
  for (const [actual, wanted] of [
    [param!, expected[0]!],
    [m!, expected[1]!],
    [v!, expected[2]!],
  ] as const)
    actual.forEach((value, i) => {
      assert.ok(Math.abs(value - wanted[i]!) <= 4e-6 * Math.abs(wanted[i]!) + 1e-9, `[${i}] ${value} ${wanted[i]}`)
    })
})

test('adamGathered is adam on the whole table, bit for bit, and leaves the moments of idle rows alone', () => {
  const [rows, width] = [7, 6]
  for (const weightDecay of [0, 0.1]) {
    const start = Array.from({ length: rows * width }, (_, i) => reference.uniform(i, seed) - 0.5)
    const [param, m, v] = [floats(start), floats(start.map(() => 0)), floats(start.map(() => 0))]
    const [whole, wholeM, wholeV] = [floats(start), floats(start.map(() => 0)), floats(start.map(() => 0))]
    const gradient = floats(start.map(() => 0))
    const table = { pointer: param.byteOffset, rows, width }
    // out of order; the last step has no row at all, and row 4 is never met
    for (const [step, ids] of [[5, 0], [2], [6, 2, 5], []].entries()) {
      const values = floats(ids.flatMap((id) => Array.from({ length: width }, (_, k) => (k === 1 ? 0 : Math.sin(id + k + step)))))
      gradient.fill(0)
      ids.forEach((id, i) => {
        gradient.set(values.subarray(i * width, (i + 1) * width), id * width)
      })
      const t = step + 1
      const options = {
        ...{ rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay, gradScale: 0.5 },
        ...{ correction1: 1 - 0.9 ** t, correction2: 1 - 0.999 ** t },
      }
      kernels.adam(whole.byteOffset, gradient.byteOffset, wholeM.byteOffset, wholeV.byteOffset, rows * width, options)
      kernels.adamGathered(table, m.byteOffset, v.byteOffset, integers(ids).byteOffset, values.byteOffset, ids.length, options)
      assert.deepEqual([...param], [...whole])
      assert.deepEqual([...m, ...v], [...wholeM, ...wholeV])
    }
    assert.equal(param[4 * width] === Math.fround(start[4 * width]!), weightDecay === 0, 'row 4 decays')
  }
})

test('adamGathered refuses rows that the table has not, and decay that would give every row a gradient', () => {
  const [param, m, v] = [floats([1, 2]), floats([0, 0]), floats([0, 0])]
  const options = { rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, correction1: 0.1, correction2: 0.001 }
  const call = (id: number, more = {}) =>
    kernels.adamGathered(
      { pointer: param.byteOffset, rows: 2, width: 1 },
      ...([m.byteOffset, v.byteOffset, integers([id]).byteOffset, floats([1]).byteOffset, 1] as const),
      { ...options, ...more },
    )
  assert.throws(() => call(2), { name: 'RangeError', message: 'adamGathered: ids[0] is 2, expected 0 to 1 (the table has 2 rows)' })
  assert.throws(
    () => call(1, { weightDecay: 0.1, coupled: true }),
    /^RangeError: adamGathered: weight decay inside the gradient gives every row one; use adam$/,
  )
})
