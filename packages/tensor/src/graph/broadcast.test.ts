// Broadcasting rules against NumPy's, written out the slow way, and against the values that come out.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { onEachExecutor } from '../testing/executors.js'
import { runWith } from '../testing/operations.js'
import { broadcast, stretchedAxes } from './broadcast.js'
import { type Dim, dim, shapeText } from './dim.js'
import { grad } from './grad.js'
import * as ops from './ops/index.js'
import { input } from './tensor.js'

/** NumPy's rule: pad with ones on the left, then sizes must be equal or one of them 1. */
function slowBroadcast(a: readonly Dim[], b: readonly Dim[]): Dim[] | undefined {
  const rank = Math.max(a.length, b.length)
  const padded = [a, b].map((shape) => [...Array<Dim>(rank - shape.length).fill(1), ...shape])
  const result: Dim[] = []
  for (let i = 0; i < rank; i++) {
    const [x, y] = [padded[0]![i]!, padded[1]![i]!]
    if (String(x) === String(y) || String(y) === '1') result.push(x)
    else if (String(x) === '1') result.push(y)
    else return undefined
  }
  return result
}

const size = fc.oneof({ weight: 3, arbitrary: fc.constant<Dim>(1) }, fc.constantFrom<Dim>(2, 3, dim('batch'), dim('time')))
const shape = fc.array(size, { maxLength: 4 })

test('shapes broadcast as in NumPy, names equal only themselves', () => {
  fc.assert(
    fc.property(shape, shape, (a, b) => {
      const [fast, slow] = [broadcast(a, b), slowBroadcast(a, b)]
      assert.equal(fast && shapeText(fast), slow && shapeText(slow))
      const turned = broadcast(b, a)
      assert.equal(turned && shapeText(turned), slow && shapeText(slow))
    }),
    { numRuns: 3000, seed: 4 },
  )
})

test('the stretched axes are those whose size changed', () => {
  fc.assert(
    fc.property(shape, shape, (a, b) => {
      const result = broadcast(a, b)
      if (!result) return
      const lead = result.length - a.length
      const slow = [...result.keys()].filter((axis) => axis < lead || String(a[axis - lead]) !== String(result[axis]))
      assert.deepEqual(stretchedAxes(a, result), slow)
    }),
    { numRuns: 2000, seed: 5 },
  )
})

/** Two shapes that broadcast: a result, of which each keeps a tail with some axes set to 1. */
const fitting = fc
  .array(fc.integer({ min: 1, max: 3 }), { maxLength: 4 })
  .chain((full) =>
    fc
      .tuple(...[0, 1].map(() => fc.tuple(fc.integer({ min: 0, max: full.length }), fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }))))
      .map((cuts) => cuts.map(([from, ones]) => full.slice(from).map((d, i) => (ones[i] ? 1 : d)))),
  )
  .map(([a, b]) => [a!, b!] as const)

const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)
/** The place of an element of the result in an operand. */
function place(index: readonly number[], shape: readonly number[]): number {
  const own = index.slice(index.length - shape.length)
  return shape.reduce((at, d, axis) => at * d + (d === 1 ? 0 : own[axis]!), 0)
}
function indices(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>((all, d) => all.flatMap((index) => Array.from({ length: d }, (_, i) => [...index, i])), [[]])
}

await onEachExecutor('broadcasting', (executor) => {
  test('values and gradients of a product agree with loops over all elements', async () => {
    await fc.assert(
      fc.asyncProperty(fitting, async ([left, right]) => {
        const [a, b] = [input('a', left), input('b', right)]
        const y = ops.mul(a, b)
        const result = y.shape as number[]
        const [da, db] = grad(ops.sum(ops.mul(y, y)), [a, b])
        const [x, z] = [left, right].map((s, k) => Float32Array.from({ length: count(s) }, (_, i) => ((i * 7 + k * 3) % 11) - 5))
        const [outputs] = await runWith(executor, { y, da: da!.tensor, db: db!.tensor }, [
          { a: { data: x!, shape: left }, b: { data: z!, shape: right } },
        ])
        const slow = { y: new Float32Array(count(result)), da: new Float32Array(count(left)), db: new Float32Array(count(right)) }
        for (const [i, index] of indices(result).entries()) {
          const [p, q] = [place(index, left), place(index, right)]
          slow.y[i] = x![p]! * z![q]!
          slow.da[p]! += 2 * x![p]! * z![q]! ** 2
          slow.db[q]! += 2 * x![p]! ** 2 * z![q]!
        }
        for (const name of ['y', 'da', 'db'] as const)
          assert.deepEqual(
            [...outputs![name]!.data].map((v) => Number(v) + 0),
            [...slow[name]].map((v) => v + 0),
            name,
          )
      }),
      { numRuns: 40, seed: 6 },
    )
  })
})
