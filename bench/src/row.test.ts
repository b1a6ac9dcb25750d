import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ratio } from './row.js'

test('above 1 means ours is better, whichever way the metric points', () => {
  assert.equal(ratio(300, 200, 'higher'), 1.5)
  assert.equal(ratio(200, 300, 'lower'), 1.5)
  assert.equal(ratio(200, 300, 'higher'), 2 / 3)
})

test('numbers that have no ratio are refused', () => {
  assert.throws(() => ratio(0, 1, 'lower'), new RangeError('ratio: expected a positive finite number for ours, got 0'))
  assert.throws(() => ratio(1, Number.NaN, 'higher'), new RangeError('ratio: expected a positive finite number for peer, got NaN'))
})
