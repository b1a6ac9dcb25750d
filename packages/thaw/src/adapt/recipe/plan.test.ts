// Every freezing schedule in its paper's order, on a model of three layers and 40 steps (10 an epoch).

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  chainThaw,
  type FreezingIngredient,
  fineTuning,
  gradualUnfreezing,
  newOnly,
  sequentialUnfreezing,
  topOnly,
  tutorialUnfreezing,
} from './freezing.js'
import { describePlan, planRecipe } from './plan.js'
import { constantRate, discriminativeRates, linearSchedule, rateFactor, slantedTriangular } from './rates.js'
import { type Ingredient, recipe } from './recipe.js'
import { ewc, l2sp } from './regularizers.js'

const paths = [
  'embeddings.token.weight',
  'layers.0.up.weight',
  'layers.1.up.weight',
  'layers.2.up.weight',
  'norm.weight',
  'heads.classification.weight',
]
const outline = { paths, fresh: new Set(['heads.classification.weight']) }
const length = { steps: 40, perEpoch: 10 }
const plan = (...ingredients: Ingredient[]) => planRecipe(recipe(...ingredients), outline, length)

/** Stages as `from: the places of the paths that train`, e for embeddings, 0–2, n for the norm, h for the head. */
const stages = (freezing: FreezingIngredient, steps = 40) =>
  planRecipe(recipe(freezing), outline, { steps, perEpoch: 10 }).stages.map(
    ({ from, trained }) => `${from}: ${trained.map((path) => 'e012nh'[paths.indexOf(path)]).join('')}`,
  )

test('freezing schedules in their papers’ order', () => {
  assert.deepEqual(stages(fineTuning()), ['0: e012nh'])
  assert.deepEqual(stages(newOnly()), ['0: h'])
  assert.deepEqual(stages(topOnly()), ['0: 2nh'])
  assert.deepEqual(stages(topOnly({ layers: 2 })), ['0: 12nh'])
  assert.deepEqual(stages(chainThaw(), 60), ['0: h', '10: e', '20: 0', '30: 1', '40: 2n', '50: e012nh'])
  assert.deepEqual(stages(gradualUnfreezing(), 60), ['0: h', '10: 2nh', '20: 12nh', '30: 012nh', '40: e012nh'])
  assert.deepEqual(stages(gradualUnfreezing({ epochs: 0.5 })), ['0: h', '5: 2nh', '10: 12nh', '15: 012nh', '20: e012nh'])
  assert.deepEqual(stages(sequentialUnfreezing()), ['0: h', '10: 012nh', '20: e012nh'])
  // interval = 40 / (3 + 1): embeddings and new parameters from the start, the whole model at the end
  assert.deepEqual(stages(tutorialUnfreezing()), ['0: eh', '10: e2nh', '20: e12nh', '30: e012nh'])
})

test('a schedule that is longer than the training stops where it ends', () => {
  assert.deepEqual(stages(gradualUnfreezing(), 25), ['0: h', '10: 2nh', '20: 12nh'])
})

test('rates: discriminative, factors, and their product', () => {
  const { factorOf } = plan(discriminativeRates({ decay: 0.5 }), rateFactor('heads.**', 10))
  assert.deepEqual(paths.map(factorOf), [0.125, 0.25, 0.5, 1, 1, 10])
})

test('a rate factor of 0 freezes', () => {
  assert.deepEqual(
    plan(rateFactor('embeddings.**', 0)).stages.map(({ trained }) => trained.length),
    [5],
  )
})

test('slanted triangular rates are those of equation 3', () => {
  const { schedule } = planRecipe(recipe(slantedTriangular()), outline, { steps: 100, perEpoch: 10 })
  const formula = (t: number) => {
    const p = t < 10 ? t / 10 : 1 - (t - 10) / (10 * (1 / 0.1 - 1))
    return (1 + p * 31) / 32
  }
  for (const t of [0, 5, 9, 10, 11, 55, 99]) assert.ok(Math.abs(schedule(t) - formula(t)) < 1e-12, `step ${t}`)
})

test('other schedules: warm-up in steps or as a share', () => {
  assert.equal(plan(linearSchedule({ warmup: 0.1 })).schedule(4), 1)
  assert.equal(plan(linearSchedule({ warmup: 4 })).schedule(4), 1)
  assert.equal(plan(linearSchedule({ warmup: 4 })).schedule(0), 0.2)
  assert.equal(plan(constantRate({ warmup: 1 })).schedule(0), 0.5)
  assert.equal(plan(constantRate()).schedule(39), 1)
})

test('pretrained parameters are pulled, new ones are not', () => {
  const { pullOf } = plan(l2sp({ strength: 0.1, patterns: ['layers.**'] }))
  assert.deepEqual(pullOf('layers.0.up.weight'), { strength: 0.1, fisher: false })
  assert.equal(pullOf('embeddings.token.weight'), undefined)
  assert.equal(pullOf('heads.classification.weight'), undefined)
  assert.deepEqual(plan(ewc()).pullOf('norm.weight'), { strength: 100, fisher: true })
})

test('the plan reads as a table', () => {
  assert.deepEqual(describePlan(plan(gradualUnfreezing({ epochs: 0.5 }), discriminativeRates({ decay: 0.5 })), 1e-3), [
    'step 0–5: head   rate 1e-3',
    'step 5–10: + layers.2, + norm   rate 1e-3',
    'step 10–15: + layers.1   rates 5e-4 to 1e-3',
    'step 15–20: + layers.0   rates 2.5e-4 to 1e-3',
    'step 20–40: + embeddings   rates 1.3e-4 to 1e-3',
  ])
  assert.deepEqual(describePlan(planRecipe(recipe(chainThaw()), outline, { steps: 60, perEpoch: 10 }), 1e-3).slice(0, 2), [
    'step 0–10: head   rate 1e-3',
    'step 10–20: embeddings   rate 1e-3',
  ])
})

test('a recipe is plain data', () => {
  const made = recipe(gradualUnfreezing(), discriminativeRates(), slantedTriangular(), l2sp())
  assert.deepEqual(JSON.parse(JSON.stringify(made)), made)
  assert.deepEqual(planRecipe(JSON.parse(JSON.stringify(made)), outline, length).stages, planRecipe(made, outline, length).stages)
})

test('what contradicts itself or the model is refused', () => {
  assert.throws(() => recipe(gradualUnfreezing(), chainThaw()), {
    message: 'recipe: gradual and chain-thaw exclude each other: both are a freezing; keep one',
  })
  assert.throws(() => plan(topOnly({ layers: 4 })), { message: 'top layers 4: the model has 3 layers; expected 0 to 3' })
  assert.throws(() => planRecipe(recipe(newOnly()), { paths, fresh: new Set() }, length), /nothing trains from step 0 to 40 \(new-only\)/)
  assert.throws(() => discriminativeRates({ decay: 2.6 }), { message: 'discriminative rates: decay 2.6: expected above 0, at most 1' })
  assert.throws(() => plan(sequentialUnfreezing({ hidden: 2, embeddings: 1 })), /expected embeddings last/)
})
