// einsum against the sum written out over every index, and its gradient against finite differences.

import assert from 'node:assert/strict'
import { describe as suite, test } from 'node:test'
import { compute } from '../../testing/run.js'
import { grad } from '../grad.js'
import { GraphError, input, type Tensor } from '../tensor.js'
import { einsum } from './einsum.js'
import { mul } from './elementwise.js'
import { sum } from './reduce.js'

const sizes: Record<string, number> = { b: 2, h: 3, q: 4, k: 5, d: 2, i: 3, j: 3 }
const shapeOf = (labels: string) => [...labels].map((label) => sizes[label]!)
const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)
const values = (shape: readonly number[], seed: number) =>
  Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(1 + seed + i * (1.3 + seed)))

/** Σ over all indices, one at a time. */
function writtenOut(terms: readonly string[], output: string, operands: readonly Float32Array[]): Float32Array {
  const labels = [...new Set([...output, ...terms.join('')])]
  const result = new Float32Array(sizeOf(shapeOf(output)))
  const place = new Map<string, number>()
  const offset = (term: string) => [...term].reduce((at, label) => at * sizes[label]! + place.get(label)!, 0)
  const visit = (depth: number): void => {
    if (depth === labels.length) {
      result[offset(output)]! += terms.reduce((product, term, i) => product * operands[i]![offset(term)]!, 1)
      return
    }
    for (let i = 0; i < sizes[labels[depth]!]!; i++) {
      place.set(labels[depth]!, i)
      visit(depth + 1)
    }
  }
  visit(0)
  return result
}

const build = (terms: readonly string[]) => terms.map((term, i) => input(`x${i}`, shapeOf(term)))

const cases = [
  'bhqd,bhkd->bhqk',
  'bqhd,bkhd->bhqk',
  'bhqk,bkhd->bqhd',
  'qd,dk->qk',
  'qd,kd->kq',
  'bq,bq->b',
  'bq,k->qkb',
  'q,q->',
  'bqd->bd',
  'bqd->dqb',
  'ii->i',
  'iij,j->ij',
  'ij,ji->',
  'bq,qd,dk->bk',
  'bhq,bkd->bhk',
]

suite('einsum', () => {
  for (const equation of cases)
    test(equation, async () => {
      const [left, output] = equation.split('->') as [string, string]
      const terms = left.split(',')
      const leaves = build(terms)
      const y = einsum(equation, leaves)
      const weights = input('w', shapeOf(output))
      const loss = sum(mul(y, weights))
      const gradients = grad(loss, leaves).map((g) => g.tensor)
      const data = terms.map((term, i) => values(shapeOf(term), i))
      const w = values(shapeOf(output), 7)
      const feeds = Object.fromEntries([
        ...data.map((x, i) => [`x${i}`, { dtype: 'f32' as const, shape: shapeOf(terms[i]!), data: x }] as const),
        ['w', { dtype: 'f32' as const, shape: shapeOf(output), data: w }] as const,
      ])
      const found = await compute({ y, ...Object.fromEntries(gradients.map((g, i) => [`g${i}`, g])) } as Record<string, Tensor>, feeds)
      const expected = writtenOut(terms, output, data)
      assert.deepEqual(found.y!.shape, shapeOf(output))
      expected.forEach((value, i) => {
        assert.ok(Math.abs(Number(found.y!.data[i]) - value) < 1e-5, `y[${i}]: ${found.y!.data[i]}, written out ${value}`)
      })
      const total = (operands: readonly Float32Array[]) => writtenOut(terms, output, operands).reduce((sum, value, i) => sum + value * w[i]!, 0)
      data.forEach((x, operand) => {
        for (const i of [0, x.length >> 1, x.length - 1]) {
          const moved = (by: number) => data.map((other, k) => (k === operand ? other.map((value, n) => (n === i ? value + by : value)) : other))
          const slope = total(moved(0.5)) - total(moved(-0.5)) // linear in each operand, unless a letter repeats in it, where it is linear too
          assert.ok(
            Math.abs(Number(found[`g${operand}`]!.data[i]) - slope) < 1e-3,
            `gradient ${operand}[${i}]: ${found[`g${operand}`]!.data[i]}, difference ${slope}`,
          )
        }
      })
    })

  test('without an arrow, and with an ellipsis', async () => {
    const [a, b] = [values([2, 3, 4], 1), values([2, 4, 5], 2)]
    const feeds = { a: { dtype: 'f32' as const, shape: [2, 3, 4], data: a }, b: { dtype: 'f32' as const, shape: [2, 4, 5], data: b } }
    const [x, y] = [input('a', [2, 3, 4]), input('b', [2, 4, 5])]
    const found = await compute(
      { implied: einsum('bij,bjk', [x, y]), dots: einsum('...ij,...jk->...ik', [x, y]), named: einsum('bij,bjk->ik', [x, y]) },
      feeds,
    )
    assert.deepEqual(found.implied!.shape, [3, 5])
    assert.deepEqual(found.dots!.shape, [2, 3, 5])
    const batches = Array.from({ length: 15 }, (_, i) => Number(found.dots!.data[i]) + Number(found.dots!.data[15 + i]))
    batches.forEach((value, i) => {
      assert.ok(Math.abs(Number(found.implied!.data[i]) - value) < 1e-5)
    })
    assert.deepEqual(found.named!.data, found.implied!.data)
  })

  test('errors', () => {
    const x = input('x', [2, 3])
    const says = (text: RegExp) => (error: unknown) => error instanceof GraphError && text.test(error.message)
    assert.throws(() => einsum('ij,jk->ik', [x]), says(/einsum "ij,jk->ik": 2 terms for 1 operands/))
    assert.throws(() => einsum('ijk->i', [x]), says(/the term ijk does not fit x f32 \[2, 3\]/))
    assert.throws(() => einsum('ij,ji->', [x, x]), says(/j is 3 and 2/))
    assert.throws(() => einsum('ij->ik', [x]), says(/the output's k is in no operand/))
    assert.throws(() => einsum('ij->ii', [x]), says(/names an axis twice/))
    assert.throws(() => einsum('i1->i', [x]), says(/is not made of letters/))
  })
})
