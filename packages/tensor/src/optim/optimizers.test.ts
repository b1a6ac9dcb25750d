// Five steps of every optimizer against PyTorch (fixtures/optimizers.json, made by bench/peers/make_optimizer_fixtures.py), as kernels and in the
// graph, fused and in parts.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { add, mul } from '../graph/ops/elementwise.js'
import { sum } from '../graph/ops/reduce.js'
import { input, parameter } from '../graph/tensor.js'
import { testExecutor } from '../testing/run.js'
import { adafactor, adagrad, rmsprop } from './adaptive.js'
import { averageWeights, averagingStarts } from './averages.js'
import { muon } from './muon.js'
import { type TrainingStepOptions, trainingStep } from './step.js'
import { adam, adamw, type Optimizer, sgd } from './transforms.js'

type Values = Record<string, number[]>
interface Case {
  name: string
  options: Record<string, never>
  rate: number
  start: Values
  gradients: Values[]
  end: Values
}

const cases = JSON.parse(readFileSync(new URL('../../fixtures/optimizers.json', import.meta.url), 'utf8')) as Case[]
const makers: Record<string, (options: object) => Optimizer> = { sgd, adam, adamw, adagrad, rmsprop, adafactor, muon }
const shapes: Record<string, number[]> = { matrix: [3, 4], vector: [4] }

after(async () => {
  await (await testExecutor())[Symbol.asyncDispose]()
})

/** A loss whose gradient is what is fed: Σ parameter · gradient. */
function linearLoss(names: readonly string[]) {
  const parameters = names.map((name) => parameter(name, shapes[name]!))
  const gradients = names.map((name) => input(`gradient.${name}`, shapes[name]!))
  return { parameters, loss: parameters.map((p, i) => sum(mul(p, gradients[i]!))).reduce(add) }
}

const feedsOf = (values: Values) =>
  Object.fromEntries(Object.entries(values).map(([name, data]) => [`gradient.${name}`, { data: Float32Array.from(data), shape: shapes[name]! }]))

async function train(
  stored: Case,
  how: { form: 'kernels' | 'graph'; fused: boolean; optimizer?: TrainingStepOptions['optimizer'] },
): Promise<Values> {
  const { parameters, loss } = linearLoss(Object.keys(stored.start))
  const optimizer = how.optimizer ?? makers[stored.name]!(stored.options)
  const programs = trainingStep({ loss, parameters, optimizer, form: how.form })
  const executor = await testExecutor()
  const stores = { params: await executor.store('p'), gradients: await executor.store('g'), optimizer: await executor.store('o') }
  for (const [namespace, tensors] of Object.entries(programs.states)) await stores[namespace as keyof typeof stores].declare(tensors)
  for (const [name, data] of Object.entries(stored.start)) await stores.params.write(name, data)
  const step = await executor.compile(programs.step)
  const [gradients, apply] = [await executor.compile(programs.gradients), await executor.compile(programs.apply)]
  for (const values of stored.gradients) {
    const scalars = { rate: stored.rate }
    if (how.fused) await step.bind(stores).run({ feeds: feedsOf(values), scalars })
    else {
      await gradients.bind(stores).run({ feeds: feedsOf(values) })
      await apply.bind(stores).run({ scalars })
    }
  }
  const end: Values = {}
  for (const name of Object.keys(stored.start)) end[name] = [...(await stores.params.read(name))].map(Number)
  for (const x of [step, gradients, apply, ...Object.values(stores)]) await x.dispose()
  return end
}

function close(actual: Values, expected: Values, tolerance: number): void {
  for (const [name, values] of Object.entries(expected))
    values.forEach((value, i) => {
      assert.ok(Math.abs(actual[name]![i]! - value) <= tolerance, `${name}[${i}]: got ${actual[name]![i]}, PyTorch has ${value}`)
    })
}

for (const stored of cases)
  for (const form of ['kernels', 'graph'] as const)
    for (const fused of [true, false])
      test(`${stored.name} ${JSON.stringify(stored.options)}, ${form}, ${fused ? 'one program' : 'two programs'}`, async () => {
        // PyTorch's Muon multiplies in bfloat16, which has three digits; each of its five steps here moves an element by at most 0.02
        close(await train(stored, { form, fused }), stored.end, stored.name === 'muon' ? 2e-3 : 3e-6)
      })

test('each parameter may have its own optimizer, some as kernels and some in the graph', async () => {
  const stored = cases.find(({ name, options }) => name === 'adamw' && !('clip' in options))!
  const mixed = await train(stored, {
    form: 'kernels',
    fused: true,
    optimizer: (path) => (path === 'matrix' ? rmsprop() : adamw({ weightDecay: 0.1 })),
  })
  close({ vector: mixed.vector! }, { vector: stored.end.vector! }, 3e-6)
  assert.notDeepEqual(mixed.matrix, stored.end.matrix)
})

test('an update that a gradient of NaN would ruin does not happen in the graph either', async () => {
  const stored = structuredClone(cases.find(({ name }) => name === 'rmsprop')!)
  stored.gradients = [{ ...stored.gradients[0]!, vector: [Number.NaN, 0, 0, 0] }]
  close(await train(stored, { form: 'graph', fused: true }), stored.start, 1e-7)
})

for (const form of ['kernels', 'graph'] as const)
  for (const fisher of [false, true])
    test(`parameters are pulled to anchors${fisher ? ', weighted by the Fisher information' : ''}: ${form}, two microsteps`, async () => {
      const stored = cases.find(({ name, options }) => name === 'sgd' && Object.keys(options).length === 0)!
      const { parameters, loss } = linearLoss(['matrix', 'vector'])
      const programs = trainingStep({
        loss,
        parameters,
        optimizer: sgd(),
        form,
        pullOf: (path) => (path === 'vector' ? { strength: 0.5, fisher } : undefined),
      })
      const executor = await testExecutor()
      const names = ['params', 'gradients', 'accumulated', 'optimizer', 'anchor', 'fisher'] as const
      const stores = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await executor.store(name)] as const)))
      await stores.gradients!.declare(programs.states.gradients)
      for (const name of ['params', 'anchor', 'fisher', 'accumulated']) await stores[name]!.declare(parameters)
      for (const [name, data] of Object.entries(stored.start)) await stores.params!.write(name, data)
      await stores.anchor!.write('vector', [1, 2, 3, 4])
      await stores.fisher!.write('vector', [1, 0, 2, 0.5])
      const compiled = await Promise.all([programs.gradients, programs.accumulate, programs.apply].map((program) => executor.compile(program)))
      for (const values of stored.gradients.slice(0, 2)) {
        await compiled[0]!.bind(stores).run({ feeds: feedsOf(values) })
        await compiled[1]!.bind(stores).run()
      }
      await compiled[2]!.bind({ ...stores, gradients: stores.accumulated! }).run({ scalars: { rate: 0.1, divisor: 2 } })
      const mean = (name: string, i: number) => (stored.gradients[0]![name]![i]! + stored.gradients[1]![name]![i]!) / 2
      const expected: Values = {
        matrix: stored.start.matrix!.map((value, i) => value - 0.1 * mean('matrix', i)),
        vector: stored.start.vector!.map(
          (value, i) => value - 0.1 * (mean('vector', i) + 0.5 * (fisher ? [1, 0, 2, 0.5][i]! : 1) * (value - (i + 1))),
        ),
      }
      for (const name of ['matrix', 'vector'])
        close({ [name]: [...(await stores.params!.read(name))].map(Number) }, { [name]: expected[name]! }, 1e-6)
      for (const x of [...compiled, ...Object.values(stores)]) await x.dispose()
    })

test('averages of weights: exponential, and the mean since a trigger', async () => {
  const executor = await testExecutor()
  const weight = parameter('weight', [2])
  const program = await executor.compile(averageWeights([weight]))
  const stores = { params: await executor.store('p'), average: await executor.store('a') }
  for (const store of Object.values(stores)) await store.declare([weight])
  const values = [
    [1, 10],
    [2, 30],
    [6, 20],
  ]
  for (const [i, value] of values.entries()) {
    await stores.params.write('weight', value)
    await program.bind(stores).run({ scalars: { share: 1 / (i + 1) } })
  }
  assert.deepEqual([...(await stores.average.read('weight'))], [3, 20])
  await stores.params.write('weight', [13, 0])
  await program.bind(stores).run({ scalars: { share: 0.1 } })
  assert.deepEqual([...(await stores.average.read('weight'))], [4, 18])
  await program.dispose()
})

test('averaging starts when the loss has not improved for as many validations as patience says', () => {
  assert.equal(averagingStarts([5, 4, 3], 2), false)
  assert.equal(averagingStarts([5, 4, 3.9, 3.8, 3.85], 2), false)
  assert.equal(averagingStarts([5, 4, 3.9, 3.95, 4.2], 2), true)
  assert.equal(averagingStarts([1], 2), false)
})

test('muon is for matrices', () => {
  const { parameters, loss } = linearLoss(['vector'])
  assert.throws(() => trainingStep({ loss, parameters, optimizer: muon() }), /muon: vector f32 \[4\] is no matrix: give it another optimizer/)
})
