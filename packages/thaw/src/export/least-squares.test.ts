import assert from 'node:assert/strict'
import { test } from 'node:test'
import { random } from '../text/random.js'
import { minimalNormSolution } from './least-squares.js'

test('the shortest solution: it solves, and lies in the span of the columns', () => {
  const { normal } = random(3)
  const [rows, columns] = [12, 5]
  const w = Float32Array.from({ length: rows * columns }, normal)
  const c = Float32Array.from({ length: columns }, normal)
  const d = minimalNormSolution(w, [rows, columns], c)!
  for (let k = 0; k < columns; k++) {
    const back = d.reduce((sum, x, r) => sum + x * w[r * columns + k]!, 0)
    assert.ok(Math.abs(back - c[k]!) < 1e-5, `column ${k}: ${back} instead of ${c[k]}`)
  }
  // any other solution is d plus something at right angles to all columns, hence longer
  const z = Float32Array.from({ length: rows }, normal)
  const shift = minimalNormSolution(
    w,
    [rows, columns],
    Float32Array.from({ length: columns }, (_, k) => z.reduce((sum, x, r) => sum + x * w[r * columns + k]!, 0)),
  )!
  const inner = d.reduce((sum, x, r) => sum + x * (z[r]! - shift[r]!), 0)
  assert.ok(Math.abs(inner) < 1e-4, `${inner}`)
})

test('columns that depend on each other have none', () => {
  assert.equal(minimalNormSolution(Float32Array.of(1, 2, 2, 4, 3, 6), [3, 2], Float32Array.of(1, 1)), undefined)
  assert.equal(minimalNormSolution(Float32Array.of(1, 2, 3), [1, 3], Float32Array.of(1, 1, 1)), undefined)
})
