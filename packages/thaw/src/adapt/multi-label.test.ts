// Several labels a text, from training to the saved model and its adapter: what is learnt, what decides, what is kept, what is refused.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { classification } from '../tasks/classification.js'
import { multiLabel } from '../tasks/multi-label.js'
import { inFolder } from '../testing/checkpoints.js'
import { nearlyEqual } from '../testing/nearly.js'
import { toyBackbone, toyLabelSets } from '../testing/toy.js'
import { type AdaptOptions, adapt } from './adapt.js'
import { loadAdapter, saveAdapter } from './adapter/file.js'
import { adapterOf, adapterSet, withAdapter } from './adapter/index.js'
import { load } from './backbone.js'
import { positiveWeights } from './class-weights.js'
import { loadClassifier, type Prediction } from './classifier.js'
import { priorLogOdds } from './label-priors.js'
import { loadMultiLabel, multiLabelFrom } from './multi-label.js'
import { lora, recipe } from './recipe/index.js'
import { loadTaskModel } from './task-models.js'

const labels = ['HUM', 'LOC', 'OLD']
const task = multiLabel({ labels })
const examples = toyLabelSets(108)
const data = { train: examples.slice(0, 68), valid: examples.slice(68, 88), test: examples.slice(88), threads: 1, batch: 16, epochs: 20, rate: 1e-2 }
const texts = data.test.map(({ text }) => text)

/** The same labels with the same scores up to rounding: a loaded model's program has its parameters as constants. */
function sameLabels(actual: readonly Prediction[][], expected: readonly Prediction[][]): void {
  const names = (rows: readonly Prediction[][]) => rows.map((said) => said.map(({ label }) => label).sort())
  assert.deepEqual(names(actual), names(expected))
  const scores = (rows: readonly Prediction[][]) =>
    rows.flatMap((said) => [...said].sort((a, b) => (a.label < b.label ? -1 : 1)).map(({ score }) => score))
  const wanted = scores(expected)
  for (const [i, score] of scores(actual).entries()) assert.ok(Math.abs(score - wanted[i]!) < 1e-5, `${score}, expected ${wanted[i]}`)
}

test('a model learns to give none, one or two labels, and comes back from its folder with its thresholds', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const { model, report } = await adapt(backbone, task, data)
    await using _ = model
    const best = Math.max(...report.epochs.map(({ microF1 }) => microF1))
    assert.equal(report.epochs[report.bestEpoch - 1]!.microF1, best)
    assert.ok(Math.abs(report.score - best) < 1e-12 && report.valid.microF1 === report.score)
    assert.ok(report.test!.microF1 > 0.9, `micro-F1 ${report.test!.microF1}`)
    assert.ok(report.epochs.at(-1)!.loss < report.epochs[0]!.loss)
    const said = await model.predict(texts)
    assert.deepEqual(new Set(said.map((some) => some.length)), new Set([0, 1, 2]))
    const [first] = await model.probabilities([{ text: texts[0]! }])
    for (const { label, score } of await model.predict(texts[0]!)) {
      assert.equal(score, first![labels.indexOf(label)])
      assert.ok(score >= model.thresholds![labels.indexOf(label)]!)
    }
    await model.save(join(root, 'out'))
    const config = JSON.parse(readFileSync(join(root, 'out', 'config.json'), 'utf8'))
    assert.deepEqual([config.problem_type, config.thaw.task, config.thaw.thresholds.length], ['multi_label_classification', 'multi-label', 3])
    await using again = await loadMultiLabel(join(root, 'out'), { threads: 1 })
    sameLabels(await again.predict(texts), said)
    assert.deepEqual((await again.evaluate(data.test)).report, report.test)
    const { task: kept, model: opened } = await loadTaskModel(join(root, 'out'), { threads: 1 })
    await opened.dispose()
    assert.deepEqual(kept, task)
    await assert.rejects(loadClassifier(join(root, 'out')), {
      message: `${join(root, 'out')}: this model gives a text several labels or none, and is no classifier of one; load it by loadMultiLabel, or loadTaskModel`,
    })
  }))

test('a frozen backbone, a resumed run, halves in the place of thresholds', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const run = async (options: Partial<AdaptOptions>) => {
      const { model, report } = await adapt(backbone, task, { ...data, ...options })
      await using _ = model
      return { report, thresholds: model.thresholds, rows: await model.probabilities(data.test) }
    }
    const frozen = await run({ scheme: 'frozen', rate: 3e-2, epochs: 40 })
    // the backbone is random; to say everything of every text gives 0.46
    assert.ok(frozen.report.test!.microF1 > 0.6, `micro-F1 ${frozen.report.test!.microF1}`)
    assert.ok(frozen.report.trained < 100)
    const half = await run({ thresholds: false })
    assert.equal(half.thresholds, undefined)
    const whole = await run({})
    assert.ok(whole.report.valid.macroF1 >= half.report.valid.macroF1 - 0.02)
    const state = { stateFolder: join(root, 'state'), saveEvery: 1e-9 }
    const stop = new AbortController()
    const onEvent: AdaptOptions['onEvent'] = (event) => {
      if (event.kind === 'step' && event.step === 37) stop.abort()
    }
    assert.equal((await run({ ...state, signal: stop.signal, onEvent })).report.stopped, true)
    const resumed = await run({ ...state, resume: true })
    assert.deepEqual([resumed.report.epochs, resumed.thresholds, resumed.rows], [whole.report.epochs, whole.thresholds, whole.rows])
  }))

test('weights of what is there against what is not: balanced, or given by label; more of a rare label is found', () =>
  inFolder(async (root) => {
    assert.deepEqual(positiveWeights('balanced', labels, [[0], [0, 1], [0], [0]]), [1, 3, 1])
    assert.deepEqual(positiveWeights({ LOC: 3 }, labels, []), [1, 3, 1])
    assert.throws(() => positiveWeights({ loc: 3 }, labels, []), { message: 'class weights: the label "loc" is not among HUM, LOC, OLD' })
    const backbone = await toyBackbone(join(root, 'lm'))
    const rare = data.train.filter(({ labels: own }, i) => i < 40 || !own.includes('OLD'))
    const found = async (options: Partial<AdaptOptions>) => {
      const { model, report } = await adapt(backbone, task, { ...data, train: rare, thresholds: false, epochs: 4, rate: 3e-3, ...options })
      await model.dispose()
      return report.test!.classes[2]!.predicted
    }
    const [plain, weighted] = [await found({}), await found({ classWeights: { OLD: 30 } })]
    assert.ok(weighted > plain, `${plain} without weights, ${weighted} with`)
  }))

test('a new head begins with how often each label occurs', () => {
  const odds = priorLogOdds([[0, 1], [0], [0], [0]], 3, [1, 2, 1])
  for (const [k, expected] of [4.5 / 0.5, (2 * 1.5) / 3.5, 0.5 / 4.5].entries()) assert.ok(Math.abs(odds[k]! - Math.log(expected)) < 1e-6)
})

test('its low-rank adapter is saved alone and put onto the backbone again; in a set it stands beside classifiers of one label', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const { model } = await adapt(backbone, task, { ...data, epochs: 2, recipe: recipe(lora({ rank: 2 })) })
    await using _ = model
    await model.save(join(root, 'out'))
    await saveAdapter(join(root, 'adapter'), await adapterOf(await load(join(root, 'out'))))
    const adapter = await loadAdapter(join(root, 'adapter'))
    await using again = await multiLabelFrom(await withAdapter(backbone, adapter), { threads: 1 })
    sameLabels(await again.predict(texts), await model.predict(texts))
    const one = data.train.map(({ text }, i) => ({ text, label: labels[i % 3]! }))
    const trained = await adapt(backbone, classification({ labels }), {
      ...data,
      train: one,
      valid: one,
      test: one,
      epochs: 1,
      recipe: recipe(lora({ rank: 2 })),
    })
    await using classifier = trained.model
    await classifier.save(join(root, 'classifier'))
    const single = await adapterOf(await load(join(root, 'classifier')))

    await using set = await adapterSet(backbone, { threads: 1 })
    sameLabels(await (await set.addMultiLabel('sets', adapter)).predict(texts), await model.predict(texts))
    await set.add('one', single)
    const said = await set.classifier('one').probabilities(data.test)
    nearlyEqual(said, await classifier.probabilities(data.test), 1e-6)
    assert.equal(set.programs, 2, 'the same form and number of labels, another end of the program')
    sameLabels(await set.multiLabel('sets').predict(texts), await model.predict(texts))
    set.multiLabel('sets').thresholds = [0.1, 0.2, 0.3]
    await set.multiLabel('sets').save(join(root, 'from set'))
    assert.deepEqual((await load(join(root, 'from set'))).details.thaw!.thresholds, [0.1, 0.2, 0.3])

    await assert.rejects(set.add('sets', adapter), {
      message: `${join(root, 'adapter')}: it gives a text several labels, and add takes an adapter that gives one; use addMultiLabel`,
    })
    await assert.rejects(set.addMultiLabel('one', single), {
      message: `${join(root, 'classifier')}: it gives each text one label, and addMultiLabel takes an adapter that gives several; use add`,
    })
    assert.throws(() => set.classifier('sets'), { message: 'adapter "sets": it gives a text several labels; ask for multiLabel(name)' })
    assert.throws(() => set.multiLabel('one'), { message: 'adapter "one": it gives each text one label; ask for classifier(name)' })
  }))

test('examples without a list, with an empty or unknown label are refused by name; so is a checkpoint of one label', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const fails = (train: AdaptOptions['train'], message: string) => assert.rejects(adapt(backbone, task, { ...data, train }), { message })
    await fails(
      [
        { text: 'x', labels: [] },
        { text: 'y', label: 'HUM' },
      ],
      'train: example 2: no list of labels (labels); expected one, which is empty where none fits',
    )
    await fails([{ text: 'x', labels: ['HUM', ''] }], 'train: example 1: label "" is not among the model\'s: HUM, LOC, OLD')
    await fails([{ text: 'x', labels: ['NUM'] }], 'train: example 1: label "NUM" is not among the model\'s: HUM, LOC, OLD')
    const one = data.train.slice(0, 16).map(({ text }, i) => ({ text, label: i % 2 ? 'a' : 'b' }))
    const { model } = await adapt(backbone, classification({ labels: ['a', 'b'] }), { train: one, valid: one, epochs: 1, threads: 1 })
    await model.save(join(root, 'one'))
    await model.dispose()
    await assert.rejects(loadMultiLabel(join(root, 'one')), {
      message: `${join(root, 'one')}: this model gives each text one label; load it by loadClassifier, or loadTaskModel`,
    })
  }))
