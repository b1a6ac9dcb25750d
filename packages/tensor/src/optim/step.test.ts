// A training step in parts (DESIGN E3), what trains and what does not, masks and multipliers.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Executor, Store } from '../executor/executor.js'
import * as reference from '../executor/update/reference.js'
import { dim } from '../graph/dim.js'
import * as ops from '../graph/ops/index.js'
import { GraphError, input, parameter, type Tensor } from '../graph/tensor.js'
import { languageModel } from '../testing/block.js'
import { numbers } from '../testing/derivatives.js'
import { onEachExecutor } from '../testing/executors.js'
import { type TrainingStepOptions, trainingStep } from './step.js'
import { adam, adamw, sgd } from './transforms.js'

const size = (x: Tensor) => (x.shape as number[]).reduce((a, b) => a * b, 1)
type Stores = Record<'params' | 'gradients' | 'accumulated' | 'optimizer', Store>

/** Stores with everything a step needs; parameters get numbers that depend on their path only. */
async function storesFor(executor: Executor, { states }: ReturnType<typeof trainingStep>, all: Iterable<Tensor> = states.params): Promise<Stores> {
  const names = ['params', 'gradients', 'accumulated', 'optimizer'] as const
  const stores = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await executor.store(name)] as const))) as Stores
  for (const x of all) {
    const path = x.node.attributes.path as string
    await stores.params.declare([x])
    const seed = [...path].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7)
    await stores.params.write(
      path,
      numbers(size(x), seed).map((v) => 0.5 * v),
    )
  }
  await stores.gradients.declare(states.gradients)
  await stores.accumulated.declare(states.gradients)
  await stores.optimizer.declare(states.optimizer)
  return stores
}

async function contents(store: Store): Promise<Record<string, number[]>> {
  const all: Record<string, number[]> = {}
  for (const { path } of await store.describe()) all[path] = Array.from((await store.read(path)) as Float32Array)
  return all
}

function close(actual: Record<string, number[]>, expected: Record<string, number[]>, tolerance = 2e-6): void {
  assert.deepEqual(Object.keys(actual).toSorted(), Object.keys(expected).toSorted())
  for (const [path, values] of Object.entries(expected))
    values.forEach((value, i) => {
      const got = actual[path]![i]!
      assert.ok(Math.abs(got - value) <= tolerance * (1 + Math.abs(value)), `${path}[${i}]: ${got}, expected ${value}`)
    })
}

/** A softmax does not change with a bias on all its keys, so the gradient of that bias is rounding noise, whose sign Adam would follow. */
const meaningful = (x: Tensor) => !String(x.node.attributes.path).endsWith('key.bias')

/** Two tables (one gathered from, one tied to the head), layers, norms: every kind of gradient. */
const model = () => languageModel({ layers: 1, hidden: 8, heads: 2, inner: 16, vocabulary: 11, positions: 4 })
const rows = Array.from({ length: 4 }, (_, b) => Array.from({ length: 3 }, (_, t) => (3 * b + 5 * t) % 11))
const feed = (part: number[][]) => ({ data: Int32Array.from(part.flat()), shape: [part.length, 3] })
const feedsOf = (part: number[][]) => ({ ids: feed(part), targets: feed(part.map((row) => row.map((id) => (id * 7 + 3) % 11))) })

await onEachExecutor('training step', (executor) => {
  for (const form of ['kernels', 'graph'] as const)
    test(`gradients, accumulate and apply over two halves of a batch do what one step does with the whole (${form})`, async () => {
      const { loss, parameters } = model()
      const trained = [...parameters.values()].filter(meaningful)
      const programs = trainingStep({ loss, parameters: trained, optimizer: adamw({ clip: 0.1, weightDecay: 0.1 }), form })
      const [fused, parts] = [await storesFor(executor, programs, parameters.values()), await storesFor(executor, programs, parameters.values())]
      const compiled = Object.fromEntries(
        await Promise.all(
          (['step', 'gradients', 'accumulate', 'clear', 'apply'] as const).map(
            async (name) => [name, await executor.compile(programs[name])] as const,
          ),
        ),
      )
      for (let step = 0; step < 4; step++) {
        const whole = await compiled.step!.bind(fused).run({ feeds: feedsOf(rows), scalars: { rate: 0.01 } })
        await compiled.clear!.bind(parts).run()
        const losses: number[] = []
        for (const half of [rows.slice(0, 2), rows.slice(2)]) {
          losses.push(Number((await compiled.gradients!.bind(parts).run({ feeds: feedsOf(half) })).outputs.loss!.data[0]))
          await compiled.accumulate!.bind(parts).run()
        }
        const applied = await compiled.apply!.bind({ ...parts, gradients: parts.accumulated }).run({ scalars: { rate: 0.01, divisor: 2 } })
        const norm = (result: typeof whole) => result.values.gradientNorm ?? Number(result.outputs.gradientNorm!.data[0])
        assert.ok(Math.abs((losses[0]! + losses[1]!) / 2 - Number(whole.outputs.loss!.data[0])) < 1e-5)
        assert.ok(Math.abs(norm(applied) - norm(whole)) < 1e-5 * norm(whole), `norms ${norm(applied)} and ${norm(whole)}`)
        assert.ok(norm(whole) > 0.1, `the gradients are clipped: ${norm(whole)}`)
      }
      close(await contents(parts.params), await contents(fused.params), 1e-5)
      close(await contents(parts.optimizer), await contents(fused.optimizer), 1e-5)
      for (const x of [...Object.values(compiled), ...Object.values(fused), ...Object.values(parts)]) await x.dispose()
    })

  test('kernels and graph take the same steps', async () => {
    const { loss, parameters } = model()
    const trained = [...parameters.values()].filter(meaningful)
    for (const optimizer of [adamw({ clip: 1 }), adam(), sgd({ momentum: 0.9, nesterov: true, clip: 1 }), sgd()]) {
      const ends: Record<string, number[]>[] = []
      for (const form of ['kernels', 'graph'] as const) {
        const programs = trainingStep({ loss, parameters: trained, optimizer, form })
        const stores = await storesFor(executor, programs, parameters.values())
        const step = await executor.compile(programs.step)
        for (let i = 0; i < 5; i++) await step.bind(stores).run({ feeds: feedsOf(rows), scalars: { rate: 0.02 } })
        ends.push(await contents(stores.params))
        for (const x of [step, ...Object.values(stores)]) await x.dispose()
      }
      close(ends[0]!, ends[1]!, 1e-4)
    }
  })

  test('what is said to train moves, what is frozen does not, and a thawed layer starts Adam at its own first step', async () => {
    const { loss, parameters } = model()
    const all = [...parameters.values()].filter(meaningful)
    const top = all.filter((x) => String(x.node.attributes.path).startsWith('last') || String(x.node.attributes.path).includes('feedforward'))
    const [few, more] = [trainingStep({ loss, parameters: top, optimizer: adam() }), trainingStep({ loss, parameters: all, optimizer: adam() })]
    const stores = await storesFor(executor, more, parameters.values())
    const before = await contents(stores.params)
    const first = await executor.compile(few.step)
    for (let i = 0; i < 6; i++) await first.bind(stores).run({ feeds: feedsOf(rows), scalars: { rate: 0.01 } })
    const between = await contents(stores.params)
    for (const x of all) {
      const path = x.node.attributes.path as string
      if (top.includes(x)) assert.notDeepEqual(between[path], before[path], path)
      else assert.deepEqual(between[path], before[path], path)
    }
    const second = await executor.compile(more.step)
    await second.bind(stores).run({ feeds: feedsOf(rows), scalars: { rate: 0.01 } })
    const after = await contents(stores.params)
    const counts = await contents(stores.optimizer)
    for (const x of all) {
      const path = x.node.attributes.path as string
      assert.deepEqual(counts[`${path}/step`], [top.includes(x) ? 7 : 1], path)
      if (top.includes(x)) continue
      // Adam's first update is the rate in each element that has a gradient; counted from the start of training it would be 3.2 times as large
      const largest = Math.max(...after[path]!.map((value, i) => Math.abs(value - between[path]![i]!)))
      assert.ok(Math.abs(largest - 0.01) < 1e-4, `${path}: the first update is ${largest}`)
    }
    for (const x of [first, second, ...Object.values(stores)]) await x.dispose()
  })

  for (const form of ['kernels', 'graph'] as const)
    test(`rates by path, decay by path, and one norm over all: AdamW as it is written down (${form})`, async () => {
      const shapes: Record<string, number[]> = { 'body.weight': [3, 2], 'body.bias': [3], 'head.weight': [2, 2] }
      const leaves = Object.entries(shapes).map(([path, shape]) => parameter(path, shape))
      const gradients = leaves.map((x, i) => input(`g${i}`, x.shape))
      const loss = leaves.map((x, i) => ops.sum(ops.mul(x, gradients[i]!))).reduce(ops.add)
      const programs = trainingStep({
        loss,
        parameters: leaves,
        optimizer: adamw({ clip: 0.7, weightDecay: 0.2 }),
        rateOf: (path) => (path.startsWith('head') ? 5 : 1),
        decays: (path) => path !== 'head.weight',
        form,
      })
      const stores = await storesFor(executor, programs)
      const expected = new Map(
        await Promise.all(
          leaves.map(async (x) => [x, Float32Array.from((await contents(stores.params))[x.node.attributes.path as string]!)] as const),
        ),
      )
      const moments = new Map(leaves.map((x) => [x, [new Float32Array(size(x)), new Float32Array(size(x))] as const]))
      const step = await executor.compile(programs.step)
      for (let t = 1; t <= 4; t++) {
        const given = leaves.map((x, i) => numbers(size(x), 10 * t + i))
        const feeds = Object.fromEntries(leaves.map((x, i) => [`g${i}`, { data: given[i]!, shape: x.shape as number[] }]))
        await step.bind(stores).run({ feeds, scalars: { rate: 0.01 } })
        const norm = Math.sqrt(given.flatMap((g) => [...g]).reduce((sum, g) => sum + g * g, 0))
        for (const [i, x] of leaves.entries()) {
          const path = x.node.attributes.path as string
          const [m, v] = moments.get(x)!
          reference.adam(expected.get(x)!, given[i]!, m, v, {
            rate: path.startsWith('head') ? 0.05 : 0.01,
            ...{ beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
            weightDecay: path === 'head.weight' ? 0 : 0.2,
            gradScale: Math.min(1, 0.7 / (norm + 1e-6)),
            correction1: 1 - 0.9 ** t,
            correction2: 1 - 0.999 ** t,
          })
        }
      }
      close(await contents(stores.params), Object.fromEntries([...expected].map(([x, values]) => [x.node.attributes.path as string, [...values]])))
      for (const x of [step, ...Object.values(stores)]) await x.dispose()
    })

  test('a gradient that is not a number changes nothing; the norm says so', async () => {
    const weight = parameter('weight', [2])
    const programs = trainingStep({ loss: ops.sum(ops.mul(weight, input('x', [2]))), parameters: [weight], optimizer: adamw() })
    const stores = await storesFor(executor, programs)
    const before = await contents(stores.params)
    const step = await executor.compile(programs.step)
    const { values } = await step.bind(stores).run({ feeds: { x: { data: Float32Array.of(1, Number.NaN), shape: [2] } }, scalars: { rate: 0.1 } })
    assert.ok(Number.isNaN(values.gradientNorm))
    assert.deepEqual(await contents(stores.params), before)
    assert.deepEqual((await contents(stores.optimizer))['weight/step'], [0])
    await assert.rejects(step.bind(stores).run({ feeds: { x: { data: Float32Array.of(1, 1), shape: [2] } } }), {
      message: 'kernel adam: the run gives no rate: pass it among the scalars',
    })
    for (const x of [step, ...Object.values(stores)]) await x.dispose()
  })

  test('gathered rows and a tied head: the stored gradient is the sum of both parts, duplicates and all', async () => {
    const { loss, parameters } = model()
    const table = parameters.get('embeddings.token.weight')!
    const programs = trainingStep({ loss, parameters: [table], optimizer: sgd() })
    const stores = await storesFor(executor, programs, parameters.values())
    const gradients = await executor.compile(programs.gradients)
    await gradients.bind(stores).run({ feeds: feedsOf(rows) })
    const got = (await stores.gradients.read('embeddings.token.weight')) as Float32Array
    // the slow way: differences of the loss, element by element
    const value = await executor.compile({ outputs: { loss } })
    const start = (await stores.params.read('embeddings.token.weight')) as Float32Array
    for (const i of [0, 9, 26, 41, 87]) {
      const at = async (by: number) => {
        await stores.params.write(
          'embeddings.token.weight',
          start.map((v, k) => v + (k === i ? by : 0)),
        )
        return Number((await value.bind(stores).run({ feeds: feedsOf(rows) })).outputs.loss!.data[0])
      }
      const difference = ((await at(1e-2)) - (await at(-1e-2))) / 2e-2
      assert.ok(Math.abs(got[i]! - difference) < 1e-3, `[${i}] ${got[i]}, finite differences give ${difference}`)
    }
    for (const x of [gradients, value, ...Object.values(stores)]) await x.dispose()
  })
})

test('a parameter that is none, or is given twice, is refused', () => {
  const weight = parameter('weight', [2])
  const build = (parameters: TrainingStepOptions['parameters']) => () => trainingStep({ loss: ops.sum(weight), parameters, optimizer: sgd() })
  assert.throws(build([weight, weight]), new GraphError('trainingStep: weight is given twice'))
  assert.throws(build([ops.exp(weight)]), new GraphError('trainingStep: a trainable parameter must be made with parameter()'))
  assert.throws(build([input('x', [dim('n')])]), new GraphError('trainingStep: a trainable parameter must be made with parameter()'))
})
