import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatMeanDeviation, meanDeviation } from './deviation.js'
import { bitsPerByte, perplexity, wordPerplexity } from './perplexity.js'

test('mean, sample deviation and standard error', () => {
  assert.deepEqual(meanDeviation([87, 88, 89]), { mean: 88, deviation: 1, error: 1 / Math.sqrt(3), n: 3 })
  assert.deepEqual(meanDeviation([5]), { mean: 5, deviation: 0, error: 0, n: 1 })
  assert.throws(() => meanDeviation([]), { message: 'meanDeviation: no values; pass the result of at least one seed' })
})

test('mean ± deviation as text', () => {
  assert.equal(formatMeanDeviation([86.8, 87.4, 88]), '87.4 ± 0.6')
  assert.equal(formatMeanDeviation([0.868, 0.874, 0.88], { scale: 100, digits: 2 }), '87.40 ± 0.60')
  assert.equal(formatMeanDeviation([87.4]), '87.4')
  assert.equal(formatMeanDeviation(meanDeviation([1, 3])), '2.0 ± 1.4')
})

test('perplexities differ by their denominator only', () => {
  const loss = 100 * Math.log(8)
  assert.ok(Math.abs(perplexity(loss, 100) - 8) < 1e-12)
  assert.ok(Math.abs(wordPerplexity(loss, 50) - 64) < 1e-10)
  assert.ok(Math.abs(bitsPerByte(loss, 300) - 1) < 1e-12)
  assert.throws(() => wordPerplexity(1, 0), { message: 'wordPerplexity: words is 0, expected a count above 0; was the text empty?' })
})
