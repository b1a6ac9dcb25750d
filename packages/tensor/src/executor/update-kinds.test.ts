// Updates (DESIGN E2): every read of a run sees the old values, whatever the kind of the update, and what does not fit is refused.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dim } from '../graph/dim.js'
import * as ops from '../graph/ops/index.js'
import { constant, GraphError, input, parameter, state, type Tensor } from '../graph/tensor.js'
import { numbers } from '../testing/derivatives.js'
import { onEachExecutor } from '../testing/executors.js'
import { compileProgram, type Update } from './program.js'

const table = parameter('table', [4, 2])
const start = [0, 1, 10, 11, 20, 21, 30, 31]
const ids = (...values: number[]) => constant(values, [values.length], 'i32')

await onEachExecutor('updates', (executor) => {
  /** Runs a program once on the table; gives what it held before, by the program's own account, and what it holds then. */
  async function once(updates: readonly Update[], outputs: Record<string, Tensor> = { before: ops.mul(table, 1) }) {
    const params = await executor.store('params')
    await params.declare([table])
    await params.write('table', start)
    const program = await executor.compile({ outputs, updates })
    try {
      const result = await program.bind({ params }).run()
      return { now: [...(await params.read('table'))], outputs: result.outputs }
    } finally {
      await program.dispose()
      await params.dispose()
    }
  }

  test('replace: the new value comes from the old one, which other outputs still read', async () => {
    const doubled: Update = { kind: 'replace', state: table, value: ops.mul(table, 2) }
    const { now, outputs } = await once([doubled], { before: ops.sum(table), after: ops.sum(ops.sub(table, 1)) })
    assert.deepEqual(
      now,
      start.map((x) => 2 * x),
    )
    assert.deepEqual([outputs.before!.data[0], outputs.after!.data[0]], [124, 116])
  })

  test('the trap of the buffer that is both input and output: a weight that is read again after its update is computed', async () => {
    // the update is ready long before the backward pass reads the weight: were it written in place, the loss would go astray
    const weight = parameter('weight', [32, 32])
    const x = constant(numbers(32 * 32, 1), [32, 32])
    let h: Tensor = ops.matmul(x, weight)
    for (let i = 0; i < 6; i++) h = ops.tanh(ops.matmul(h, weight))
    const value = ops.mul(weight, 1.01)
    const params = await executor.store('params')
    await params.declare([weight])
    const initial = numbers(32 * 32, 2).map((v) => 0.2 * v)
    const [both, alone] = [
      await executor.compile({ outputs: { h }, updates: [{ kind: 'replace', state: weight, value }] }),
      await executor.compile({ outputs: { h } }),
    ]
    await params.write('weight', initial)
    for (let i = 0; i < 5; i++) {
      const expected = (await alone.bind({ params }).run()).outputs.h
      assert.deepEqual((await both.bind({ params }).run()).outputs.h, expected, `step ${i}`)
    }
    const grown = initial.map((v) => {
      let value = v
      for (let i = 0; i < 5; i++) value = Math.fround(value * Math.fround(1.01))
      return value
    })
    assert.deepEqual(await params.read('weight'), grown)
    for (const one of [both, alone, params]) await one.dispose()
  })

  test('two states that take each other’s values', async () => {
    const [a, b] = [parameter('a', [2]), parameter('b', [2])]
    const params = await executor.store('params')
    await params.declare([a, b])
    await params.write('a', [1, 2])
    await params.write('b', [3, 4])
    const program = await executor.compile({
      outputs: {},
      updates: [
        { kind: 'replace', state: a, value: b },
        { kind: 'replace', state: b, value: a },
      ],
    })
    await program.bind({ params }).run()
    assert.deepEqual(
      [[...(await params.read('a'))], [...(await params.read('b'))]],
      [
        [3, 4],
        [1, 2],
      ],
    )
    // two names of one store: the state is read under one and written under the other
    const other = state('other', 'a', [2])
    const alias = await executor.compile({
      outputs: { seen: ops.exp(ops.neg(ops.mul(a, 0))), old: a },
      updates: [{ kind: 'replace', state: other, value: ops.add(a, 10) }],
    })
    const { outputs } = await alias.bind({ params, other: params }).run()
    assert.deepEqual(
      [[...outputs.old!.data], [...(await params.read('a'))]],
      [
        [3, 4],
        [13, 14],
      ],
    )
    for (const one of [program, alias, params]) await one.dispose()
  })

  test('rows: written, the last of equal ids wins; added, equal ids add up', async () => {
    const values = constant([1, 2, 3, 4, 5, 6], [3, 2])
    assert.deepEqual((await once([{ kind: 'rows', state: table, ids: ids(2, 0, 2), values }])).now, [3, 4, 10, 11, 5, 6, 30, 31])
    assert.deepEqual((await once([{ kind: 'rows', state: table, ids: ids(2, 0, 2), values, add: true }])).now, [3, 5, 10, 11, 26, 29, 30, 31])
    // the values are computed from the rows that are overwritten
    const moved: Update = { kind: 'rows', state: table, ids: ids(0, 1), values: ops.gather(table, ids(1, 0)) }
    assert.deepEqual((await once([moved])).now, [10, 11, 0, 1, 20, 21, 30, 31])
    await assert.rejects(once([{ kind: 'rows', state: table, ids: ids(4), values: constant([1, 2], [1, 2]) }]), {
      message: "table: row 4 is outside the table's 4 rows",
    })
  })

  test('slice: places from an offset on, along any axis', async () => {
    const offset = (n: number) => constant(n, [], 'i32')
    assert.deepEqual(
      (await once([{ kind: 'slice', state: table, axis: 0, offset: offset(1), values: constant([1, 2, 3, 4], [2, 2]) }])).now,
      [0, 1, 1, 2, 3, 4, 30, 31],
    )
    assert.deepEqual(
      (await once([{ kind: 'slice', state: table, axis: 1, offset: offset(1), values: ops.slice(table, 1, 0, 1) }])).now,
      [0, 0, 10, 10, 20, 20, 30, 30],
    )
    await assert.rejects(once([{ kind: 'slice', state: table, axis: 0, offset: offset(3), values: constant([1, 2, 3, 4], [2, 2]) }]), {
      message: 'table: 2 places from 3 on do not fit axis 0, which has 4',
    })
  })

  test('gather: rows or columns in another order, read before any is written', async () => {
    assert.deepEqual((await once([{ kind: 'gather', state: table, ids: ids(3, 0, 0, 1) }])).now, [30, 31, 0, 1, 0, 1, 10, 11])
    assert.deepEqual((await once([{ kind: 'gather', state: table, axis: 1, ids: ids(1, 0) }])).now, [1, 0, 11, 10, 21, 20, 31, 30])
    assert.deepEqual((await once([{ kind: 'gather', state: table, ids: ids(2) }])).now, [20, 21, 10, 11, 20, 21, 30, 31])
    await assert.rejects(once([{ kind: 'gather', state: table, ids: ids(4) }]), { message: 'table: place 4 is outside axis 0, which has 4' })
    await assert.rejects(once([{ kind: 'gather', state: table, axis: 1, ids: ids(0, 1, 0) }]), {
      message: 'table: 3 places are gathered along axis 1, which has 2',
    })
  })

  test('a cache with a capacity: keys are appended at an offset, attention reads those that are there, beams change places', async () => {
    const [beams, capacity] = [dim('beams'), dim('capacity')]
    const keys = state('cache', 'keys', [beams, capacity, 2])
    const now = input('now', [beams, 1, 2])
    const length = input('length', [], 'i32')
    const visible = ops.less(ops.range(capacity), length)
    const total = ops.sum(ops.mul(keys, ops.where(ops.unsqueeze(visible, 1), 1, 0)), 1) // [beams, 2]
    const append = await executor.compile({
      outputs: { total },
      updates: [{ kind: 'slice', state: keys, axis: 1, offset: length, values: now }],
    })
    const reorder = await executor.compile({ outputs: {}, updates: [{ kind: 'gather', state: keys, ids: input('from', [beams], 'i32') }] })
    for (const room of [3, 5]) {
      // the same programs serve caches of any capacity
      const cache = await executor.store('cache')
      await cache.declare([{ path: 'keys', dtype: 'f32', shape: [2, room, 2] }])
      for (let step = 0; step < room; step++) {
        const feeds = { now: { data: Float32Array.of(step, 1, 10 * step, 1), shape: [2, 1, 2] }, length: { data: Int32Array.of(step), shape: [] } }
        const { outputs } = await append.bind({ cache }).run({ feeds })
        const sum = Array.from({ length: step }, (_, i) => i).reduce((a, b) => a + b, 0)
        assert.deepEqual([...outputs.total!.data], [sum, step, 10 * sum, step], `capacity ${room}, step ${step}`)
      }
      await reorder.bind({ cache }).run({ feeds: { from: { data: Int32Array.of(1, 1), shape: [2] } } })
      const all = [...(await cache.read('keys'))]
      assert.deepEqual(all.slice(0, all.length / 2), all.slice(all.length / 2))
      assert.equal(all[2], 10)
      await cache.dispose()
    }
    await append.dispose()
    await reorder.dispose()
  })
})

test('an update that does not fit its state is refused when the program is built', () => {
  const x = input('x', [4, 3])
  const offset = constant(0, [], 'i32')
  const refused: [Update, string][] = [
    [{ kind: 'replace', state: x, value: x }, 'update: x f32 [4, 3] is no state: only tensors in stores can be updated'],
    [{ kind: 'replace', state: table, value: x }, 'update: x f32 [4, 3] does not fit table f32 [4, 2]'],
    [{ kind: 'rows', state: table, ids: ids(0, 1), values: x }, 'update: rows x f32 [4, 3] at i32 [2] do not fit table f32 [4, 2]'],
    [
      { kind: 'rows', state: state('params', 'n', [4], 'i32'), ids: ids(0), values: ids(1), add: true },
      'update: rows can be added to f32 only, not to n i32 [4]',
    ],
    [{ kind: 'slice', state: table, axis: 0, offset, values: x }, 'update: x f32 [4, 3] is no slice along axis 0 of table f32 [4, 2]'],
    [
      { kind: 'slice', state: table, axis: 0, offset: ids(0), values: table },
      'update: the offset i32 [1] is no i32 scalar: a slice of table f32 [4, 2]',
    ],
    [{ kind: 'gather', state: table, ids: x }, 'update: the ids x f32 [4, 3] are no i32 [n]: a gather of table f32 [4, 2]'],
    [{ kind: 'gather', state: table, axis: 2, ids: ids(0) }, 'update: axis 2 is outside a tensor of rank 2: expected -2 to 1'],
  ]
  for (const [update, message] of refused) assert.throws(() => compileProgram({ outputs: {}, updates: [update] }), new GraphError(message))
  const twice: Update[] = [
    { kind: 'replace', state: table, value: ops.mul(table, 2) },
    { kind: 'gather', state: table, ids: ids(0) },
  ]
  assert.throws(
    () => compileProgram({ outputs: {}, updates: twice }),
    new GraphError('update: table is replaced and updated once more in one program: which comes first would decide its value'),
  )
})
