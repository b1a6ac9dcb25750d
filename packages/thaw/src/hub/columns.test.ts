import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { joinColumns, takeColumns, transpose } from './columns.js'

test('transpose against the definition, sizes around the tile', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 70 }), (rows, columns) => {
      const source = Float32Array.from({ length: rows * columns }, (_, i) => i)
      const turned = transpose(source, rows, columns)
      for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) if (turned[c * rows + r] !== source[r * columns + c]) return false
      return true
    }),
  )
})

test('columns are cut and joined', () => {
  const matrix = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12) // [2, 6]
  const parts = [0, 1, 2].map((part) => takeColumns(matrix, 2, part, 3))
  assert.deepEqual(parts[1], Float32Array.of(3, 4, 9, 10))
  assert.deepEqual(joinColumns(parts, 2), matrix)
})
