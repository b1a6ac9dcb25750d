import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Example, sameText } from './example.js'
import { split, subset } from './split.js'

const examplesOf = (rows: readonly (readonly [string, string])[]): Example[] => rows.map(([text, label], i) => ({ text, label, line: i + 1 }))
const many = (counts: Record<string, number>): Example[] =>
  examplesOf(Object.entries(counts).flatMap(([label, n]) => Array.from({ length: n }, (_, i) => [`${label} ${i}`, label] as const)))
const rows = fc.array(fc.tuple(fc.constantFrom('a', 'A', ' a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'), fc.constantFrom('x', 'y', 'z')), { minLength: 1 })
const count = (examples: readonly Example[], label: string) => examples.filter((example) => example.label === label).length

test('split: both sides are the whole, in order, and share no text', () => {
  fc.assert(
    fc.property(rows, fc.double({ min: 0.05, max: 0.95, noNaN: true }), fc.integer(), fc.boolean(), (list, fraction, seed, stratified) => {
      const examples = examplesOf(list)
      let sides: ReturnType<typeof split>
      try {
        sides = split(examples, { fraction, seed, stratified })
      } catch (error) {
        assert.match((error as Error).message, /^too few distinct texts to split/)
        return
      }
      const { train, valid } = sides
      assert.deepEqual(
        [...train, ...valid].sort((a, b) => a.line - b.line),
        examples,
      )
      assert.ok(valid.length <= Math.round(fraction * examples.length))
      for (const side of [train, valid]) assert.ok(side.every((example, i) => i === 0 || side[i - 1]!.line < example.line))
      const texts = new Set(train.map(sameText))
      assert.ok(!valid.some((example) => texts.has(sameText(example))))
    }),
  )
})

test('split: labels keep their share to within one, the size is exact, the seed decides', () => {
  const examples = many({ a: 501, b: 333, c: 150, d: 9, e: 1 })
  const { train, valid } = split(examples, { fraction: 0.1, seed: 1 })
  assert.equal(valid.length, 99)
  for (const [label, n] of [
    ['a', 501],
    ['b', 333],
    ['c', 150],
    ['d', 9],
    ['e', 1],
  ] as const)
    assert.ok(Math.abs(count(valid, label) - 0.1 * n) <= 1, label)
  assert.equal(count(train, 'e'), 1)
  assert.deepEqual(split(examples, { fraction: 0.1, seed: 1 }).valid, valid)
  assert.notDeepEqual(split(examples, { fraction: 0.1, seed: 2 }).valid, valid)
  assert.equal(split(examples, { seed: 1, stratified: false }).valid.length, 99)
})

test('subset: stratified, different texts, nested', () => {
  const examples = [...many({ a: 100, b: 50, c: 10 }), ...many({ a: 100 })]
  const large = subset(examples, 80, 1)
  assert.deepEqual(
    ['a', 'b', 'c'].map((label) => count(large, label)),
    [50, 25, 5],
  )
  assert.equal(new Set(large.map(sameText)).size, 80)
  const small = subset(examples, 16, 1)
  assert.ok(small.every((example) => large.includes(example)))
  assert.equal(subset(examples, 160, 1).length, 160)
})

test('sameText sees through case, white space and Unicode form, and tells pairs apart', () => {
  const same = (a: Partial<Example>, b: Partial<Example>) => sameText({ text: '', ...a }) === sameText({ text: '', ...b })
  assert.ok(same({ text: ' Caf\u00e9  AU\nlait ' }, { text: 'cafe\u0301 au lait' }))
  assert.ok(!same({ text: 'a' }, { text: 'a', pair: 'b' }))
  assert.ok(!same({ text: 'a b', pair: 'c' }, { text: 'a', pair: 'b c' }))
})

test('errors', () => {
  assert.throws(() => split(many({ a: 9 }), { fraction: 1, seed: 1 }), {
    message: 'fraction: expected a number between 0 and 1, both excluded; got 1',
  })
  assert.throws(() => split(many({ a: 2 }), { fraction: 0.1, seed: 1 }), {
    message: 'too few distinct texts to split: 2 examples, fraction 0.1; give a validation file, or more examples',
  })
  assert.throws(() => subset([...many({ a: 2 }), ...many({ a: 2 })], 3, 1), {
    message: 'subset: expected a number from 1 to 2 (the different texts); got 3',
  })
})

test('a label with one example stays in training', () => {
  const rows = Array.from({ length: 40 }, (_, i) => ({ text: `text ${i}`, label: i === 7 ? 'once' : `label ${i % 2}`, line: i + 1 }))
  for (let seed = 1; seed <= 20; seed++) assert.ok(split(rows, { fraction: 0.1, seed }).train.some(({ label }) => label === 'once'))
})
