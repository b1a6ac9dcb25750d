// The traps of DESIGN that belong to running programs: additions that race, masks, seeds, sessions that keep their memory.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { dim } from '../graph/dim.js'
import { grad } from '../graph/grad.js'
import * as ops from '../graph/ops/index.js'
import { input, parameter, type Tensor } from '../graph/tensor.js'
import { trainingStep } from '../optim/step.js'
import { adamw } from '../optim/transforms.js'
import { numbers } from '../testing/derivatives.js'
import { onEachExecutor } from '../testing/executors.js'
import type { Executor } from './executor.js'

await onEachExecutor('traps', (executor) => {
  test('a scatter of 8,192 rows over 7 ids is right, and the same to the bit in 30 runs', async () => {
    const [n, width] = [8192, 16]
    const [table, ids] = [input('table', [7, width]), input('ids', [dim('n')], 'i32')]
    const weights = input('weights', [dim('n'), width])
    const [gradient] = grad(ops.sum(ops.mul(ops.gather(table, ids), weights)), [table])
    const program = await executor.compile({ outputs: { sums: gradient!.tensor } })
    assert.equal(program.operations.ScatterND, undefined)
    assert.ok(program.operations.ScatterElements! > 0)
    const [rows, places] = [numbers(n * width, 1), Int32Array.from(numbers(n, 2), (x) => Math.floor((x + 1) * 3.5))]
    const exact = new Float64Array(7 * width)
    rows.forEach((value, i) => {
      exact[places[Math.floor(i / width)]! * width + (i % width)]! += value
    })
    const feeds = { ids: { data: places, shape: [n] }, weights: { data: rows, shape: [n, width] } }
    const first = (await program.bind({}).run({ feeds })).outputs.sums!.data
    exact.forEach((value, i) => {
      assert.ok(Math.abs(Number(first[i]) - value) < 1e-3, `[${i}] ${first[i]}, exactly ${value}`)
    })
    for (let run = 1; run < 30; run++) assert.deepEqual((await program.bind({}).run({ feeds })).outputs.sums!.data, first, `run ${run}`)
    await program.dispose()
  })

  test('a seed decides everything: the same losses to the bit, others with another seed, and a run goes on where it was interrupted', async () => {
    const whole = await train(executor, 5, [0, 12])
    assert.deepEqual((await train(executor, 5, [0, 12])).losses, whole.losses)
    assert.notDeepEqual((await train(executor, 6, [0, 12])).losses, whole.losses)
    const begun = await train(executor, 5, [0, 7])
    const resumed = await train(executor, 5, [7, 12], begun.stores)
    assert.deepEqual([...begun.losses, ...resumed.losses], whole.losses)
    assert.deepEqual(resumed.stores, whole.stores)
  })

  test('dropout: the rate, the mean, and masks that have nothing to do with each other', async () => {
    const [rate, n] = [0.3, 200_000]
    const mask = (site: string) => ops.keepMask(site, rate, [n])
    const program = await executor.compile({ outputs: { a: mask('layers.0'), b: mask('layers.1') } })
    const at = async (seed: number, step: number, microstep = 0) => {
      const { outputs } = await program.bind({}).run({ seed, step, microstep })
      return [outputs.a!.data as Float32Array, outputs.b!.data as Float32Array] as const
    }
    const [a, b] = await at(1, 0)
    const kept = Math.fround(1 / (1 - rate))
    assert.ok(a.every((x) => x === 0 || x === kept))
    const dropped = a.reduce((count, x) => count + Number(x === 0), 0) / n
    assert.ok(Math.abs(dropped - rate) < 5 * Math.sqrt((rate * (1 - rate)) / n), `${dropped}`)
    assert.ok(Math.abs(a.reduce((sum, x) => sum + x, 0) / n - 1) < 0.01)
    const others = [b, (await at(1, 1))[0], (await at(2, 0))[0], (await at(1, 0, 1))[0]]
    for (const [i, other] of others.entries()) {
      const correlation = a.reduce((sum, x, k) => sum + (x - 1) * (other[k]! - 1), 0) / n / (kept - 1)
      assert.ok(Math.abs(correlation) < 5 / Math.sqrt(n), `mask ${i}: correlation ${correlation}`)
    }
    assert.deepEqual(await at(1, 0), [a, b])
    await program.dispose()
  })

  test('a mask depends on seed, site, step and microstep only, not on the program it is in; one decision may serve a whole axis', async () => {
    const [batch, time] = [dim('batch'), dim('time')]
    const x = input('x', [batch, time, 4])
    const alone = await executor.compile({ outputs: { y: ops.dropout(x, 0.5, 'here') } })
    const together = await executor.compile({
      outputs: {
        y: ops.dropout(x, 0.5, 'here'),
        locked: ops.dropout(x, 0.5, 'locked', [batch, 1, 4]),
        other: ops.dropout(ops.mul(x, 2), 0.1, 'elsewhere'),
      },
    })
    const feeds = { x: { data: new Float32Array(2 * 50 * 4).fill(1), shape: [2, 50, 4] } }
    const [one, many] = [await alone.bind({}).run({ feeds, seed: 3, step: 6 }), await together.bind({}).run({ feeds, seed: 3, step: 6 })]
    assert.deepEqual(one.outputs.y, many.outputs.y)
    const locked = many.outputs.locked!.data
    for (let row = 0; row < 2; row++)
      for (let t = 1; t < 50; t++) for (let c = 0; c < 4; c++) assert.equal(locked[(row * 50 + t) * 4 + c], locked[row * 200 + c])
    assert.ok(new Set(Array.from(locked, Number)).size === 2)
    await assert.rejects(
      executor.compile({ outputs: { a: ops.dropout(x, 0.5, 'here'), b: ops.dropout(x, 0.1, 'here') } }),
      /dropout: the site here is used for two masks of different rate or shape: give each its own name/,
    )
    await alone.dispose()
    await together.dispose()
  })

  test('a gradient passes the same mask as the value', async () => {
    const x = input('x', [64])
    const y = ops.dropout(ops.square(x), 0.5, 'site')
    const [dx] = grad(ops.sum(y), [x])
    const program = await executor.compile({ outputs: { y, dx: dx!.tensor } })
    const data = numbers(64, 4)
    const { outputs } = await program.bind({}).run({ feeds: { x: { data, shape: [64] } }, seed: 1 })
    data.forEach((value, i) => {
      const kept = Number(outputs.y!.data[i]) !== 0
      assert.equal(Number(outputs.dx!.data[i]) + 0, kept ? Math.fround(4 * value) : 0)
    })
    await program.dispose()
  })
})

/** Some steps of a small network with dropout, from the start or from the stores of an earlier run. */
async function train(executor: Executor, seed: number, [from, to]: readonly [number, number], start?: Record<string, Record<string, unknown>>) {
  const [first, second] = [parameter('first.weight', [8, 16]), parameter('second.weight', [16, 4])]
  const x = input('x', [dim('batch'), 8])
  const hidden = ops.dropout(ops.gelu(ops.matmul(ops.dropout(x, 0.1, 'inputs'), first)), 0.4, 'hidden')
  const loss = ops.crossEntropy(ops.matmul(hidden, second), input('labels', [dim('batch')], 'i32'))
  const { step, states } = trainingStep({ loss, parameters: [first, second], optimizer: adamw({ clip: 1 }) })
  const stores = {
    params: await executor.store('params'),
    gradients: await executor.store('gradients'),
    optimizer: await executor.store('optimizer'),
  }
  for (const [namespace, tensors] of Object.entries(states)) await stores[namespace as keyof typeof stores].declare(tensors as Tensor[])
  await stores.params.fill('first.weight', { std: 0.3, seed: 1 })
  await stores.params.fill('second.weight', { std: 0.3, seed: 2 })
  for (const [namespace, tensors] of Object.entries(start ?? {}))
    for (const [path, data] of Object.entries(tensors)) await stores[namespace as keyof typeof stores].write(path, data as Float32Array)
  const program = await executor.compile(step)
  const losses: number[] = []
  for (let i = from; i < to; i++) {
    const feeds = {
      x: { data: numbers(32 * 8, i), shape: [32, 8] },
      labels: { data: Int32Array.from(numbers(32, i + 100), (v) => Math.floor((v + 1) * 2)), shape: [32] },
    }
    losses.push(Number((await program.bind(stores).run({ feeds, seed, step: i, scalars: { rate: 0.01 } })).outputs.loss!.data[0]))
  }
  const ended: Record<string, Record<string, unknown>> = { params: {}, optimizer: {} }
  for (const [namespace, all] of Object.entries(ended))
    for (const { path } of await stores[namespace as keyof typeof stores].describe())
      all[path] = await stores[namespace as keyof typeof stores].read(path)
  await program.dispose()
  for (const store of Object.values(stores)) await store.dispose()
  return { losses, stores: ended }
}

test('sessions that are released give their memory back', () => {
  const script = fileURLToPath(new URL('../testing/session-memory.js', import.meta.url))
  const resident = (kind: string): number => {
    const { stdout, stderr, status } = spawnSync(process.execPath, [script, kind], { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    return JSON.parse(stdout).resident
  }
  const [kept, released] = [resident('kept'), resident('released')]
  assert.ok(kept - released > 150e6, `${(kept / 1e6).toFixed(0)} MB with sixteen programs alive, ${(released / 1e6).toFixed(0)} MB with all released`)
  assert.ok(released < 300e6, `${(released / 1e6).toFixed(0)} MB after sixteen programs were released`)
})
