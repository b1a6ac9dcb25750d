import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as ops from '../../graph/ops/index.js'
import { input } from '../../graph/tensor.js'
import { executors } from '../../testing/executors.js'
import { sameTraining, type TinyTraining, trainTiny } from '../../testing/training.js'
import { createExecutor } from './index.js'

const [first, ...others] = await executors()

for (const { name, executor, absent } of others)
  test(`a tiny model trained for 50 steps has the same losses on ${name} as on ${first!.name}`, {
    skip: first!.absent ?? absent ?? false,
  }, async () => {
    const [expected, actual] = [await trainTiny(first!.executor!), await trainTiny(executor!)]
    assert.ok(expected.losses[49]! < expected.losses[0]! - 1.5, `it learns: ${expected.losses[0]} → ${expected.losses[49]}`)
    sameTraining(actual, expected)
    const again = await trainTiny(executor!)
    assert.deepEqual(again.losses, actual.losses, 'the same losses bit for bit when repeated')
  })

test('two trainings that differ do not pass as the same', () => {
  const training: TinyTraining = { losses: [3, 2], magnitude: 10, milliseconds: 1 }
  assert.throws(() => sameTraining({ ...training, losses: [3, 2.001] }, training), /^Error: loss at step 2: 2.001, expected 2$/)
  assert.throws(() => sameTraining({ ...training, losses: [3, Number.NaN] }, training), /loss at step 2: NaN/)
  assert.throws(() => sameTraining({ ...training, magnitude: 10.1 }, training), /the parameters at the end/)
})

const web = others.find(({ name }) => name === 'onnxruntime-web')

test('in a worker: named, with two threads, one run after the other', { skip: web?.absent ?? false }, async () => {
  await using executor = await createExecutor({ runtime: 'onnxruntime-web', threads: 2 })
  assert.deepEqual([executor.name, executor.threads], ['onnxruntime-web', 2])
  sameTraining(await trainTiny(executor, 10), await trainTiny(web!.executor!, 10))
  const x = input('x', [2])
  const executable = await executor.compile({ outputs: { y: ops.mul(x, 2) } })
  const run = (value: number) => executable.bind({}).run({ feeds: { x: { shape: [2], data: Float32Array.of(value, -value) } } })
  const results = await Promise.all([1, 2, 3].map(run))
  assert.deepEqual(
    results.map(({ outputs }) => [...(outputs.y!.data as Float32Array)]),
    [
      [2, -2],
      [4, -4],
      [6, -6],
    ],
  )
})

test('the number of threads is one for all executors in a JavaScript thread', { skip: web?.absent ?? false }, async () => {
  await assert.rejects(createExecutor({ runtime: 'onnxruntime-web', threads: 5, worker: false }), {
    message:
      'onnxruntime-web runs with 1 thread in this JavaScript thread and cannot run with 5 as well: give both executors the same number, or leave `worker` on',
  })
})
