import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createExecutor, type Executor, input, ops, parameter, sgd } from '@thaw/tensor'
import { rateRangeTest } from './rate-range-test.js'
import { createTrainer } from './trainer.js'

let shared: Promise<Executor> | undefined
const executor = () => (shared ??= createExecutor({ threads: 1, worker: false }))
after(async () => (await executor())[Symbol.asyncDispose]())

test('on a parabola of curvature 2 the loss falls below a rate of 1 and breaks above it; the parameters come back', async () => {
  const weight = parameter('weight', [1])
  const x = input('x', [1])
  const loss = ops.sum(ops.square(ops.sub(weight, x))) // gradient 2 (w − x): gradient descent diverges above a rate of 1
  const [params, copy] = [await (await executor()).store('params'), await (await executor()).store('copy')]
  for (const store of [params, copy]) await store.declare([weight])
  await params.write('weight', [5])
  const trainer = await createTrainer(await executor(), { loss, trainable: [weight], optimizer: sgd(), params })
  async function* batches() {
    for (;;) yield [{ x: { data: Float32Array.of(1), shape: [1] } }]
  }
  const result = await rateRangeTest({ trainer, params, copy, batches: batches(), from: 1e-4, to: 100, steps: 60, seed: 1 })
  assert.ok(result.points.length < 60, 'the test ends where the loss breaks away')
  assert.ok(result.points.at(-1)!.rate > 0.9 && result.points.at(-1)!.rate < 20, `it ended at ${result.points.at(-1)!.rate}`)
  assert.ok(result.steepest! > 1e-3 && result.steepest! < 1, `steepest ${result.steepest}`)
  assert.ok(result.suggestion! < 1, `suggestion ${result.suggestion}`)
  assert.deepEqual([...(await params.read('weight'))], [5])
  await assert.rejects(
    rateRangeTest({ trainer, params, copy, batches: batches(), from: 1, to: 0.1, seed: 1 }),
    /rates 1 to 0.1: expected both above 0/,
  )
  await trainer.dispose()
})
