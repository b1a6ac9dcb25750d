// For every recipe: which parameters move at which step, and which do not. What a stage says that it trains moves in it, nothing else does; and no backward
// pass goes below the lowest layer that trains.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { adam, createExecutor, dependenciesOf, type Executor, type Tensor, trainingStep } from '@thaw/tensor'
import { configOf } from '../../models/sizes.js'
import { classification } from '../../tasks/classification.js'
import { padded } from '../../tasks/inputs.js'
import { initialise } from '../../train/initialise.js'
import { createStagedTrainer } from '../../train/staged-trainer.js'
import { buildNetwork } from '../network.js'
import { adaptationSettings } from '../settings.js'
import { fineTuning } from './freezing.js'
import { planRecipe } from './plan.js'
import { recipes } from './presets.js'
import { type Recipe, recipe } from './recipe.js'

const threeLabels = classification({ labels: ['a', 'b', 'c'] })

const config = configOf('nano', { vocabulary: 20, hidden: 24, inner: 32, heads: 2, layers: 3, positions: 8, segments: 0, dropout: 0 })
const length = { steps: 12, perEpoch: 3 }
let shared: Promise<Executor> | undefined
const executor = () => (shared ??= createExecutor({ threads: 1, worker: false }))
after(async () => (await executor())[Symbol.asyncDispose]())

const feeds = {
  ...padded(
    [
      [3, 1, 4, 1, 5, 9],
      [2, 6, 5],
    ],
    'right',
    0,
  ),
  labels: { data: Int32Array.of(0, 2), shape: [2] },
}
const signalFeeds = {
  'language.targets': { data: Int32Array.of(1, 4, 1, 5, 9, -100, 6, 5, -100, -100, -100, -100), shape: [2, 6] },
  'language-model.weight': { data: Float32Array.of(0.5), shape: [1] },
}
const keptFeeds = {
  'language.places': { data: Int32Array.of(0, 3, 7), shape: [3] },
  'old-predictions.weight': { data: Float32Array.of(1), shape: [1] },
}

function network(made: Recipe) {
  const settings = adaptationSettings({ recipe: made, pooling: 'mean', dropout: 0 }, config, 32)
  const built = buildNetwork(config, settings, threeLabels, undefined)
  const paths = [...built.scope.parameters.keys()]
  const plain = new Set(
    buildNetwork(
      config,
      adaptationSettings({ recipe: recipe(fineTuning()), pooling: 'mean' }, config, 32),
      threeLabels,
      undefined,
    ).scope.parameters.keys(),
  )
  const fresh = new Set(paths.filter((path) => path.startsWith('heads.') || !plain.has(path)))
  return { ...built, plan: planRecipe(made, { paths, fresh }, length), paths }
}

const all: [string, Recipe][] = [['full', recipe(fineTuning())], ...Object.entries(recipes).map(([name, make]) => [name, make()] as [string, Recipe])]

for (const [name, made] of all)
  test(`${name}: at each step exactly what its stage trains moves`, async () => {
    const { scope, loss, losses, old, plan, paths } = network(made)
    const params = await (await executor()).store('params')
    await params.declare([...scope.parameters.values()])
    // large values, so that no gradient is lost in rounding; what begins as nothing (a low-rank update's second factor) moves its other half later only
    await initialise(
      params,
      paths.map((path) => [path, scope.parameters.get(path)!.shape as number[]] as const),
      1,
      0.3,
    )
    for (const path of paths) if (/\.lora\.B$|\.parallel\.up\.weight$|pal\.decode\.weight$/.test(path)) await params.fill(path, { std: 0.3, seed: 3 })
    const anchor = await (await executor()).store('anchor')
    const pulled = paths.filter((path) => plan.pullOf(path)).map((path) => scope.parameters.get(path)!)
    await anchor.declare([...new Map([...old, ...pulled.map((x) => [String(x.node.attributes.path), x] as const)]).values()])
    for (const { path } of await anchor.describe()) await anchor.write(path, await params.read(path))
    const fisher = await (await executor()).store('fisher')
    await fisher.declare(pulled)
    const trainer = await createStagedTrainer(await executor(), {
      ...{ params, optimizer: adam(), pullOf: plan.pullOf, rateOf: plan.factorOf, stores: { anchor, fisher } },
      stages: plan.stages.map(({ from, to, trained }) => ({ from, to, loss, trainable: trained.map((path) => scope.parameters.get(path)!) })),
    })
    const signals = made.ingredients.flatMap((x) => (x.kind === 'signal' ? [x.name] : []))
    const given = {
      ...feeds,
      ...(signals.includes('language-model') ? signalFeeds : {}),
      ...(signals.includes('old-predictions') ? keptFeeds : {}),
    }
    const snapshot = async () => new Map(await Promise.all(paths.map(async (path) => [path, String(await params.read(path))] as const)))
    for (let step = 0; step < length.steps; step++) {
      const { trained } = plan.stages.find(({ to }) => step < to)!
      const before = await snapshot()
      await trainer.step([given], { rate: 1e-2, seed: 1, step })
      const now = await snapshot()
      for (const path of paths) {
        // a shift of all keys changes no softmax: the gradient of a key's bias is 0
        if (path.endsWith('key.bias') && trained.includes(path)) continue
        const moved = before.get(path) !== now.get(path)
        assert.equal(moved, trained.includes(path), `step ${step}: ${path} ${moved ? 'moved' : 'did not move'}`)
      }
    }
    assert.equal(Object.keys(losses).length > 0, signals.length > 0)
    await trainer.dispose()
  })

test('no stage of any recipe has a backward pass below the lowest layer that trains', () => {
  for (const [name, made] of all) {
    const { scope, loss, plan } = network(made)
    const forward = new Set<unknown>(nodes([loss]))
    for (const { from, trained } of plan.stages) {
      const layerOf = (path: string) => Number(/^layers\.(\d+)\./.exec(path)?.[1] ?? (path.startsWith('embeddings.') ? -1 : Number.POSITIVE_INFINITY))
      const lowest = Math.min(...trained.map(layerOf))
      const { gradients } = trainingStep({ loss, parameters: trained.map((path) => scope.parameters.get(path)!), optimizer: adam() })
      const ends = [...Object.values(gradients.outputs), ...(gradients.updates ?? []).map((update) => (update as { value: Tensor }).value)]
      const below = new Set(
        [...scope.parameters].filter(([path]) => layerOf(path) < lowest && path !== 'embeddings.token.weight').map(([, x]) => x.node),
      )
      // an activation inside a frozen layer, or its weight, that a backward node reads, would be such a pass
      const tap =
        lowest === Number.POSITIVE_INFINITY
          ? scope.taps.get(`layers.${config.layers - 1}`)!
          : lowest > 0
            ? scope.taps.get(`layers.${lowest - 1}`)!
            : undefined
      const inside = new Set<unknown>(tap ? nodes([tap]).filter((node) => node !== tap.node && node.inputs.length > 0) : [])
      for (const node of nodes(ends))
        if (!forward.has(node))
          for (const source of node.inputs) {
            assert.ok(!below.has(source.node), `${name}, step ${from}: ${node.operation.name} reads ${source.node.attributes.path}`)
            assert.ok(
              !(inside.has(source.node) && dependenciesOf([source]).some((x) => x.startsWith('params:layers'))),
              `${name}, step ${from}: ${node.operation.name} reads inside`,
            )
          }
    }
  }
})

function nodes(tensors: readonly Tensor[]): Tensor['node'][] {
  const seen = new Set<Tensor['node']>()
  const stack = tensors.map(({ node }) => node)
  while (stack.length > 0) {
    const node = stack.pop()!
    if (seen.has(node)) continue
    seen.add(node)
    stack.push(...node.inputs.map((source) => source.node))
  }
  return [...seen]
}
