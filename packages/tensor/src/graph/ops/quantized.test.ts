import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compute } from '../../testing/run.js'
import { grad } from '../grad.js'
import { constant, GraphError, input, parameter } from '../tensor.js'
import * as ops from './index.js'

test('bytes become floats by rows and by columns; gradients reach the scales, not the bytes', async () => {
  const bytes = constant([0, 128, 255, 7], [2, 2], 'u8')
  const rows = constant([0.5, 2], [2, 1])
  const y = ops.dequantize(bytes, rows, constant([128, 7], [2, 1], 'u8'))
  const signed = ops.dequantize(constant([-128, 127, 1, 0], [2, 2], 'i8'), constant([1, 0.25]))
  const [dbytes, dscale] = grad(ops.sum(y), [bytes, rows])
  assert.deepEqual(dbytes!.contributions, [])
  const result = await compute({ y, signed, dscale: dscale!.tensor })
  assert.deepEqual([...result.y!.data], [-64, 0, 496, 0])
  assert.deepEqual([...result.signed!.data], [-128, 31.75, 1, 0])
  assert.deepEqual([...result.dscale!.data], [-128, 248])
})

test('a byte holds two numbers, the low half first', async () => {
  const all = Array.from({ length: 256 }, (_, i) => i)
  const { y } = await compute({ y: ops.unpackU4(constant(all, [2, 128], 'u8')) })
  assert.deepEqual(y!.shape, [2, 256])
  assert.deepEqual(
    [...y!.data],
    all.flatMap((byte) => [byte & 15, byte >> 4]),
  )
})

test('what is no stored integer is refused', () => {
  assert.throws(() => ops.dequantize(input('x', [2]), constant(1)), new GraphError('dequantize: x f32 [2] has the wrong type: expected u8 or i8'))
  assert.throws(
    () => ops.dequantize(parameter('table', [2], { dtype: 'u8' }), constant(1), constant(1)),
    new GraphError('dequantize: the zero f32 [] is not of the type of table u8 [2]'),
  )
  assert.throws(
    () => ops.unpackU4(parameter('table', [2], { dtype: 'i8' })),
    new GraphError('unpack-u4: table i8 [2] has the wrong type: expected u8'),
  )
})
