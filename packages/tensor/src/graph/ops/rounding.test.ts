import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compute } from '../../testing/run.js'
import { grad } from '../grad.js'
import { constant } from '../tensor.js'
import { mul } from './elementwise.js'
import { sum } from './reduce.js'
import { ceil, floor, round } from './rounding.js'

test('floor, ceil and round (halves to even), and their flat gradients', async () => {
  const x = constant([-1.5, -0.2, 0.5, 1.5, 2.5, 2.7])
  const gradient = grad(sum(mul(floor(x), x)), [x])[0]!.tensor
  const found = await compute({ floor: floor(x), ceil: ceil(x), round: round(x), gradient })
  const values = (name: string) => Array.from(found[name]!.data as Float32Array, (value) => Number(value) + 0)
  assert.deepEqual(values('floor'), [-2, -1, 0, 1, 2, 2])
  assert.deepEqual(values('ceil'), [-1, 0, 1, 2, 3, 3])
  assert.deepEqual(values('round'), [-2, 0, 0, 2, 2, 3])
  assert.deepEqual(values('gradient'), values('floor'))
})
