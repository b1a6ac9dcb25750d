// Dimensions: properties of the expressions against plain integer arithmetic, and how they are written.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  addDims,
  ceilDivideDims,
  type Dim,
  dim,
  dimFromPlain,
  divideDims,
  evaluateDim,
  multiplyDims,
  namesIn,
  plainDim,
  sameDim,
  sizeOf,
  substituteDim,
  subtractDims,
} from './dim.js'

type Sizes = ReadonlyMap<string, number>

/** An expression, and the slow way to its value: the arithmetic itself. */
interface Expression {
  dim: Dim
  value: (sizes: Sizes) => number
}

const names = ['batch', 'time', 'hidden']
const leaf: fc.Arbitrary<Expression> = fc.oneof(
  fc.constantFrom(...names).map((name) => ({ dim: dim(name), value: (s: Sizes) => s.get(name)! })),
  fc.integer({ min: 0, max: 9 }).map((n) => ({ dim: n, value: () => n })),
)
const { expression } = fc.letrec<{ expression: Expression }>((tie) => ({
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => ({ dim: addDims(a.dim, b.dim), value: (s: Sizes) => a.value(s) + b.value(s) })),
    fc
      .tuple(tie('expression'), tie('expression'))
      .map(([a, b]) => ({ dim: subtractDims(a.dim, b.dim), value: (s: Sizes) => a.value(s) - b.value(s) })),
    fc
      .tuple(tie('expression'), tie('expression'))
      .map(([a, b]) => ({ dim: multiplyDims(a.dim, b.dim), value: (s: Sizes) => a.value(s) * b.value(s) })),
    fc
      .tuple(tie('expression'), fc.integer({ min: 1, max: 7 }))
      .map(([a, n]) => ({ dim: divideDims(a.dim, n), value: (s: Sizes) => Math.floor(a.value(s) / n) })),
    fc
      .tuple(tie('expression'), fc.integer({ min: 1, max: 7 }))
      .map(([a, n]) => ({ dim: ceilDivideDims(a.dim, n), value: (s: Sizes) => Math.ceil(a.value(s) / n) })),
  ),
}))
const sizes = fc.tuple(...names.map(() => fc.integer({ min: 1, max: 12 }))).map((values) => new Map(names.map((name, i) => [name, values[i]!])))

test('an expression has the value of the arithmetic it stands for', () => {
  fc.assert(
    fc.property(expression, sizes, (e, s) => {
      assert.equal(evaluateDim(e.dim, s), e.value(s) + 0)
    }),
    { numRuns: 2000, seed: 1 },
  )
})

test('two ways of writing one polynomial are one expression', () => {
  fc.assert(
    fc.property(expression, expression, expression, (a, b, c) => {
      assert.ok(sameDim(addDims(a.dim, b.dim), addDims(b.dim, a.dim)))
      assert.ok(sameDim(multiplyDims(a.dim, addDims(b.dim, c.dim)), addDims(multiplyDims(c.dim, a.dim), multiplyDims(b.dim, a.dim))))
      assert.ok(sameDim(subtractDims(addDims(a.dim, b.dim), b.dim), a.dim))
    }),
    { numRuns: 500, seed: 2 },
  )
})

test('fixing some names first, or sending the expression as plain data, changes nothing', () => {
  fc.assert(
    fc.property(expression, sizes, fc.constantFrom(...names), (e, s, name) => {
      const fixed = substituteDim(e.dim, new Map([[name, s.get(name)!]]))
      assert.ok(!namesIn(fixed).includes(name))
      assert.equal(evaluateDim(fixed, s), evaluateDim(e.dim, s))
      assert.ok(sameDim(dimFromPlain(JSON.parse(JSON.stringify(plainDim(e.dim)))), e.dim))
    }),
    { numRuns: 1000, seed: 3 },
  )
})

test('a division that comes out cancels, another stays as it is written', () => {
  const [batch, time] = [dim('batch'), dim('time')]
  assert.equal(String(divideDims(sizeOf([batch, time, 3, 8]), multiplyDims(time, 8))), '3*batch')
  assert.equal(divideDims(multiplyDims(batch, 6), multiplyDims(batch, 2)), 3)
  assert.equal(String(ceilDivideDims(addDims(batch, 1), 8)), 'floor((batch+8)/(8))')
  assert.equal(String(subtractDims(multiplyDims(batch, time), 1)), 'batch*time-1')
  assert.equal(subtractDims(batch, batch), 0)
})

test('errors: names, divisors, missing sizes', () => {
  assert.throws(() => dim('batch size'), { message: 'dimension name "batch size": expected letters, digits and underscores' })
  assert.throws(() => divideDims(dim('batch'), 0), { message: 'dimension batch divided by 0: expected a positive divisor' })
  assert.throws(() => evaluateDim(dim('batch'), new Map()), { message: 'dimension batch is not known: no input of this run has it in its shape' })
})
