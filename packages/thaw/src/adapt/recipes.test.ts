// Recipes in a whole adaptation: what moves and what does not, what a saved model does, what a resumed run does.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { classification } from '../tasks/classification.js'
import { inFolder } from '../testing/checkpoints.js'
import { nearlyEqual } from '../testing/nearly.js'
import { toyBackbone, toyQuestions } from '../testing/toy.js'
import { type AdaptEvent, type AdaptOptions, adapt } from './adapt.js'
import { type Backbone, load } from './backbone.js'
import { loadClassifier } from './classifier.js'
import {
  discriminativeRates,
  ewc,
  gradualUnfreezing,
  houlsby,
  l2sp,
  lora,
  newOnly,
  type Recipe,
  recipe,
  recipes,
  slantedTriangular,
} from './recipe/index.js'

const task = classification({ labels: ['HUM', 'LOC', 'NUM'] })
const questions = toyQuestions(100)
const data = { train: questions.slice(0, 64), valid: questions.slice(64, 84), threads: 1, batch: 16, epochs: 3, rate: 3e-3, clip: 0 }
const fresh = questions.slice(84).map(({ text }) => text)

async function adapted(folder: string, backbone: Backbone, made: Recipe, options: Partial<AdaptOptions> = {}) {
  const events: AdaptEvent[] = []
  const { model, report } = await adapt(backbone, task, { ...data, recipe: made, ...options, onEvent: (event) => events.push(event) })
  await using _ = model
  await model.save(folder)
  const saved = await load(folder)
  const moved = (path: string) => String(saved.parameters.get(path)?.data) !== String(backbone.parameters.get(path)?.data)
  return { report, saved, events, movedPaths: [...backbone.parameters.keys()].filter(moved), predictions: await model.predict(fresh) }
}

test('gradual unfreezing with discriminative, slanted triangular rates: lower layers move when their turn has come', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const made = recipe(gradualUnfreezing(), discriminativeRates(), slantedTriangular())
    const { events, movedPaths } = await adapted(join(root, 'out'), backbone, made)
    const plan = events.find((event) => event.kind === 'plan')!
    assert.deepEqual(plan.stages, [
      'step 0–4: head   rate 3e-3',
      'step 4–8: + layers.1, + norm   rate 3e-3',
      'step 8–12: + layers.0   rates 2.7e-3 to 3e-3',
    ])
    assert.ok(movedPaths.includes('layers.0.attention.query.weight') && movedPaths.includes('layers.1.attention.query.weight'))
    assert.ok(!movedPaths.some((path) => path.startsWith('embeddings.')), 'three epochs end before the embeddings')
    const rates = events.filter((event) => event.kind === 'step').map(({ rate }) => rate)
    assert.ok(Math.abs(rates[0]! - 3e-3 / 32) < 1e-9 && Math.max(...rates) === 3e-3 && rates.at(-1)! < 1e-3, rates.join())
  }))

test('adapters and low-rank updates: the backbone stays, the saved model is the trained one', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    for (const made of [recipe(houlsby({ size: 4 })), recipe(lora({ rank: 2 }))]) {
      const name = made.ingredients[0]!.name
      const { report, movedPaths, saved, predictions } = await adapted(join(root, name), backbone, made, { epochs: 6, rate: 1e-2 })
      assert.deepEqual(
        movedPaths.filter((path) => !path.includes('norm')),
        [],
        name,
      )
      assert.ok(report.trained < report.parameters / 4, `${name}: ${report.trained} of ${report.parameters}`)
      assert.deepEqual((saved.details.thaw as { recipe?: Recipe }).recipe, made)
      await using again = await loadClassifier(join(root, name), { threads: 1 })
      nearlyEqual(await again.predict(fresh), predictions)
    }
  }))

test('a row of [CLF] trains beside a frozen table', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const { report, saved } = await adapted(join(root, 'out'), backbone, recipe(newOnly()), { pooling: 'clf' })
    assert.equal(report.trained, 16 + 16 * 3 + 3)
    const [old, now] = [backbone, saved].map(({ parameters }) => parameters.get('embeddings.token.weight')!.data)
    assert.deepEqual(now!.subarray(0, old!.length), old)
    assert.ok(now!.length === old!.length + 16)
  }))

test('pulls hold the model near where it began; ewc wants the Fisher information', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const distance = async (made: Recipe, options: Partial<AdaptOptions> = {}) => {
      const { saved } = await adapted(join(root, 'out'), backbone, made, options)
      let sum = 0
      for (const [path, { data: values }] of backbone.parameters)
        for (const [i, value] of values.entries()) sum += (saved.parameters.get(path)!.data[i]! - value) ** 2
      return Math.sqrt(sum)
    }
    const [free, pulled] = [await distance(recipe(l2sp({ strength: 0 }))), await distance(recipe(l2sp({ strength: 10 })))]
    assert.ok(pulled < 0.8 * free, `pulled ${pulled}, free ${free}`)
    await assert.rejects(
      adapt(backbone, task, { ...data, recipe: recipe(ewc()) }),
      /ewc needs the Fisher information of embeddings\.token\.weight: give it as the option fisher/,
    )
    const fisher = new Map([...backbone.parameters].map(([path, { data: values }]) => [path, new Float32Array(values.length).fill(1)]))
    assert.ok((await distance(recipe(ewc({ strength: 10 })), { fisher })) < 0.8 * free)
  }))

test('a run that stopped inside a stage goes on as if it had not', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const made = recipes.ulmfit()
    const whole = await adapted(join(root, 'whole'), backbone, made)
    const stop = new AbortController()
    const stateFolder = join(root, 'state')
    const { model } = await adapt(backbone, task, {
      ...data,
      recipe: made,
      stateFolder,
      signal: stop.signal,
      onEvent: (event) => event.kind === 'step' && event.step === 6 && stop.abort(),
    })
    await model.dispose()
    const resumed = await adapted(join(root, 'resumed'), backbone, made, { stateFolder, resume: true })
    assert.deepEqual(resumed.predictions, whole.predictions)
    await assert.rejects(
      adapt(backbone, task, { ...data, recipe: recipes.lora(), stateFolder, resume: true }),
      /the run was started with recipe \{.*gradual.*\}, now it is \{.*lora.*\}; a resumed run keeps its settings|belongs to another configuration/,
    )
    await assert.rejects(adapt(backbone, task, { ...data, recipe: made, scheme: 'frozen' }), /scheme frozen: a recipe says itself what trains/)
  }))
