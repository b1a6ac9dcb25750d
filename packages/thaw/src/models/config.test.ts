import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tinyBert, tinyGpt } from '../testing/checkpoints.js'
import { validateConfig } from './config.js'
import { parameterShapes } from './shapes.js'

const refused = (changes: Record<string, unknown>, message: string) => assert.throws(() => validateConfig({ ...tinyGpt, ...changes }), { message })

test('a valid configuration comes back, its keys in order', () => {
  const shuffled = Object.fromEntries(Object.entries(tinyGpt).reverse())
  assert.deepEqual(validateConfig(shuffled), tinyGpt)
  assert.equal(Object.keys(validateConfig(shuffled))[0], 'vocabulary')
})

test('errors name the key, what was expected and what came', () => {
  refused({ hidden: 0 }, 'config: hidden must be a whole number of at least 1; got 0')
  refused({ layers: 1.5 }, 'config: layers must be a whole number of at least 1; got 1.5')
  refused({ positions: '5' }, 'config: positions must be a whole number of at least 1; got "5"')
  refused({ segments: -1 }, 'config: segments must be a whole number of at least 0; got -1')
  refused({ heads: 3 }, 'config: heads is 3, which does not divide hidden, 4; choose one of 1, 2, 4')
  refused({ block: 'middle' }, `config: block must be one of 'pre', 'post', 'tutorial'; got "middle"`)
  refused({ causal: 1 }, 'config: causal must be true or false; got 1')
  refused({ dropout: 1 }, 'config: dropout must be a number from 0 up to, not including, 1; got 1')
  refused({ normEpsilon: 0 }, 'config: normEpsilon must be a number above 0; got 0')
  refused({ pooler: undefined }, 'config: pooler must be true or false; got nothing')
  const keys = Object.keys(tinyGpt).length
  assert.equal(keys, 14)
  const all =
    'vocabulary, hidden, embedding, layers, heads, inner, positions, block, causal, positionKind, activation, dropout, normEpsilon, segments, pooler'
  refused({ width: 3 }, `config: unknown key 'width'; the keys are ${all}. Remove or correct it.`)
  assert.throws(() => validateConfig(null, 'x.json'), { message: `x.json: expected an object with the keys ${all}; got null` })
  const { hidden, ...rest } = tinyGpt
  assert.throws(() => validateConfig(rest), { message: 'config: hidden is missing; expected a whole number of at least 1' })
  assert.equal(hidden, 4)
})

test('shapes: the tutorial model has 50,396,360 parameters, MiniLM 22,713,216', () => {
  const total = (shapes: Map<string, number[]>) => [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0)
  const tutorial = { ...tinyGpt, block: 'tutorial', vocabulary: 28996, hidden: 410, layers: 16, heads: 10, inner: 2100, positions: 256 } as const
  assert.equal(total(parameterShapes(tutorial)), 50_396_360)
  const mini = { ...tinyBert, vocabulary: 30522, hidden: 384, layers: 6, heads: 12, inner: 1536, positions: 512 }
  assert.equal(total(parameterShapes(mini)), 22_713_216)
})
