// Element types at the executor's border: what is fed, kept in a store and given back (DESIGN E7).

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dim } from '../graph/dim.js'
import { bytesOf, type DType, type TypedArray } from '../graph/dtype.js'
import { grad } from '../graph/grad.js'
import * as ops from '../graph/ops/index.js'
import { input, parameter, state } from '../graph/tensor.js'
import { onEachExecutor } from '../testing/executors.js'

const values: Partial<Record<DType, TypedArray>> = {
  f32: Float32Array.of(-1.5, 0, 3),
  f16: Uint16Array.of(0xbe00, 0, 0x4200), // −1.5, 0, 3
  i32: Int32Array.of(-2, 0, 2 ** 31 - 1),
  i64: BigInt64Array.of(-2n, 0n, 2n ** 53n),
  u8: Uint8Array.of(0, 7, 255),
  i8: Int8Array.of(-128, 0, 127),
  bool: Uint8Array.of(1, 0, 1),
}

await onEachExecutor('types', (executor) => {
  for (const [dtype, data] of Object.entries(values) as [DType, TypedArray][])
    test(`${dtype}: fed, stored, replaced and given back unchanged`, async () => {
      const [x, kept] = [input('x', [dim('n')], dtype), state('params', 'kept', [3], dtype)]
      const params = await executor.store('params')
      await params.declare([kept])
      await params.write('kept', data)
      assert.deepEqual((await params.describe())[0], { path: 'kept', dtype, shape: [3] })
      const program = await executor.compile({
        outputs: { reversed: ops.gather(x, ops.sub(2, ops.range(3))), kept },
        updates: [{ kind: 'replace', state: kept, value: ops.slice(x, 0, 0, 3) }],
      })
      const other = data.slice().reverse()
      const { outputs } = await program.bind({ params }).run({ feeds: { x: { data: other, shape: [3] } } })
      assert.deepEqual([outputs.reversed!.data, outputs.kept!.data], [data, data])
      assert.deepEqual([outputs.reversed!.dtype, outputs.reversed!.data.BYTES_PER_ELEMENT], [dtype, bytesOf[dtype]])
      assert.deepEqual(await params.read('kept'), other)
      await program.dispose()
      await params.dispose()
    })

  test('a parameter stored in half precision computes, and gets its gradient, in f32', async () => {
    const weight = parameter('weight', [3], { dtype: 'f16' })
    const x = input('x', [3])
    const wide = ops.cast(weight, 'f32')
    const loss = ops.sum(ops.mul(ops.square(wide), x))
    const [dwide, dweight] = grad(loss, [wide, weight])
    const params = await executor.store('params')
    await params.declare([weight])
    await params.write('weight', values.f16!)
    const program = await executor.compile({ outputs: { loss, dwide: dwide!.tensor, dweight: dweight!.tensor } })
    const { outputs } = await program.bind({ params }).run({ feeds: { x: { data: Float32Array.of(1, 2, 3), shape: [3] } } })
    assert.equal(outputs.loss!.data[0], 29.25)
    assert.deepEqual([...outputs.dwide!.data], [-3, 0, 18])
    assert.deepEqual(outputs.dweight!.data, Uint16Array.of(0xc200, 0, 0x4c80))
    await program.dispose()
  })

  test('a table in bytes: gathered rows are widened, the scales train', async () => {
    const table = parameter('table', [4, 2], { dtype: 'i8' })
    const scale = parameter('scale', [4, 1])
    const ids = input('ids', [dim('n')], 'i32')
    const rows = ops.dequantize(ops.gather(table, ids), ops.gather(scale, ids))
    const [dtable, dscale] = grad(ops.sum(rows), [table, scale])
    assert.deepEqual(dtable!.contributions, [])
    const params = await executor.store('params')
    await params.declare([table, scale])
    await params.write('table', Int8Array.of(0, 1, 2, 3, -4, -5, 6, 7))
    await params.write('scale', [1, 0.5, 2, 1])
    const program = await executor.compile({ outputs: { rows, dscale: dscale!.tensor } })
    const { outputs } = await program.bind({ params }).run({ feeds: { ids: { data: Int32Array.of(2, 1, 2), shape: [3] } } })
    assert.deepEqual([...outputs.rows!.data], [-8, -10, 1, 1.5, -8, -10])
    assert.deepEqual([...outputs.dscale!.data], [0, 5, -18, 0])
    await program.dispose()
  })

  test('a store that holds another type than the program reads is refused by path', async () => {
    const params = await executor.store('params')
    await params.declare([{ path: 'weight', dtype: 'f16', shape: [2] }])
    const program = await executor.compile({ outputs: { y: ops.exp(parameter('weight', [2])) } })
    await assert.rejects(program.bind({ params }).run(), { message: 'weight: the store has f16, the program reads f32' })
    await program.dispose()
  })

  test('bfloat16 has no way into ONNX Runtime from JavaScript, and says so when the program is compiled', async () => {
    const weight = parameter('weight', [2], { dtype: 'bf16' })
    await assert.rejects(
      executor.compile({ outputs: { y: ops.cast(weight, 'f32') } }),
      /params:weight: bf16 cannot be handed to onnxruntime[^:]*: store f16, or widen the values to f32 when they are read/,
    )
  })
})
