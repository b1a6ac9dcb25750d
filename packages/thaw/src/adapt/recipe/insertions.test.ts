// What is put into a network leaves it (nearly) as it was, and only what is said to train moves.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { adam, createExecutor, type Executor, input, ops, type Store } from '@thaw/tensor'
import type { TransformerConfig } from '../../models/config.js'
import { parameterShapes } from '../../models/shapes.js'
import { configOf } from '../../models/sizes.js'
import { transformer } from '../../models/transformer.js'
import { Scope } from '../../nn/scope.js'
import { initialise } from '../../train/initialise.js'
import { createTrainer } from '../../train/trainer.js'
import { bitfit, houlsby, type InsertionIngredient, ia3, insertionsInto, lora, parallelAdapter, projectedAttentionLayers } from './insertions.js'
import { planRecipe } from './plan.js'
import { recipe } from './recipe.js'

const config = configOf('nano', { vocabulary: 20, hidden: 16, inner: 32, heads: 2, layers: 2, positions: 8, segments: 0 })
const length = { steps: 10, perEpoch: 10 }
let shared: Promise<Executor> | undefined
const executor = () => (shared ??= createExecutor({ threads: 1, worker: false }))
after(async () => (await executor())[Symbol.asyncDispose]())

const ids = { data: Int32Array.of(3, 1, 4, 1, 5, 9, 2, 6), shape: [2, 4] }

async function build(ingredient: InsertionIngredient | undefined, model: TransformerConfig = config) {
  const scope = new Scope({ training: true, ...(ingredient ? insertionsInto([ingredient], model) : {}) })
  const { hidden } = transformer(scope, model, { ids: input('ids', [2, 4], 'i32') })
  const params = await (await executor()).store('params')
  await params.declare([...scope.parameters.values()])
  await initialise(
    params,
    [...scope.parameters].map(([path, x]) => [path, x.shape as number[]] as const),
    1,
  )
  return { scope, hidden, params }
}

async function values(store: Store, hidden: Awaited<ReturnType<typeof build>>['hidden']): Promise<number[]> {
  const program = await (await executor()).compile({ outputs: { hidden } })
  const { outputs } = await program.bind({ params: store }).run({ feeds: { ids } })
  await program.dispose()
  return [...(outputs.hidden!.data as Float32Array)]
}

const cases: [InsertionIngredient, number, RegExp][] = [
  [houlsby({ size: 4 }), 5e-3, /adapter|norm/],
  [houlsby({ size: 4, kernel: 3 }), 5e-3, /adapter|norm/],
  [houlsby({ size: 4, heads: 2 }), 5e-3, /adapter|norm/],
  [parallelAdapter({ size: 4 }), 0, /parallel/],
  [parallelAdapter({ size: 4, kernel: 2 }), 0, /parallel/],
  [projectedAttentionLayers({ size: 4, heads: 2 }), 0, /pal|norm/],
  [lora({ rank: 2 }), 0, /lora/],
  [ia3(), 0, /ia3/],
  [bitfit(), 0, /bias$/],
]

for (const [ingredient, tolerance, trains] of cases)
  test(`${ingredient.name} ${JSON.stringify(ingredient.options)}: starts as the model it is put into, and only what it says moves`, async () => {
    const [plain, changed] = [await build(undefined), await build(ingredient)]
    const [before, now] = [await values(plain.params, plain.hidden), await values(changed.params, changed.hidden)]
    before.forEach((value, i) => {
      assert.ok(Math.abs(value - now[i]!) <= tolerance, `hidden[${i}]: ${now[i]} with the module, ${value} without`)
    })

    const paths = [...changed.scope.parameters.keys()]
    const fresh = new Set(paths.filter((path) => !parameterShapes(config).has(path)))
    const { stages } = planRecipe(recipe(ingredient), { paths, fresh }, length)
    assert.equal(stages.length, 1)
    const trained = new Set(stages[0]!.trained)
    for (const path of paths) assert.equal(trained.has(path), trains.test(path), `${path} ${trained.has(path) ? 'trains' : 'does not train'}`)

    const trainer = await createTrainer(await executor(), {
      loss: ops.sum(ops.mul(changed.hidden, ops.sin(changed.hidden))),
      trainable: [...trained].map((path) => changed.scope.parameters.get(path)!),
      optimizer: adam(),
      params: changed.params,
    })
    const old = new Map(await Promise.all(paths.map(async (path) => [path, [...(await changed.params.read(path))]] as const)))
    for (let step = 0; step < 2; step++) await trainer.step([{ ids }], { rate: 0.01, seed: 1, step })
    for (const path of paths) {
      const moved = String([...(await changed.params.read(path))]) !== String(old.get(path))
      // a shift of all keys changes no softmax: the gradient of a key's bias is 0
      if (path.endsWith('key.bias')) continue
      assert.equal(moved, trained.has(path), `${path} ${moved ? 'moved' : 'did not move'}`)
    }
    await trainer.dispose()
  })

test('adapters on some layers only, and a plan that trains the embeddings too', async () => {
  const { scope } = await build(houlsby({ size: 4, layers: [1], embeddings: true }))
  const adapters = [...scope.parameters.keys()].filter((path) => path.includes('adapter'))
  assert.ok(adapters.length === 8 && adapters.every((path) => path.startsWith('layers.1.')), adapters.join())
  const paths = [...scope.parameters.keys()]
  const { stages } = planRecipe(recipe(houlsby({ size: 4, layers: [1], embeddings: true })), { paths, fresh: new Set(adapters) }, length)
  assert.ok(stages[0]!.trained.includes('embeddings.token.weight'))
  assert.ok(!stages[0]!.trained.includes('layers.0.attention.query.weight'))
})

/** Hidden states of one text of a model with random adapters: tokens, and how much padding stands before and after them. */
async function hiddenStates(
  ingredient: InsertionIngredient,
  causal: boolean,
  tokens: readonly number[],
  before: number,
  after: number,
): Promise<number[][]> {
  const model: TransformerConfig = { ...config, causal, block: causal ? 'pre' : 'post' }
  const time = before + tokens.length + after
  const scope = new Scope(insertionsInto([ingredient], model))
  const leaf = (name: string, dtype: 'i32' | 'bool') => input(name, [1, time], dtype)
  const { hidden } = transformer(scope, model, { ids: leaf('ids', 'i32'), visible: leaf('visible', 'bool'), positions: leaf('positions', 'i32') })
  const params = await (await executor()).store('params')
  await params.declare([...scope.parameters.values()])
  for (const [path, x] of scope.parameters) await params.fill(path, { std: 0.3, seed: path.length + (x.shape[0] as number) })
  const program = await (await executor()).compile({ outputs: { hidden } })
  const places = Array.from({ length: time }, (_, i) => i - before)
  const shown = places.map((place) => place >= 0 && place < tokens.length)
  const feed = <T>(data: T) => ({ data, shape: [1, time] })
  const { outputs } = await program.bind({ params }).run({
    feeds: {
      ids: feed(Int32Array.from(places, (place, i) => (shown[i] ? tokens[place]! : 0))),
      visible: feed(Uint8Array.from(shown, Number)),
      positions: feed(Int32Array.from(places, (place, i) => (shown[i] ? place : 0))),
    },
  })
  await program.dispose()
  const data = outputs.hidden!.data as Float32Array
  return tokens.map((_, i) => [...data.subarray((before + i) * config.hidden, (before + i + 1) * config.hidden)])
}

for (const inside of [{ kernel: 3 }, { kernel: 4 }, { heads: 2 }])
  test(`adapters with ${JSON.stringify(inside)} inside: padding is nothing to them, later tokens neither in a causal model`, async () => {
    const far = (a: number[] | undefined, b: number[] | undefined) => Math.max(...a!.map((value, i) => Math.abs(value - b![i]!)))
    for (const made of [houlsby({ size: 4, ...inside }), parallelAdapter({ size: 4, ...inside })])
      for (const causal of [true, false]) {
        const alone = await hiddenStates(made, causal, [3, 1, 4, 1], 0, 0)
        for (const [before, after] of [
          [2, 0],
          [0, 3],
        ] as const)
          (await hiddenStates(made, causal, [3, 1, 4, 1], before, after)).forEach((token, i) => {
            assert.ok(far(token, alone[i]) < 1e-5, `${made.name}: token ${i} with ${before} before and ${after} after it: ${far(token, alone[i])}`)
          })
        const other = await hiddenStates(made, causal, [3, 1, 4, 7], 0, 0)
        assert.ok(far(other[3], alone[3]) > 1e-2)
        assert.equal(far(other[2], alone[2]) < 1e-5, causal, 'what stands before a token that is another one')
      }
  })

test('what does not exist is refused by name', () => {
  assert.throws(() => insertionsInto([houlsby({ layers: [2] })], config), { message: 'houlsby: layer 2: the model has the layers 0 to 1' })
  assert.throws(
    () => insertionsInto([lora({ targets: ['layers.*.attention.q.weight'] })], config),
    /lora: the target "layers.\*.attention.q.weight" fits no weight matrix/,
  )
  assert.throws(() => houlsby({ kernel: 3, heads: 4 }), {
    message: 'houlsby: kernel 3 and heads 4: inside is a convolution or attention; leave one out',
  })
  assert.throws(() => parallelAdapter({ size: 10, heads: 4 }), { message: 'parallel adapter: 4 heads do not divide the size 10' })
  assert.throws(() => lora({ rank: 0 }), { message: 'lora: rank 0: expected a whole number of at least 1' })
  assert.throws(() => projectedAttentionLayers({ size: 10, heads: 3 }), { message: 'projected attention: 3 heads do not divide the size 10' })
})
