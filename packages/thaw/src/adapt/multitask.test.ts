// The language model's losses in whole adaptations: with schedules, with a [CLF] token, in encoders, resumed.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { languageHeadShapes } from '../models/language-head.js'
import { classification } from '../tasks/classification.js'
import { inFolder } from '../testing/checkpoints.js'
import { nearlyEqual } from '../testing/nearly.js'
import { toyBackbone, toyQuestions } from '../testing/toy.js'
import { type AdaptEvent, type AdaptOptions, adapt } from './adapt.js'
import { type Backbone, load } from './backbone.js'
import { loadClassifier } from './classifier.js'
import { chainThaw, gradualUnfreezing, houlsby, languageModelling, oldPredictions, type Recipe, recipe, recipes, topOnly } from './recipe/index.js'

const task = classification({ labels: ['HUM', 'LOC', 'NUM'] })
const questions = toyQuestions(100)
const data = { train: questions.slice(0, 64), valid: questions.slice(64, 84), threads: 1, batch: 16, epochs: 3, rate: 3e-3 }
const fresh = questions.slice(84).map(({ text }) => text)

async function adapted(folder: string, backbone: Backbone, made: Recipe, options: Partial<AdaptOptions> = {}) {
  const events: AdaptEvent[] = []
  const { model, report } = await adapt(backbone, task, { ...data, recipe: made, ...options, onEvent: (event) => events.push(event) })
  await using _ = model
  await model.save(folder)
  const saved = await load(folder)
  const moved = (path: string) => String(saved.parameters.get(path)?.data) !== String(backbone.parameters.get(path)?.data)
  const steps = events.filter((event) => event.kind === 'step')
  return { report, saved, steps, movedPaths: [...backbone.parameters.keys()].filter(moved), predictions: await model.predict(fresh) }
}

test('the tutorial’s multi-task run: both losses fall and are reported, the saved model predicts the same', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const { report, steps, predictions } = await adapted(join(root, 'out'), backbone, recipes['tutorial-multitask'](), { pooling: 'clf', epochs: 6 })
    for (const { loss, outputs } of steps)
      assert.ok(Math.abs(loss - (outputs.taskLoss! + 0.5 * outputs.languageLoss!)) < 1e-4, `${loss}: ${JSON.stringify(outputs)}`)
    const [first, last] = [report.epochs[0]!.losses, report.epochs.at(-1)!.losses]
    assert.ok(last.taskLoss! < first.taskLoss! && last.languageLoss! < 0.9 * first.languageLoss!, JSON.stringify([first, last]))
    await using again = await loadClassifier(join(root, 'out'), { threads: 1 })
    nearlyEqual(await again.predict(fresh), predictions)
  }))

test('with every kind of schedule: what its stages freeze stays, and the language model’s loss is there from the first step', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    for (const [name, freezing, frozen] of [
      ['gradual', gradualUnfreezing(), /^embeddings/],
      ['top', topOnly(), /^embeddings|^layers\.0/],
      ['chain-thaw', chainThaw(), /^nothing/],
    ] as const) {
      const { steps, movedPaths } = await adapted(join(root, name), backbone, recipe(languageModelling(), freezing))
      assert.ok(!movedPaths.some((path) => frozen.test(path)), `${name}: ${movedPaths}`)
      assert.equal(steps.length, 12)
      assert.ok(steps.every(({ outputs }) => outputs.languageLoss! > 0))
    }
  }))

test('encoders: a masked language model with a new tied head, or the checkpoint’s own; adapters act on both readings', () =>
  inFolder(async (root) => {
    const shape = { causal: false, block: 'post', segments: 2, vocabulary: 328 } as const
    const heads = Object.fromEntries(languageHeadShapes({ hidden: 16, vocabulary: 328 } as never))
    for (const own of [false, true]) {
      const backbone = await toyBackbone(join(root, `lm-${own}`), shape, own ? heads : {})
      backbone.tokenizer.addTokens(['[MASK]'], { special: true })
      const folder = join(root, `out-${own}`)
      const { report, saved, predictions } = await adapted(folder, backbone, recipe(languageModelling(), houlsby({ size: 4 })), { epochs: 6 })
      assert.equal(report.load.fresh.includes('heads.mlm.bias'), !own)
      assert.equal(report.load.loaded.includes('heads.mlm.transform.weight'), own)
      assert.ok(saved.parameters.has('heads.mlm.bias'))
      assert.ok(report.epochs.at(-1)!.losses.languageLoss! < report.epochs[0]!.losses.languageLoss!)
      await using again = await loadClassifier(folder, { threads: 1 })
      nearlyEqual(await again.predict(fresh), predictions)
    }
  }))

test('old predictions hold them, and a run that stopped goes on to the same losses', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const made = recipe(recipes['old-predictions'](), languageModelling({ weight: 0.3, final: 0.1 }))
    const run = async (stateFolder: string, stopAfter: number, resume: boolean) => {
      const stop = new AbortController()
      const losses: number[] = []
      const { model, report } = await adapt(backbone, task, {
        ...{ ...data, recipe: made, stateFolder, resume, signal: stop.signal },
        onEvent(event) {
          if (event.kind !== 'step') return
          losses.push(event.loss)
          if (event.step === stopAfter) stop.abort()
        },
      })
      await model.dispose()
      return { losses, report }
    }
    const whole = await run(join(root, 'whole'), 0, false)
    const [first, second] = [await run(join(root, 'parts'), 6, false), await run(join(root, 'parts'), 0, true)]
    assert.deepEqual([...first.losses, ...second.losses], whole.losses)
    assert.deepEqual(second.report.epochs, whole.report.epochs)
    const drift = async (weight: number) => {
      const { report } = await adapted(join(root, 'out'), backbone, recipe(oldPredictions({ weight })), { epochs: 4 })
      return report.epochs.at(-1)!.losses.oldPredictionsLoss! - report.epochs[0]!.losses.oldPredictionsLoss!
    }
    const [loose, held] = [await drift(1e-6), await drift(10)]
    assert.ok(held < 0.5 * loose, `loose ${loose}, held ${held}`)
  }))
