import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plot } from './plot.js'

test('a curve as text: ends of both axes, marks on the lower one', () => {
  const points = [0, 1, 2, 3, 4, 5, 6, 7].map((x) => [x, (x - 3) ** 2] as const)
  assert.deepEqual(
    plot(points, { width: 8, height: 4, marks: { m: 3 } }),
    ['16.00 │       ▝', '      │▖     ▗', '      │ ▖   ▗', ' 0.00 │  ▖▖▗', '      └───m────', '       0      7'].map((line) => line),
  )
})

test('logarithmic places; what is not finite is left out', () => {
  const lines = plot(
    [
      [1e-4, 1],
      [1e-2, 2],
      [1, 3],
      [10, Number.NaN],
      [0, 5],
    ],
    { width: 9, height: 3, logX: true },
  )
  assert.deepEqual(
    lines.map((line) => line.search(/[▘▝▖▗]/)),
    [14, 10, 6, -1, -1],
  )
  assert.deepEqual(plot([]), [])
})
