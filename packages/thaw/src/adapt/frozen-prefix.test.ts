// A frozen part that is computed once gives the numbers of one that is computed at each step; what is cut, and where.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { classification } from '../tasks/classification.js'
import { inFolder } from '../testing/checkpoints.js'
import { toyBackbone, toyQuestions } from '../testing/toy.js'
import { type AdaptOptions, adapt } from './adapt.js'
import type { Backbone } from './backbone.js'
import { frozenPrefix } from './frozen-prefix.js'
import { buildNetwork } from './network.js'
import {
  gradualUnfreezing,
  houlsby,
  type Ingredient,
  languageModelling,
  lora,
  newOnly,
  projectedAttentionLayers,
  type Recipe,
  recipe,
  recipes,
  topOnly,
} from './recipe/index.js'
import { planRecipe } from './recipe/plan.js'
import { adaptationSettings } from './settings.js'

const threeLabels = classification({ labels: ['a', 'b', 'c'] })

const task = classification({ labels: ['HUM', 'LOC', 'NUM'] })
const questions = toyQuestions(100)
const data = { train: questions.slice(0, 64), valid: questions.slice(64, 84), threads: 1, batch: 16, epochs: 3, rate: 3e-3 }

async function losses(backbone: Backbone, made: Recipe, options: Partial<AdaptOptions> = {}) {
  const steps: number[] = []
  const { model, report } = await adapt(backbone, task, {
    ...{ ...data, dropout: 0, recipe: made, ...options },
    onEvent: (event) => event.kind === 'step' && steps.push(event.loss),
  })
  await using _ = model
  return { steps, report, predictions: await model.predict('where is the king ?') }
}

/** The frozen part of a text is computed beside other texts here and there, and the runtime rounds a product by the number of its rows. */
const near = (got: readonly number[], wanted: readonly number[], name: string) => {
  assert.equal(got.length, wanted.length, name)
  for (const [i, value] of got.entries()) assert.ok(Math.abs(value - wanted[i]!) < 2e-5, `${name}: number ${i}: ${value}, expected ${wanted[i]}`)
}

test('without dropout the losses are the same numbers but for rounding; from memory and from disk to the bit', () =>
  inFolder(async (root) => {
    const [causal, encoder] = [await toyBackbone(join(root, 'a')), await toyBackbone(join(root, 'b'), { causal: false, block: 'post', segments: 2 })]
    const half = gradualUnfreezing({ epochs: 1.5 })
    const cases: [Backbone, Recipe, Partial<AdaptOptions>, string[]][] = [
      [causal, recipe(newOnly()), {}, ['heads.classification.input']],
      [causal, recipe(topOnly()), { pooling: 'last' }, ['layers.0']],
      [encoder, recipe(topOnly()), { pooling: 'mean' }, ['layers.0']],
      [encoder, recipe(houlsby({ size: 4, layers: [1] }), topOnly()), {}, ['layers.0']],
      [causal, recipe(half), {}, ['heads.classification.input', 'layers.0']],
      [causal, recipe(languageModelling(), newOnly()), {}, ['hidden']],
      [causal, recipes.bitfit(), {}, []],
    ]
    for (const [backbone, made, options, sites] of cases) {
      const [without, with_, spilled] = [
        await losses(backbone, made, { ...options, frozenCache: 0 }),
        await losses(backbone, made, options),
        await losses(backbone, made, { ...options, frozenCache: 700 }),
      ]
      const name = made.ingredients.map((ingredient) => ingredient.name).join()
      assert.deepEqual(
        with_.report.cached.map(({ site }) => site),
        sites,
        name,
      )
      assert.deepEqual(without.report.cached, [])
      near(with_.steps, without.steps, name)
      const scores = ({ predictions }: typeof with_) => predictions.map(({ score }) => score)
      near(scores(with_), scores(without), name)
      assert.deepEqual(spilled.steps, with_.steps, name)
      for (const { bytes, spilled: onDisk } of spilled.report.cached) assert.ok(bytes > 700 && onDisk > 0 && bytes - onDisk <= 700)
      for (const { spilled: onDisk, dropoutDifference } of with_.report.cached) assert.deepEqual([onDisk, dropoutDifference], [0, 0])
    }
  }))

test('what dropout of the frozen part would have changed is reported', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const differences = []
    for (const dropout of [0.05, 0.3]) {
      const { report } = await losses(backbone, recipe(topOnly()), { dropout })
      differences.push(report.cached[0]!.dropoutDifference)
      assert.deepEqual([report.cached[0]!.from, report.cached[0]!.texts], [0, 64])
    }
    assert.ok(differences[0]! > 0.01 && differences[1]! > 2 * differences[0]!, differences.join())
  }))

test('a run that stopped inside a stage reads the same numbers again', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const made = recipe(gradualUnfreezing({ epochs: 1.5 }))
    const whole = await losses(backbone, made, { dropout: 0.2 })
    const state = { dropout: 0.2, stateFolder: join(root, 'state') }
    const stop = new AbortController()
    const first: number[] = []
    const { model } = await adapt(backbone, task, {
      ...{ ...data, ...state, recipe: made, signal: stop.signal },
      onEvent(event) {
        if (event.kind !== 'step') return
        first.push(event.loss)
        if (event.step === 8) stop.abort()
      },
    })
    await model.dispose()
    const second = await losses(backbone, made, { ...state, resume: true })
    assert.deepEqual([...first, ...second.steps], whole.steps)
  }))

test('the cut is as high as nothing below it trains; it is refused where the upper part needs the tokens', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'), { layers: 3 })
    const siteOf = (...parts: Ingredient[]) => {
      const settings = adaptationSettings({ recipe: recipe(...parts) }, backbone.config, 64)
      const networks = [true, false].map((training) => buildNetwork(backbone.config, settings, threeLabels, undefined, { training }))
      const paths = [...networks[0]!.scope.parameters.keys()]
      const fresh = new Set(paths.filter((path) => path.startsWith('heads.') || /adapter|lora|pal/.test(path)))
      const plan = planRecipe(recipe(...parts), { paths, fresh }, { steps: 10, perEpoch: 5 })
      return frozenPrefix(networks[0]!, networks[1]!, plan.stages[0]!.trained)?.site
    }
    assert.equal(siteOf(newOnly()), 'heads.classification.input')
    assert.equal(siteOf(topOnly()), 'layers.1')
    assert.equal(siteOf(topOnly({ layers: 2 })), 'layers.0')
    assert.equal(siteOf(topOnly({ layers: 3 })), undefined)
    assert.equal(siteOf(lora({ rank: 2, targets: ['layers.2.attention.query.weight'] })), 'layers.1')
    assert.equal(siteOf(projectedAttentionLayers({ size: 4, heads: 2, layers: [2] }), topOnly()), 'layers.1')
    assert.equal(siteOf(languageModelling(), newOnly()), 'hidden')
    assert.equal(siteOf(languageModelling(), topOnly()), 'layers.1')
  }))
