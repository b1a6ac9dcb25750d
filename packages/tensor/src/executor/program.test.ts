// Programs and stores (DESIGN E1, E3, E8, E10): one store under several programs, namespaces that are bound anew, sizes that differ from run to run.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dim, multiplyDims } from '../graph/dim.js'
import * as ops from '../graph/ops/index.js'
import { constant, input, parameter, state, type Tensor } from '../graph/tensor.js'
import { trainingStep } from '../optim/step.js'
import { sgd } from '../optim/transforms.js'
import { languageModel } from '../testing/block.js'
import { numbers } from '../testing/derivatives.js'
import { onEachExecutor } from '../testing/executors.js'
import type { Store } from './executor.js'
import { createExecutor } from './onnxruntime/index.js'

const size = (x: Tensor) => (x.shape as number[]).reduce((a, b) => a * b, 1)
const floats = (values: readonly number[]) => Float32Array.from(values)
const sizes = { layers: 2, hidden: 8, heads: 2, inner: 16, vocabulary: 11, positions: 9 }

async function fill(store: Store, tensors: Iterable<Tensor>): Promise<void> {
  let seed = 1
  for (const x of tensors) {
    const path = x.node.attributes.path as string
    await store.declare([x])
    await store.write(
      path,
      numbers(size(x), seed++).map((v) => 0.4 * v + (path.endsWith('norm.weight') ? 1 : 0)),
    )
  }
}

await onEachExecutor('programs and stores', (executor) => {
  test('training, evaluation and generation share one store: a step is seen by all, and nothing is copied', async () => {
    const { loss, logits, parameters } = languageModel(sizes)
    const { step, states } = trainingStep({ loss, parameters: [...parameters.values()], optimizer: sgd() })
    const [params, gradients] = [await executor.store('params'), await executor.store('gradients')]
    await fill(params, parameters.values())
    await gradients.declare(states.gradients)
    const stores = { params, gradients }
    const train = (await executor.compile(step)).bind(stores)
    const evaluate = (await executor.compile({ outputs: { loss } })).bind(stores)
    const next = ops.argmax(ops.slice(ops.reshape(logits, [dim('batch'), dim('time'), 11]), 1, -1), -1)
    const generate = (await executor.compile({ outputs: { next } })).bind(stores)
    const ids = { data: Int32Array.from([1, 2, 3, 4, 5, 6]), shape: [2, 3] }
    const targets = { data: Int32Array.from([2, 3, 4, 5, 6, 7]), shape: [2, 3] }
    const lossNow = async () => Number((await evaluate.run({ feeds: { ids, targets } })).outputs.loss!.data[0])
    for (let i = 0; i < 40; i++) {
      // the loss a step reports is that before its update: what evaluation sees at that moment
      const before = await lossNow()
      const { outputs } = await train.run({ feeds: { ids, targets }, scalars: { rate: 0.3 } })
      assert.ok(Math.abs(Number(outputs.loss!.data[0]) - before) < 1e-5 * before, `step ${i}`)
    }
    assert.ok((await lossNow()) < 0.2)
    assert.deepEqual([...(await generate.run({ feeds: { ids } })).outputs.next!.data], [4, 7])
  })

  test('a namespace is bound anew without compiling: two heads on one backbone', async () => {
    const body = parameter('body.weight', [2, 3])
    const head = state('head', 'weight', [3, 2])
    const x = input('x', [dim('batch'), 2])
    const y = ops.matmul(ops.matmul(x, body), head)
    const program = await executor.compile({ outputs: { y } })
    const params = await executor.store('params')
    await params.declare([body])
    await params.write('body.weight', [1, 0, 0, 0, 1, 0])
    const heads: Store[] = []
    for (const [i, values] of [
      [1, 0, 0, 1, 0, 0],
      [0, 10, 10, 0, 0, 0],
    ].entries()) {
      heads.push(await executor.store(`head ${i}`))
      await heads[i]!.declare([head])
      await heads[i]!.write('weight', values)
    }
    const feeds = { x: { data: floats([1, 2]), shape: [1, 2] } }
    const bound = heads.map((head) => program.bind({ params, head }))
    const outputs = async () => Promise.all(bound.map(async (one) => [...(await one.run({ feeds })).outputs.y!.data]))
    assert.deepEqual(await outputs(), [
      [1, 2],
      [20, 10],
    ])
    await params.write('body.weight', [2, 0, 0, 0, 2, 0])
    assert.deepEqual(await outputs(), [
      [2, 4],
      [40, 20],
    ])
    await assert.rejects(program.bind({ params }).run({ feeds }), { message: 'no store is bound to the namespace head' })
    await assert.rejects(program.bind({ params: heads[0]!, head: heads[1]! }).run({ feeds }), {
      message: 'store head 0: there is no body.weight; it has weight …',
    })
    await program.dispose()
    await assert.rejects(bound[0]!.run({ feeds }), { message: 'the program has been disposed of' })
  })

  test('other batch and time sizes run without compiling, and agree with single rows', async () => {
    const { logits, parameters } = languageModel(sizes)
    const params = await executor.store('params')
    await fill(params, parameters.values())
    const executable = await executor.compile({ outputs: { logits } })
    const run = async (rows: readonly number[][]) => {
      const ids = { data: Int32Array.from(rows.flat()), shape: [rows.length, rows[0]!.length] }
      return (await executable.bind({ params }).run({ feeds: { ids } })).outputs.logits!
    }
    for (const [batch, time] of [
      [1, 1],
      [3, 2],
      [2, 9],
      [4, 5],
      [1, 7],
    ] as const) {
      const rows = Array.from({ length: batch }, (_, b) => Array.from({ length: time }, (_, t) => (3 * b + 5 * t) % 11))
      const all = await run(rows)
      assert.deepEqual(all.shape, [batch * time, 11])
      for (const [b, row] of rows.entries()) {
        const single = await run([row])
        single.data.forEach((value, i) => {
          const got = Number(all.data[b * time * 11 + i])
          assert.ok(Math.abs(got - Number(value)) < 1e-5 * (1 + Math.abs(Number(value))), `row ${b} of ${batch}×${time}`)
        })
      }
    }
    await executable.dispose()
  })

  test('sizes are expressions: what is fed and what comes out fit them', async () => {
    const [batch, time] = [dim('batch'), dim('time')]
    const x = input('x', [batch, time])
    const flat = input('flat', [multiplyDims(batch, time)])
    const y = ops.add(ops.reshape(x, [-1]), flat)
    const executable = await executor.compile({ outputs: { y, count: ops.dimension(y.shape[0]!) } })
    const run = (x: readonly number[], shape: number[], flat: readonly number[]) =>
      executable.bind({}).run({ feeds: { x: { data: floats(x), shape }, flat: { data: floats(flat), shape: [flat.length] } } })
    const { outputs } = await run([1, 2, 3, 4, 5, 6], [3, 2], [1, 1, 1, 1, 1, 1])
    assert.deepEqual([[...outputs.y!.data], outputs.count!.data[0]], [[2, 3, 4, 5, 6, 7], 6])
    await assert.rejects(run([1, 2], [1, 2], [1, 1, 1]), { message: 'flat: axis 0 (batch*time) has size 3: expected 2' })
    await executable.dispose()
  })

  test('sizes that are known beforehand are compiled for; others run as well', async () => {
    const x = input('x', [dim('batch'), dim('time')])
    const mean = ops.mean(x, 1)
    const executable = await executor.compile(
      { outputs: { mean, time: ops.dimension(dim('time')) } },
      { shapes: [{ time: 2 }, { time: 3, batch: 1 }] },
    )
    for (const shape of [
      [2, 2],
      [1, 3],
      [2, 3],
      [2, 5],
    ]) {
      const data = Float32Array.from({ length: shape[0]! * shape[1]! }, (_, i) => i)
      const { outputs } = await executable.bind({}).run({ feeds: { x: { data, shape } } })
      const expected = Array.from({ length: shape[0]! }, (_, row) => row * shape[1]! + (shape[1]! - 1) / 2)
      assert.deepEqual([[...outputs.mean!.data], outputs.time!.data[0]], [expected, shape[1]])
    }
    await executable.dispose()
  })

  test('weights as constants give the same values and no longer follow the store', async () => {
    const { logits, parameters } = languageModel(sizes)
    const params = await executor.store('params')
    await fill(params, parameters.values())
    const [reading, fixed] = [
      await executor.compile({ outputs: { logits } }),
      await executor.compile({ outputs: { logits } }, { constants: { params } }),
    ]
    const feeds = { ids: { data: Int32Array.from([1, 2, 3]), shape: [1, 3] } }
    const run = async () => [
      (await reading.bind({ params }).run({ feeds })).outputs.logits!.data as Float32Array,
      (await fixed.bind({}).run({ feeds })).outputs.logits!.data as Float32Array,
    ]
    const [before, same] = await run()
    same!.forEach((value, i) => {
      assert.ok(Math.abs(value - before![i]!) < 1e-5)
    })
    await params.fill('embeddings.token.weight', { value: 1 })
    const [changed, kept] = await run()
    assert.deepEqual(kept, same)
    assert.notDeepEqual(changed, before)
    await reading.dispose()
    await fixed.dispose()
  })

  test('one namespace is constant, another is bound: the program keeps its weights when their store is gone', async () => {
    const weight = parameter('weight', [2, 2])
    const total = state('cache', 'total', [1, 2])
    const next = ops.add(total, ops.matmul(ops.gather(weight, input('ids', [1], 'i32')), weight))
    const [params, cache] = [await executor.store('params'), await executor.store('cache')]
    await params.declare([weight])
    await params.write('weight', [1, 2, 3, 4])
    const program = await executor.compile(
      { outputs: { next }, updates: [{ kind: 'replace', state: total, value: next }] },
      { constants: { params } },
    )
    await params.dispose()
    await cache.declare([total])
    const run = async (id: number) => {
      const { outputs } = await program.bind({ cache }).run({ feeds: { ids: { data: Int32Array.of(id), shape: [1] } } })
      return [...outputs.next!.data]
    }
    assert.deepEqual(await run(0), [7, 10])
    assert.deepEqual(await run(1), [22, 32])
    await program.dispose()
  })

  test('what is fed wrongly is reported by name', async () => {
    const [x, ids] = [input('x', [dim('batch'), 2]), input('ids', [dim('batch')], 'i32')]
    const executable = await executor.compile({ outputs: { y: ops.add(x, ops.unsqueeze(ops.cast(ids, 'f32'), 1)) } })
    const good = { x: { data: floats([1, 2]), shape: [1, 2] }, ids: { data: Int32Array.of(3), shape: [1] } }
    const refused: [Record<string, unknown>, string][] = [
      [{ x: good.x }, 'ids: not fed; the program takes x, ids'],
      [{ ...good, y: good.x }, 'y: fed, but the program does not take it'],
      [{ ...good, x: { data: floats([1, 2, 3]), shape: [1, 3] } }, 'x: axis 1 has size 3: expected 2'],
      [{ ...good, x: { data: floats([1, 2]), shape: [2] } }, 'x: fed with the shape [2]: expected rank 2'],
      [{ ...good, x: { data: floats([1, 2, 3]), shape: [1, 2] } }, 'x: fed with 3 values: the shape [1,2] has 2'],
      [{ ...good, ids: { data: floats([3]), shape: [1] } }, 'ids: fed with a Float32Array: expected a Int32Array, which holds i32'],
      [{ ...good, ids: { data: Int32Array.of(3, 4), shape: [2] } }, 'ids: axis 0 (batch) has size 2, but another input gave 1'],
    ]
    for (const [feeds, message] of refused) await assert.rejects(executable.bind({}).run({ feeds: feeds as never }), { message })
    assert.deepEqual([...(await executable.bind({}).run({ feeds: good })).outputs.y!.data], [4, 5])
    await executable.dispose()
  })

  test('an output may be an input, a state or a constant as it is; it may not have an input’s name', async () => {
    const [x, weight] = [input('x', [2]), parameter('weight', [2])]
    const params = await executor.store('params')
    await params.declare([weight])
    await params.write('weight', [3, 4])
    const executable = await executor.compile({ outputs: { same: x, state: weight, fixed: constant([5, 6]), twice: x } })
    const { outputs } = await executable.bind({ params }).run({ feeds: { x: { data: floats([1, 2]), shape: [2] } } })
    assert.deepEqual(
      ['same', 'state', 'fixed', 'twice'].map((name) => [...outputs[name]!.data]),
      [
        [1, 2],
        [3, 4],
        [5, 6],
        [1, 2],
      ],
    )
    await assert.rejects(executor.compile({ outputs: { x: ops.exp(x) } }), {
      message: 'the output x has the name of an input: give one of them another',
    })
    await executable.dispose()
  })

  test('stores: types, sizes and paths are checked', async () => {
    const store = await executor.store('s')
    await store.declare([
      { path: 'a', dtype: 'f32', shape: [2] },
      { path: 'half', dtype: 'f16', shape: [2] },
      { path: 'count', dtype: 'i32', shape: [1] },
    ])
    await store.declare([{ path: 'a', dtype: 'f32', shape: [2] }])
    const refused: [() => Promise<unknown>, string][] = [
      [() => store.declare([{ path: 'a', dtype: 'f32', shape: [3] }]), 'store s: a is f32 [2] already: it cannot become f32 [3]; remove it first'],
      [() => store.read('b'), 'store s: there is no b; it has a, half, count …'],
      [() => store.write('a', [1, 2], 1), 'store s: 2 values at 1 do not fit a, which has 2'],
      [() => store.write('half', [1, 2]), 'store s: half is f16: write its bits as a Uint16Array'],
      [() => store.fill('count', { value: 1 }), 'count is i32: only f32 tensors are filled; write() its values'],
      [
        () => store.declare([state('cache', 'keys', [2, dim('capacity')])]),
        'store s: keys has the shape [2,capacity]: a store needs fixed sizes; give the capacity of each named one',
      ],
    ]
    for (const [call, message] of refused) await assert.rejects(call(), { message })
    await store.dispose()
    await assert.rejects(store.read('a'), { message: `store ${store.id} has been disposed of` })
  })
})

test('a worker leaves the caller’s event loop free, and gives the errors that the host gives', async () => {
  await using executor = await createExecutor({ threads: 1 })
  const x = input('x', [600, 600])
  let y: Tensor = x
  for (let i = 0; i < 30; i++) y = ops.matmul(y, x, { alpha: 1 / 600 })
  const executable = await executor.compile({ outputs: { y: ops.sum(y) } })
  let ticks = 0
  const timer = setInterval(() => ticks++, 2)
  const feeds = { x: { data: new Float32Array(360_000).fill(1), shape: [600, 600] } }
  const { outputs } = await executable.bind({}).run({ feeds })
  clearInterval(timer)
  assert.ok(Math.abs(Number(outputs.y!.data[0]) / 360_000 - 1) < 1e-3)
  assert.ok(ticks >= 3, `${ticks} ticks of the caller's clock during a run of some hundred milliseconds`)
  await assert.rejects(executable.bind({}).run(), { message: 'x: not fed; the program takes x' })
})

test('runs that are asked for at once happen one after the other', async () => {
  for (const worker of [true, false]) {
    await using executor = await createExecutor({ threads: 2, worker })
    const count = parameter('count', [1])
    const store = await executor.store('params')
    await store.declare([count])
    const program = await executor.compile({ outputs: { before: count }, updates: [{ kind: 'replace', state: count, value: ops.add(count, 1) }] })
    const bound = program.bind({ params: store })
    const results = await Promise.all(Array.from({ length: 20 }, () => bound.run()))
    assert.deepEqual(
      results.map(({ outputs }) => outputs.before!.data[0]),
      Array.from({ length: 20 }, (_, i) => i),
    )
  }
})
