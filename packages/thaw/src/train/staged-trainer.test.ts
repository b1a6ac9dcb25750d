import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { adam, createExecutor, type Executor, input, ops, parameter } from '@thaw/tensor'
import { createStagedTrainer } from './staged-trainer.js'

let shared: Promise<Executor> | undefined
const executor = () => (shared ??= createExecutor({ threads: 1, worker: false }))
after(async () => (await executor())[Symbol.asyncDispose]())

test('stages train what they name, and optimizer state goes on', async () => {
  const [a, b] = [parameter('a', [1]), parameter('b', [1])]
  const x = input('x', [1])
  const loss = ops.sum(ops.mul(x, ops.add(a, b)))
  const params = await (await executor()).store('params')
  await params.declare([a, b])
  const trainer = await createStagedTrainer(await executor(), {
    stages: [
      { from: 0, to: 2, loss, trainable: [a] },
      { from: 2, to: 3, loss, trainable: [b] },
      { from: 3, to: 5, loss, trainable: [a, b] },
    ],
    optimizer: adam(),
    params,
  })
  const feeds = { x: { data: Float32Array.of(1), shape: [1] } }
  const seen: number[][] = []
  for (let step = 0; step < 5; step++) {
    await trainer.step([feeds], { rate: 0.1, seed: 1, step })
    seen.push([Number((await params.read('a'))[0]), Number((await params.read('b'))[0])].map((value) => Math.round(value * 10) / 10))
  }
  // Adam's update of a constant gradient is the rate at every step, whatever the step count, if it is counted per parameter
  assert.deepEqual(seen, [
    [-0.1, 0],
    [-0.2, 0],
    [-0.2, -0.1],
    [-0.3, -0.2],
    [-0.4, -0.3],
  ])
  assert.equal(Number((await trainer.optimizer.read('a/step'))[0]), 4)
  assert.equal(Number((await trainer.optimizer.read('b/step'))[0]), 3)
  await assert.rejects(trainer.step([feeds], { rate: 0.1, seed: 1, step: 5 }), { message: 'step 5: the last stage ends at 5' })
  await trainer.dispose()
  await assert.rejects(
    createStagedTrainer(await executor(), { stages: [{ from: 1, to: 2, loss, trainable: [a] }], optimizer: adam(), params }),
    /stage 1 is 1 to 2: expected it to begin at 0/,
  )
})
