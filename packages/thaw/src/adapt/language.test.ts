// The language model's losses beside the task's: their values against slow references, their gradients against finite differences, their feeds.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { adam, createExecutor, type Executor, type Feed, input, type Tensor, trainingStep } from '@thaw/tensor'
import { languageHeadShapes } from '../models/language-head.js'
import { Scope } from '../nn/scope.js'
import { causalGraph } from '../pretrain/objectives/causal-graph.js'
import { classification } from '../tasks/classification.js'
import { padded } from '../tasks/inputs.js'
import { inFolder } from '../testing/checkpoints.js'
import { toyBackbone } from '../testing/toy.js'
import { initialise } from '../train/initialise.js'
import type { Backbone } from './backbone.js'
import { checkSignals, languageFeeds, softCrossEntropy } from './language.js'
import { buildNetwork } from './network.js'
import { type Ingredient, languageModelling, lora, oldPredictions, recipe } from './recipe/index.js'
import { weightAt } from './recipe/signals.js'
import { adaptationSettings } from './settings.js'

let shared: Promise<Executor> | undefined
const executor = () => (shared ??= createExecutor({ threads: 1, worker: false }))
after(async () => (await executor())[Symbol.asyncDispose]())

const texts = [
  [5, 6, 7, 8, 9],
  [11, 12, 13],
]

/** A toy encoder whose tokenizer can hide tokens, with its language model's head. */
export async function toyEncoder(folder: string, head = true): Promise<Backbone> {
  const shape = { causal: false, block: 'post', segments: 2, vocabulary: 328 } as const
  const heads = head ? Object.fromEntries(languageHeadShapes({ hidden: 16, vocabulary: 328 } as never)) : {}
  const backbone = await toyBackbone(folder, shape, heads)
  backbone.tokenizer.addTokens(['[MASK]'], { special: true })
  return backbone
}

/** The network of a recipe over a toy backbone, with stores, and the feeds of one batch. */
async function network(backbone: Backbone, ...parts: Ingredient[]) {
  const made = recipe(...parts)
  const settings = adaptationSettings({ recipe: made, pooling: 'mean', dropout: 0, seed: 3 }, backbone.config, 64)
  const { scope, loss, losses, old } = buildNetwork(backbone.config, settings, classification({ labels: ['a', 'b', 'c'] }), undefined)
  const params = await (await executor()).store('params')
  await params.declare([...scope.parameters.values()])
  await initialise(
    params,
    [...scope.parameters].map(([path, x]) => [path, x.shape as number[]] as const),
    5,
  )
  for (const [path, { data }] of backbone.parameters) if (scope.parameters.has(path)) await params.write(path, data)
  const anchor = await (await executor()).store('anchor')
  await anchor.declare([...old.values()])
  for (const path of old.keys()) await anchor.write(path, await params.read(path))
  const signals = made.ingredients.filter((x) => x.kind === 'signal')
  const base = () => ({ ...padded(texts, 'right', 0), labels: { data: Int32Array.of(0, 2), shape: [2] } })
  const options = { signals, tokenizer: backbone.tokenizer, causal: backbone.config.causal, seed: 3, steps: 10, clf: undefined }
  return { scope, loss, losses, stores: { params, anchor }, feeds: languageFeeds(base, options)([0, 1], 0) as Record<string, Feed> }
}

async function values(outputs: Record<string, Tensor>, stores: object, feeds: Record<string, Feed>) {
  const program = await (await executor()).compile({ outputs })
  const result = await program.bind(stores as never).run({ feeds })
  await program.dispose()
  return Object.fromEntries(Object.entries(result.outputs).map(([name, { data }]) => [name, Number(data[0])]))
}

test('the joint loss is the task’s plus the weighted language model’s, which is that of pretraining', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const { loss, losses, stores, feeds } = await network(backbone, languageModelling({ weight: 0.5 }))
    const { total, taskLoss, languageLoss } = await values({ total: loss, ...losses }, stores, feeds)
    assert.ok(Math.abs(total! - (taskLoss! + 0.5 * languageLoss!)) < 1e-5)
    // the reference: each text alone, without padding
    const { sum, count } = causalGraph(new Scope(), backbone.config)
    let [nats, tokens] = [0, 0]
    for (const text of texts) {
      const shape = [1, text.length - 1]
      const alone = {
        ids: { data: Int32Array.from(text.slice(0, -1)), shape },
        targets: { data: Int32Array.from(text.slice(1)), shape },
      }
      const part = await values({ sum, count }, stores, alone)
      nats += part.sum!
      tokens += part.count!
    }
    assert.equal(tokens, 6)
    assert.ok(Math.abs(languageLoss! - nats / tokens) < 1e-5, `${languageLoss} and ${nats / tokens}`)
  }))

for (const causal of [true, false])
  test(`gradients of the joint loss agree with finite differences: ${causal ? 'causal' : 'masked'}`, () =>
    inFolder(async (root) => {
      const backbone = causal ? await toyBackbone(join(root, 'lm')) : await toyEncoder(join(root, 'lm'), true)
      const { scope, loss, stores, feeds } = await network(backbone, languageModelling(), oldPredictions({ weight: 0.7 }), lora({ rank: 2 }))
      // away from where it began, where the old predictions' gradient is 0
      for (const path of scope.parameters.keys()) {
        const now = (await stores.params.read(path)) as Float32Array
        await stores.params.write(
          path,
          now.map((value, i) => value + 0.05 * Math.sin(i * 7.3 + path.length)),
        )
      }
      const parameters = [...scope.parameters.values()]
      const { gradients, states } = trainingStep({ loss, parameters, optimizer: adam() })
      const store = await (await executor()).store('gradients')
      await store.declare(states.gradients)
      const [backward, forward] = [await (await executor()).compile(gradients), await (await executor()).compile({ outputs: { loss } })]
      await backward.bind({ ...stores, gradients: store }).run({ feeds })
      const lossNow = async () => Number((await forward.bind(stores).run({ feeds })).outputs.loss!.data[0])
      for (const path of scope.parameters.keys()) {
        const gradient = (await store.read(path)) as Float32Array
        const at = gradient.reduce((best, value, i) => (Math.abs(value) > Math.abs(gradient[best]!) ? i : best), 0)
        const before = Number((await stores.params.read(path))[at])
        const h = 1e-2
        await stores.params.write(path, [before + h], at)
        const above = await lossNow()
        await stores.params.write(path, [before - h], at)
        const slope = (above - (await lossNow())) / (2 * h)
        await stores.params.write(path, [before], at)
        assert.ok(Math.abs(slope - gradient[at]!) < 2e-4 + 0.03 * Math.abs(slope), `${path}[${at}]: ${gradient[at]}, by differences ${slope}`)
      }
      for (const x of [backward, forward, store]) await x.dispose()
    }))

test('old predictions: at first their entropy, with no gradient; then more', () =>
  inFolder(async (root) => {
    for (const backbone of [await toyBackbone(join(root, 'causal')), await toyEncoder(join(root, 'masked'))]) {
      const { scope, losses, stores, feeds: all } = await network(backbone, oldPredictions())
      const { labels: _labels, 'old-predictions.weight': _weight, ...others } = all
      // of a masked model's two passes only the second is asked for
      const { ids, ...hidden } = others
      const feeds = (backbone.config.causal ? others : hidden) as Record<string, Feed>
      assert.ok(ids)
      const parameters = [...scope.parameters.values()].filter((x) => !String(x.node.attributes.path).startsWith('heads.classification'))
      const { gradients, states } = trainingStep({ loss: losses.oldPredictionsLoss!, parameters, optimizer: adam() })
      const store = await (await executor()).store('gradients')
      await store.declare(states.gradients)
      const backward = await (await executor()).compile(gradients)
      const first = Number((await backward.bind({ ...stores, gradients: store }).run({ feeds })).outputs.loss!.data[0])
      assert.ok(first > 0 && first <= Math.log(backbone.config.vocabulary), `entropy ${first}`)
      const { value, path } = await store.largest()
      assert.ok(Math.abs(value) < 1e-5, `${path}: ${value}`)
      const table = (await stores.params.read('embeddings.token.weight')) as Float32Array
      await stores.params.write(
        'embeddings.token.weight',
        table.map((x, i) => x + Math.sin(i)),
      )
      const later = Number((await backward.bind({ ...stores, gradients: store }).run({ feeds })).outputs.loss!.data[0])
      assert.ok(later > first + 1e-3, `${first}, then ${later}`)
      for (const x of [backward, store]) await x.dispose()
    }
  }))

test('the softened cross-entropy is Li & Hoiem’s equation 2', async () => {
  const [teacher, student] = [
    [1, 2, 0.5],
    [0.3, -1, 2],
  ]
  const softened = (row: number[]) => {
    const powers = row.map((x) => Math.exp(x) ** (1 / 2)) // p^(1/T) of p ∝ exp(x)
    return powers.map((x) => x / powers.reduce((a, b) => a + b))
  }
  const expected = -softened(teacher!).reduce((sum, p, i) => sum + p * Math.log(softened(student!)[i]!), 0)
  const [a, b] = [input('a', [1, 3]), input('b', [1, 3])]
  const feed = (row: number[]) => ({ data: Float32Array.from(row), shape: [1, 3] })
  const { loss } = await values({ loss: softCrossEntropy(a, b, 2) }, {}, { a: feed(teacher!), b: feed(student!) })
  assert.ok(Math.abs(loss! - expected) < 1e-6, `${loss} and ${expected}`)
})

test('feeds: neither padding nor the added token is predicted, and what is random depends on seed and step', () =>
  inFolder(async (root) => {
    const options = { seed: 1, steps: 11, clf: 9 }
    const { tokenizer } = await toyBackbone(join(root, 'causal'))
    const left = () =>
      padded(
        [
          [5, 6, 9],
          [7, 9],
        ],
        'left',
        0,
      )
    const signals = [languageModelling({ weight: 0.5, final: 0.1 }), oldPredictions()]
    const causal = languageFeeds(left, { ...options, signals, tokenizer, causal: true })
    const { 'language.targets': targets, 'language.places': places, 'language-model.weight': weight } = causal([0], 10) as Record<string, Feed>
    const expected = Array(6).fill(-100)
    expected[0] = 6 // 5 → 6; 6 → [CLF] is not predicted, nor is anything of the second text
    assert.deepEqual([...targets!.data], expected)
    assert.deepEqual([...places!.data], [0])
    assert.ok(Math.abs(Number(weight!.data[0]) - 0.05) < 1e-8)

    const encoder = await toyEncoder(join(root, 'masked'))
    const rows = () => padded([Array.from({ length: 20 }, (_, i) => 30 + i), [7, 8]], 'right', 0)
    const hidden = languageFeeds(rows, { ...options, clf: undefined, signals: [languageModelling()], tokenizer: encoder.tokenizer, causal: false })
    const first = hidden([0], 3) as Record<string, Feed>
    const plain = rows()
    assert.equal(first['language.places']!.data.length, 3) // 15 % of 22 tokens
    for (const [k, place] of [...first['language.places']!.data].entries()) {
      assert.equal(first['language.targets']!.data[k], plain.ids.data[Number(place)])
      assert.equal(plain.visible.data[Number(place)], 1)
    }
    assert.deepEqual(hidden([0], 3), first)
    assert.notDeepEqual((hidden([0], 4) as Record<string, Feed>)['language.places'], first['language.places'])
  }))

test('weights decay exponentially to their final share; what a checkpoint cannot give is said', () =>
  inFolder(async (root) => {
    const annealed = languageModelling({ weight: 0.2, final: 0.01 })
    assert.deepEqual(
      [0, 50, 100].map((step) => Number(weightAt(annealed, step, 101).toPrecision(6))),
      [0.2, 0.02, 0.002],
    )
    assert.equal(weightAt(languageModelling(), 7, 10), 0.5)
    const bare = await toyEncoder(join(root, 'bare'), false)
    assert.doesNotThrow(() => checkSignals([languageModelling()], bare))
    assert.throws(
      () => checkSignals([oldPredictions()], bare),
      /old-predictions needs the language model's own head \(heads\.mlm\.…\), which .* has not/,
    )
    assert.throws(() => languageModelling({ weight: 0 }), { message: 'language modelling: weight 0: expected a number above 0' })
    assert.throws(() => recipe(languageModelling(), languageModelling()), /recipe: language-model is there twice/)
  }))
