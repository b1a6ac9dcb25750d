// What the new shapes of convolution, pooling, batch norm and orthogonalisation refuse, and what their values must satisfy.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compute } from '../../testing/run.js'
import { dim } from '../dim.js'
import { constant, GraphError, input, parameter } from '../tensor.js'
import * as ops from './index.js'

const x = input('x', [dim('batch'), 6, 3])

test('a kernel that does not fit names both and their sizes', () => {
  assert.throws(
    () => ops.convolution(x, parameter('characters.kernel', [2, 4, 5])),
    new GraphError('convolution: x f32 [batch, 6, 3] has 3 channels, the kernel characters.kernel f32 [2, 4, 5] takes 4'),
  )
  assert.throws(
    () => ops.convolution(x, parameter('characters.kernel', [7, 3, 5])),
    new GraphError('convolution: a window of 7 places does not fit x f32 [batch, 6, 3], which has 6: pad it'),
  )
  assert.throws(() => ops.convolution(x, parameter('k', [2, 3, 5]), { stride: 0 }), /convolution: stride 0: expected a whole number of at least 1/)
  assert.throws(() => ops.maxPool(input('flat', [4, 3]), 2), /max-pool: flat f32 \[4, 3\]: expected \[batch, time, channels\]/)
  assert.throws(
    () =>
      ops.batchNorm(input('rows', [5, 3]), parameter('gain', [4]), parameter('bias', [3]), {
        mean: parameter('m', [3]),
        variance: parameter('v', [3]),
      }),
    new GraphError('batch-norm: the gain gain f32 [4] does not fit rows f32 [5, 3]'),
  )
  assert.throws(() => ops.orthogonalize(input('v', [3])), /orthogonalize: v f32 \[3\]: expected a fixed matrix/)
})

test('convolution takes any batch and time: the window follows the named length', async () => {
  const long = input('x', [dim('batch'), dim('time'), 1])
  const y = ops.convolution(long, constant([1, 10], [2, 1, 1]), { stride: 2 })
  assert.equal(String(y.shape), 'batch,floor((time)/(2)),1')
  const { y: result } = await compute({ y }, { x: { dtype: 'f32', shape: [1, 5, 1], data: Float32Array.of(1, 2, 3, 4, 5) } })
  assert.deepEqual([...result!.data], [21, 43])
})

test("Muon's form brings singular values near 1 in five steps", async () => {
  const values = constant([3, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0.5, 0], [3, 4])
  const { y } = await compute({ y: ops.orthogonalize(values, { fast: true }) })
  for (const [row, column] of [
    [0, 0],
    [1, 1],
    [2, 2],
  ] as const) {
    const value = Number(y!.data[row * 4 + column])
    assert.ok(value > 0.6 && value < 1.3, `singular value ${value}`)
  }
})

test('sort has the order of its values and of equal ones', async () => {
  const { values, ids } = ops.sort(constant([2, 1, 2, 0], [4]), 0)
  const result = await compute({ values, ids })
  assert.deepEqual([...result.values!.data], [0, 1, 2, 2])
  assert.deepEqual([...result.ids!.data], [3, 1, 0, 2])
})
