// Shape rules as properties: what each operation says of its result's shape is the shape that comes out, for sizes that are named when the graph
// is built; values against loops that are slow and obvious.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Executor } from '../../executor/executor.js'
import { onEachExecutor } from '../../testing/executors.js'
import { runWith } from '../../testing/operations.js'
import { dim, evaluateDim } from '../dim.js'
import { constant, input, type Tensor } from '../tensor.js'
import * as ops from './index.js'

const sizes = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }))
const axes = fc.integer({ min: 0, max: 2 })

type Cube = number[][][]
const cube = ([a, b, c]: readonly number[], value: (i: number, j: number, k: number) => number): Cube =>
  Array.from({ length: a! }, (_, i) => Array.from({ length: b! }, (_, j) => Array.from({ length: c! }, (_, k) => value(i, j, k))))

/** Runs f on x[i, j, k] = 100 i + 10 j + k, with named sizes, and checks that the shape is what was promised. */
async function onCube(
  executor: Executor,
  shape: readonly [number, number, number],
  f: (x: Tensor) => Tensor,
): Promise<{ shape: number[]; data: number[] }> {
  const names = ['a', 'b', 'c']
  const y = f(
    input(
      'x',
      names.map((name) => dim(name)),
    ),
  )
  const data = Float32Array.from(cube(shape, (i, j, k) => 100 * i + 10 * j + k).flat(2))
  const [result] = await runWith(executor, { y }, [{ x: { data, shape } }])
  const known = new Map(names.map((name, i) => [name, shape[i]!]))
  assert.deepEqual(
    result!.y!.shape,
    y.shape.map((size) => evaluateDim(size, known)),
    'the promised shape',
  )
  return { shape: result!.y!.shape, data: Array.from(result!.y!.data, Number) }
}

await onEachExecutor('shapes', (executor) => {
  const property = <T extends unknown[]>(
    title: string,
    arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> },
    check: (...values: T) => Promise<void>,
  ) => test(title, () => fc.assert(fc.asyncProperty(...(arbitraries as unknown as [fc.Arbitrary<T[0]>]), check as never), { numRuns: 25, seed: 7 }))

  property<[[number, number, number], number[]]>('transpose', [sizes, fc.shuffledSubarray([0, 1, 2], { minLength: 3 })], async (shape, order) => {
    const { shape: turned, data } = await onCube(executor, shape, (x) => ops.transpose(x, order))
    assert.deepEqual(
      turned,
      order.map((axis) => shape[axis]),
    )
    const slow = cube(turned, (...index) => {
      const source = [0, 0, 0]
      order.forEach((axis, i) => {
        source[axis] = index[i]!
      })
      return 100 * source[0]! + 10 * source[1]! + source[2]!
    })
    assert.deepEqual(data, slow.flat(2))
  })

  property<[[number, number, number], number]>('sum over an axis, kept or dropped', [sizes, axes], async (shape, axis) => {
    const kept = shape.map((d, i) => (i === axis ? 1 : d)) as [number, number, number]
    const slow = cube(kept, (...index) => {
      let total = 0
      for (let i = 0; i < shape[axis]!; i++) {
        const [a, b, c] = index.map((at, k) => (k === axis ? i : at))
        total += 100 * a! + 10 * b! + c!
      }
      return total
    }).flat(2)
    assert.deepEqual((await onCube(executor, shape, (x) => ops.sum(x, axis))).data, slow)
    const { shape: stays, data } = await onCube(executor, shape, (x) => ops.sum(x, axis - 3, true))
    assert.deepEqual([stays, data], [kept, slow])
  })

  property<[[number, number, number], number, number, number]>(
    'slice with a step, then pad, then concat',
    [sizes, axes, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 2 })],
    async (shape, axis, step, extra) => {
      const size = shape[axis]!
      const start = Math.min(extra, size - 1)
      const taken = Array.from({ length: size }, (_, i) => i).filter((i) => i >= start && (i - start) % step === 0)
      const rows: (number | undefined)[] = [...Array<undefined>(extra).fill(undefined), ...taken, ...Array.from({ length: size }, (_, i) => i)]
      const slow = cube(
        shape.map((d, i) => (i === axis ? rows.length : d)),
        (...index) => {
          const row = rows[index[axis]!]
          if (row === undefined) return -1
          const [a, b, c] = index.map((at, k) => (k === axis ? row : at))
          return 100 * a! + 10 * b! + c!
        },
      )
      const { data } = await onCube(executor, shape, (x) =>
        ops.concat([ops.pad(ops.slice(x, axis, start, undefined, step), axis, extra, 0, -1), x], axis),
      )
      assert.deepEqual(data, slow.flat(2))
    },
  )

  property<[[number, number, number], number[], number]>(
    'gather along an axis',
    [sizes, fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 5 }), axes],
    async (shape, wanted, axis) => {
      const ids = wanted.map((id) => id % shape[axis]!)
      const slow = cube(
        shape.map((d, i) => (i === axis ? ids.length : d)),
        (...index) => {
          const [a, b, c] = index.map((at, k) => (k === axis ? ids[at]! : at))
          return 100 * a! + 10 * b! + c!
        },
      )
      const { data } = await onCube(executor, shape, (x) => {
        const table = constant(ids, [ids.length], 'i32')
        return ops.gather(x, table, axis)
      })
      assert.deepEqual(data, slow.flat(2))
    },
  )

  property<[[number, number, number]]>('reshape joins and cuts axes, expand repeats, cumulative sums run', [sizes], async (shape) => {
    const [a, b, c] = shape
    const all = cube(shape, (i, j, k) => 100 * i + 10 * j + k).flat(2)
    assert.deepEqual((await onCube(executor, shape, (x) => ops.reshape(x, [-1, x.shape[2]!]))).shape, [a * b, c])
    assert.deepEqual((await onCube(executor, shape, (x) => ops.expand(ops.unsqueeze(x, 0), [2, ...x.shape]))).data, [...all, ...all])
    const running = cube(shape, (i, j, k) => Array.from({ length: k + 1 }, (_, n) => 100 * i + 10 * j + n).reduce((x, y) => x + y, 0))
    assert.deepEqual((await onCube(executor, shape, (x) => ops.cumulativeSum(x))).data, running.flat(2))
  })
})
