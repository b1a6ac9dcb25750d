import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pearson, ranks, regressionReport, spearman } from './correlation.js'

const near = (actual: number, expected: number) => assert.ok(Math.abs(actual - expected) < 1e-12, `${actual}, expected ${expected}`)

test('correlations are those of NumPy, with ties', () => {
  const x = [1, 2, 2, 3.5, 5, 5, 0.2]
  const y = [0.5, 2.5, 1, 3, 4, 6, 1]
  near(pearson(x, y), 0.9038323855781732)
  near(spearman(x, y), 0.9082951062292476)
  assert.deepEqual([...ranks(x)], [2, 3.5, 3.5, 5, 6.5, 6.5, 1])
})

test('a constant side correlates with nothing; lists of other lengths are refused', () => {
  assert.deepEqual([pearson([1, 1, 1], [1, 2, 3]), spearman([1, 2, 3], [4, 4, 4])], [0, 0])
  assert.throws(() => pearson([1], [1, 2]), { message: 'pearson: 1 and 2 values; expected two lists of the same length, not empty' })
})

test('errors are in the units of the labels', () => {
  const { examples, meanAbsoluteError, meanSquaredError } = regressionReport([0, 5], [1, 3])
  assert.deepEqual([examples, meanAbsoluteError, meanSquaredError], [2, 1.5, 2.5])
})
