// Rows of tables: sparse updates against a slow reference, and selected rows that train while the others stay frozen (DESIGN E6).

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as reference from '../executor/update/reference.js'
import { dim } from '../graph/dim.js'
import { grad } from '../graph/grad.js'
import * as ops from '../graph/ops/index.js'
import { GraphError, input, parameter, type Tensor } from '../graph/tensor.js'
import { numbers } from '../testing/derivatives.js'
import { onEachExecutor } from '../testing/executors.js'
import { trainingStep } from './step.js'
import { selectRows } from './trainable.js'
import { adamw, sgd } from './transforms.js'

const [count, width] = [9, 3]
const table = parameter('embeddings.token.weight', [count, width])
const start = numbers(count * width, 1)
const i32 = (values: readonly number[]) => ({ data: Int32Array.from(values), shape: [values.length] })

/** Σ weights · rows, of one table gathered twice: the gradient of row r is the sum of the weights where r stands. */
function twoLookups() {
  const [a, b] = [input('a', [dim('n')], 'i32'), input('b', [dim('m')], 'i32')]
  const [wa, wb] = [input('wa', [dim('n'), width]), input('wb', [dim('m'), width])]
  const look = (ids: Tensor, weights: Tensor) => ops.sum(ops.mul(ops.gather(table, ids), weights))
  return ops.add(look(a, wa), look(b, wb))
}

/** Ids of each step: repeated within a lookup and across the two. */
const batches = [
  { a: [2, 5, 2], b: [5] },
  { a: [0, 2, 7], b: [2, 2] },
  { a: [8, 8, 8], b: [0] },
  { a: [2, 5, 1], b: [7] },
]
const feedsOf = ({ a, b }: { a: number[]; b: number[] }, step: number) => ({
  a: i32(a),
  b: i32(b),
  wa: { data: numbers(a.length * width, 20 + step), shape: [a.length, width] },
  wb: { data: numbers(b.length * width, 40 + step), shape: [b.length, width] },
})

await onEachExecutor('rows', (executor) => {
  async function stores(programs: ReturnType<typeof trainingStep>) {
    const all = {
      params: await executor.store('params'),
      gradients: await executor.store('gradients'),
      accumulated: await executor.store('accumulated'),
      optimizer: await executor.store('optimizer'),
    }
    await all.params.declare(programs.states.params)
    await all.params.write('embeddings.token.weight', start)
    await all.gradients.declare(programs.states.gradients)
    await all.accumulated.declare(programs.states.gradients)
    await all.optimizer.declare(programs.states.optimizer)
    return all
  }
  const floats = async (store: { read(path: string): Promise<unknown> }, path = 'embeddings.token.weight') => (await store.read(path)) as Float32Array

  /** Lazy AdamW, written down slowly: touched rows only, each with its own count. */
  function lazyAdamW(rate: number, weightDecay: number, clip: number): Float32Array {
    const [param, m, v] = [start.slice(), new Float32Array(count * width), new Float32Array(count * width)]
    const steps = new Array<number>(count).fill(0)
    for (const [step, batch] of batches.entries()) {
      const { wa, wb } = feedsOf(batch, step)
      const gradient = new Float32Array(count * width)
      for (const [ids, weights] of [
        [batch.a, wa.data],
        [batch.b, wb.data],
      ] as const)
        ids.forEach((id, i) => {
          for (let c = 0; c < width; c++) gradient[id * width + c]! += weights[i * width + c]!
        })
      const norm = Math.sqrt(reference.sumSquares(gradient))
      for (const row of new Set([...batch.a, ...batch.b])) {
        const part = (all: Float32Array) => all.subarray(row * width, (row + 1) * width)
        const t = ++steps[row]!
        reference.adam(part(param), part(gradient), part(m), part(v), {
          ...{ rate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay },
          gradScale: Math.min(1, clip / (norm + 1e-6)),
          correction1: 1 - 0.9 ** t,
          correction2: 1 - 0.999 ** t,
        })
      }
    }
    return param
  }
  const near = (actual: Float32Array, expected: Float32Array, tolerance = 2e-6) => {
    assert.equal(actual.length, expected.length)
    actual.forEach((value, i) => {
      assert.ok(Math.abs(value - expected[i]!) <= tolerance, `[${i}] ${value}, expected ${expected[i]}`)
    })
  }

  test('sparse AdamW is the slow reference, in one program and in parts', async () => {
    const programs = trainingStep({ loss: twoLookups(), parameters: [table], optimizer: adamw({ weightDecay: 0.1, clip: 1 }), sparse: true })
    const expected = lazyAdamW(0.02, 0.1, 1)
    const [fused, parts] = [await stores(programs), await stores(programs)]
    const [step, gradients, accumulate, clear, apply] = await Promise.all(
      [programs.step, programs.gradients, programs.accumulate, programs.clear, programs.apply].map((program) => executor.compile(program)),
    )
    for (const [i, batch] of batches.entries()) {
      const feeds = feedsOf(batch, i)
      const one = await step!.bind(fused).run({ feeds, scalars: { rate: 0.02 } })
      await clear!.bind(parts).run()
      await gradients!.bind(parts).run({ feeds })
      await accumulate!.bind(parts).run()
      const other = await apply!.bind({ ...parts, gradients: parts.accumulated }).run({ scalars: { rate: 0.02 } })
      assert.ok(Math.abs(one.values.gradientNorm! - other.values.gradientNorm!) < 1e-6)
    }
    near(await floats(fused.params), expected)
    near(await floats(parts.params), expected)
    // rows 3, 4 and 6 were never touched
    assert.deepEqual((await fused.optimizer.read('embeddings.token.weight/step')) as Int32Array, Int32Array.of(2, 1, 3, 0, 0, 2, 0, 2, 1))
    for (const row of [3, 4, 6])
      assert.deepEqual((await floats(fused.params)).slice(row * width, (row + 1) * width), start.slice(row * width, (row + 1) * width))
    for (const x of [step!, gradients!, accumulate!, clear!, apply!, ...Object.values(fused), ...Object.values(parts)]) await x.dispose()
  })

  test('it is off by default: PyTorch moves every row by its momentum and its decay', async () => {
    const programs = trainingStep({ loss: twoLookups(), parameters: [table], optimizer: adamw({ weightDecay: 0.1 }) })
    const all = await stores(programs)
    const step = await executor.compile(programs.step)
    await step.bind(all).run({ feeds: feedsOf(batches[0]!, 0), scalars: { rate: 0.02 } })
    const now = await floats(all.params)
    assert.ok([3, 4, 6].every((row) => now[row * width] !== start[row * width]))
    assert.deepEqual(await all.optimizer.read('embeddings.token.weight/step'), Int32Array.of(1))
    for (const x of [step, ...Object.values(all)]) await x.dispose()
  })

  test('AdamW on a gathered table is the same in one program, where the gradient stays rows, and in parts, where it fills the table', async () => {
    const programs = trainingStep({ loss: twoLookups(), parameters: [table], optimizer: adamw({ weightDecay: 0.1, clip: 1 }) })
    assert.ok(programs.step.steps!.some(({ kernel }) => kernel === 'adam-gathered'))
    const [fused, parts] = [await stores(programs), await stores(programs)]
    const [step, gradients, apply] = await Promise.all(
      [programs.step, programs.gradients, programs.apply].map((program) => executor.compile(program)),
    )
    for (const [i, batch] of batches.entries()) {
      const feeds = feedsOf(batch, i)
      const one = await step!.bind(fused).run({ feeds, scalars: { rate: 0.02 } })
      await gradients!.bind(parts).run({ feeds })
      const other = await apply!.bind(parts).run({ scalars: { rate: 0.02 } })
      assert.ok(Math.abs(one.values.gradientNorm! - other.values.gradientNorm!) < 1e-6)
      near(await floats(fused.params), await floats(parts.params), 1e-7)
    }
    // an update that would ruin the table does not happen, and the gradient can be looked at
    const before = (await floats(fused.params)).slice()
    const feeds = feedsOf(batches[0]!, 0)
    feeds.wa.data[0] = Number.NaN // of row 2
    const { values } = await step!.bind(fused).run({ feeds, scalars: { rate: 0.02 } })
    assert.ok(Number.isNaN(values.gradientNorm))
    assert.deepEqual(await floats(fused.params), before)
    assert.deepEqual(await fused.gradients.largest(), { path: 'embeddings.token.weight', value: Number.NaN })
    for (const x of [step!, gradients!, apply!, ...Object.values(fused), ...Object.values(parts)]) await x.dispose()
  })

  test('a row that was read without a gradient (a masked token) is not touched', async () => {
    const programs = trainingStep({ loss: twoLookups(), parameters: [table], optimizer: adamw({ weightDecay: 0.1 }), sparse: true })
    const all = await stores(programs)
    const [step, gradients, apply] = [
      await executor.compile(programs.step),
      await executor.compile(programs.gradients),
      await executor.compile(programs.apply),
    ]
    const feeds = feedsOf({ a: [4, 2], b: [4] }, 0)
    feeds.wa.data.fill(0, 0, width)
    feeds.wb.data.fill(0)
    await step.bind(all).run({ feeds, scalars: { rate: 0.02 } })
    await gradients.bind(all).run({ feeds })
    await apply.bind(all).run({ scalars: { rate: 0.02 } })
    assert.deepEqual((await all.optimizer.read('embeddings.token.weight/step')) as Int32Array, Int32Array.of(0, 0, 2, 0, 0, 0, 0, 0, 0))
    assert.deepEqual((await floats(all.params)).slice(4 * width, 5 * width), start.slice(4 * width, 5 * width))
    for (const x of [step, gradients, apply, ...Object.values(all)]) await x.dispose()
  })

  test('a table that a head is tied to has a dense gradient, and is updated as a whole even where sparse updates are asked for', async () => {
    const x = ops.gather(table, input('a', [dim('n')], 'i32'))
    const { loss } = ops.linearCrossEntropy(x, table, input('b', [dim('n')], 'i32'))
    const programs = trainingStep({ loss, parameters: [table], optimizer: adamw(), sparse: true })
    const all = await stores(programs)
    const step = await executor.compile(programs.step)
    await step.bind(all).run({ feeds: { a: i32([1, 2]), b: i32([3, 4]) }, scalars: { rate: 0.02 } })
    assert.ok((await floats(all.params)).every((value, i) => value !== start[i]))
    for (const x of [step, ...Object.values(all)]) await x.dispose()
  })

  for (const form of ['kernels', 'graph'] as const)
    for (const fused of [true, false])
      test(`added rows train, the others are frozen, the tied head has them (${form}, ${fused ? 'one program' : 'in parts'})`, async () => {
        // a language model whose table is input and head; rows 7 and 8 are new
        const [ids, targets] = [input('a', [dim('n')], 'i32'), input('b', [dim('n')], 'i32')]
        const lossOf = (whole: Tensor) => ops.linearCrossEntropy(ops.tanh(ops.gather(whole, ids)), whole, targets).loss
        const optimizer = adamw({ weightDecay: 0.3, clip: 0.4 })
        const rows = selectRows(table, 7)
        const programs = trainingStep({ loss: lossOf(table), parameters: [rows], optimizer, form })
        assert.deepEqual(programs.states.optimizer.map((x) => [x.node.attributes.path, x.shape]).slice(0, 2), [
          ['embeddings.token.weight[7:9]/m', [2, width]],
          ['embeddings.token.weight[7:9]/v', [2, width]],
        ])
        const all = await stores(programs)
        const [step, gradients, apply] = [
          await executor.compile(programs.step),
          await executor.compile(programs.gradients),
          await executor.compile(programs.apply),
        ]
        // the slow way: the new rows are a parameter of their own, joined to a table that is a constant
        const [old, fresh] = [parameter('old', [7, width]), parameter('fresh', [2, width])]
        const other = trainingStep({ loss: lossOf(ops.concat([old, fresh])), parameters: [fresh], optimizer, form: 'graph' })
        const params = await executor.store('params')
        const [otherGradients, otherOptimizer] = [await executor.store('g'), await executor.store('o')]
        await params.declare([old, fresh])
        await params.write('old', start.slice(0, 7 * width))
        await params.write('fresh', start.slice(7 * width))
        await otherGradients.declare(other.states.gradients)
        await otherOptimizer.declare(other.states.optimizer)
        const slow = await executor.compile(other.step)
        for (const [i, batch] of [
          { a: [7, 1, 8, 7], b: [8, 7, 0, 3] },
          { a: [1, 2, 3], b: [4, 5, 6] }, // the new rows stand in the head only
          { a: [8, 8], b: [7, 2] },
        ].entries()) {
          const feeds = { a: i32(batch.a), b: i32(batch.b) }
          const expected = await slow.bind({ params, gradients: otherGradients, optimizer: otherOptimizer }).run({ feeds, scalars: { rate: 0.05 } })
          let loss: unknown
          if (fused) loss = (await step.bind(all).run({ feeds, scalars: { rate: 0.05 } })).outputs.loss!.data[0]
          else {
            loss = (await gradients.bind(all).run({ feeds })).outputs.loss!.data[0]
            await apply.bind(all).run({ scalars: { rate: 0.05 } })
          }
          assert.ok(Math.abs(Number(loss) - Number(expected.outputs.loss!.data[0])) < 1e-6, `step ${i}`)
        }
        const now = await floats(all.params)
        assert.deepEqual(now.slice(0, 7 * width), start.slice(0, 7 * width), 'old rows to the bit')
        near(now.slice(7 * width), await floats(params, 'fresh'))
        assert.ok(now.slice(7 * width).every((value, i) => Math.abs(value - start[7 * width + i]!) > 1e-3))
        for (const x of [step, gradients, apply, slow, params, otherGradients, otherOptimizer, ...Object.values(all)]) await x.dispose()
      })

  test('two selections of one table, each with its own optimizer, sparse or not', async () => {
    for (const sparse of [false, true]) {
      const programs = trainingStep({
        loss: twoLookups(),
        parameters: [selectRows(table, 0, 3), selectRows(table, 5, 6)],
        optimizer: adamw(),
        rateOf: (path) => (path.endsWith('[5:6]') ? 10 : 1),
        sparse,
      })
      const all = await stores(programs)
      const step = await executor.compile(programs.step)
      await step.bind(all).run({ feeds: feedsOf(batches[0]!, 0), scalars: { rate: 0.01 } })
      const moved = [...(await floats(all.params))].map((value, i) => Math.abs(value - start[i]!))
      // Adam's first step is the rate; decay adds a hundredth of that at most
      for (const [row, expected] of [0, 0, 0.01, 0, 0, 0.1, 0, 0, 0].entries())
        for (let c = 0; c < width; c++)
          assert.ok(Math.abs(moved[row * width + c]! - expected) < 2e-3 + (sparse ? 0 : 1e-4), `row ${row}: ${moved[row * width + c]}`)
      for (const x of [step, ...Object.values(all)]) await x.dispose()
    }
  })
})

test('the gradient of selected rows is cut from the table’s', () => {
  const dense = grad(ops.sum(ops.square(table)), [table])[0]!
  assert.ok(dense.dense)
  const programs = trainingStep({ loss: ops.sum(ops.square(table)), parameters: [selectRows(table, 2, 4)], optimizer: sgd() })
  assert.deepEqual(programs.states.gradients[0]!.shape, [2, width])
  assert.deepEqual(programs.states.params, [table])
})

test('rows that the table has not, that overlap, or that an optimizer cannot update alone are refused', () => {
  assert.throws(() => selectRows(table, 4, 10), new GraphError('selectRows: embeddings.token.weight f32 [9, 3] has no rows 4 to 10'))
  assert.throws(() => selectRows(table, 4, 4), new GraphError('selectRows: embeddings.token.weight f32 [9, 3] has no rows 4 to 4'))
  assert.throws(() => selectRows(ops.exp(table), 0), new GraphError('selectRows: f32 [9, 3] is no parameter'))
  const build =
    (parameters: Parameters<typeof trainingStep>[0]['parameters'], more = {}) =>
    () =>
      trainingStep({ loss: twoLookups(), parameters, optimizer: adamw(), ...more })
  assert.throws(
    build([table, selectRows(table, 7)]),
    new GraphError('trainingStep: embeddings.token.weight[7:9] is given twice, the other time as embeddings.token.weight'),
  )
  assert.throws(
    build([selectRows(table, 2, 8), selectRows(table, 7)]),
    new GraphError('trainingStep: embeddings.token.weight[7:9] is given twice, the other time as embeddings.token.weight[2:8]'),
  )
  assert.throws(
    build([table], { optimizer: sgd(), sparse: true }),
    new GraphError('trainingStep: sparse updates exist for Adam and AdamW as kernels only; embeddings.token.weight has another optimizer'),
  )
  assert.throws(
    build([table], { sparse: true, pullOf: () => ({ strength: 1 }) }),
    new GraphError('trainingStep: embeddings.token.weight is updated by rows: it cannot be pulled to other values as a whole'),
  )
})
