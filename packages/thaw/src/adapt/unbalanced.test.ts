// Early stopping, class weights, thresholds, the range test of rates: what each computes, and what it does in a run.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { createExecutor, dim, input } from '@thaw/tensor'
import { classification, classifierLoss } from '../tasks/classification.js'
import { regression } from '../tasks/regression.js'
import { inFolder } from '../testing/checkpoints.js'
import { toyBackbone, toyQuestions } from '../testing/toy.js'
import { type AdaptEvent, type AdaptOptions, adapt } from './adapt.js'
import { classWeights } from './class-weights.js'
import { loadClassifier } from './classifier.js'
import { outOfPatience } from './early-stopping.js'
import { findRate } from './find-rate.js'
import { gradualUnfreezing, recipe } from './recipe/index.js'
import type { Keep } from './settings.js'

const labels = ['HUM', 'LOC', 'NUM']
const task = classification({ labels })
const questions = toyQuestions(100)
const data = { train: questions.slice(0, 64), valid: questions.slice(64, 84), threads: 1, batch: 16, epochs: 8, rate: 3e-3 }

test('patience: epochs without a better one, counted from the last stage on', () => {
  assert.equal(outOfPatience([], 1), false)
  assert.equal(outOfPatience([0.5, 0.6, 0.6], 1), true) // as good is not better
  assert.equal(outOfPatience([0.5, 0.6, 0.6], 2), false)
  assert.equal(outOfPatience([0.6, 0.5, 0.5, 0.5], 3), true)
  assert.equal(outOfPatience([0.6, 0.5, 0.5, 0.5], 3, 2), false)
  assert.equal(outOfPatience([0.6, 0.5, 0.5, 0.5, 0.5], 3, 2), true)
})

test('a run ends when it is out of patience, a resumed one stays ended, and a schedule is given its time', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const run = async (options: Partial<AdaptOptions>) => {
      const { model, report } = await adapt(backbone, task, { ...data, rate: 1e-7, ...options })
      await model.dispose()
      return report
    }
    const state = { patience: 2, stateFolder: join(root, 'state') }
    const first = await run(state)
    const best = first.epochs.map(({ accuracy }) => accuracy)
    assert.equal(first.epochs.length, best.indexOf(Math.max(...best)) + 3)
    assert.ok(first.epochs.length < 8 && !first.stopped && first.steps === 4 * first.epochs.length)
    const again = await run({ ...state, resume: true })
    assert.deepEqual([again.epochs, again.steps], [first.epochs, first.steps])
    // three stages of two epochs: the last one begins after four
    const thawed = await run({ patience: 2, recipe: recipe(gradualUnfreezing({ epochs: 2 })) })
    assert.ok(thawed.epochs.length >= 6, `${thawed.epochs.length} epochs`)
    await assert.rejects(run({ patience: 0 }), { message: 'patience 0: expected a whole number of at least 1' })
  }))

test('the best epoch is kept, or the last', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const run = async (keep: Keep) => {
      const best: boolean[] = []
      const onEvent = (event: AdaptEvent) => event.kind === 'epoch' && best.push(event.best)
      const { model, report } = await adapt(backbone, task, { ...data, rate: 0.1, keep, onEvent })
      await using _ = model
      return { report, best, score: (await model.evaluate(data.valid)).report.accuracy }
    }
    const [best, last] = [await run('best'), await run('last')]
    const scores = best.report.epochs.map(({ score }) => score)
    assert.deepEqual(
      last.report.epochs.map(({ score }) => score),
      scores,
    )
    assert.ok(Math.max(...scores) > scores.at(-1)!, `the last epoch should be worse here: ${scores}`)
    assert.deepEqual([best.report.bestEpoch, best.score], [scores.lastIndexOf(Math.max(...scores)) + 1, Math.max(...scores)])
    assert.deepEqual([last.report.bestEpoch, last.score], [scores.length, scores.at(-1)])
    // what is said of an epoch does not depend on which is kept
    assert.deepEqual(last.best, best.best)
    await assert.rejects(run('first' as Keep), { message: 'keep "first": expected one of best, last' })
  }))

test('weights: balanced as scikit-learn has them, or given by label', () => {
  // sklearn.utils.class_weight.compute_class_weight('balanced', classes=[0, 1, 2], y=[0, 0, 0, 0, 1, 1, 2, 0]) of 5, 2 and 1 examples
  const weights = classWeights('balanced', labels, [0, 0, 0, 0, 1, 1, 2, 0])
  for (const [i, expected] of [8 / 15, 8 / 6, 8 / 3].entries()) assert.ok(Math.abs(weights[i]! - expected) < 1e-12)
  assert.deepEqual(classWeights('balanced', labels, [0, 0, 1]), [0.75, 1.5, 1])
  assert.deepEqual(classWeights({ LOC: 3 }, labels, []), [1, 3, 1])
  assert.throws(() => classWeights({ loc: 3 }, labels, []), { message: 'class weights: the label "loc" is not among HUM, LOC, NUM' })
  assert.throws(() => classWeights({ LOC: 0 }, labels, []), { message: 'class weights: "LOC" has 0: expected a number above 0' })
})

test('the weighted loss is Σ w ℓ / Σ w', async () => {
  await using executor = await createExecutor({ threads: 1 })
  const program = await executor.compile({ outputs: { loss: classifierLoss(input('logits', [dim('batch'), 3]), [0.5, 2, 4]) } })
  const logits = [
    [0.2, -1, 0.5],
    [1.5, 0.3, -0.4],
    [0, 0, 2],
  ]
  const wanted = [1, 0, 2]
  const { outputs } = await program.bind({}).run({
    feeds: { logits: { data: Float32Array.from(logits.flat()), shape: [3, 3] }, labels: { data: Int32Array.from(wanted), shape: [3] } },
  })
  const losses = logits.map((row, i) => Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0)) - row[wanted[i]!]!)
  const weights = [2, 0.5, 4]
  const expected = losses.reduce((sum, loss, i) => sum + loss * weights[i]!, 0) / 6.5
  assert.ok(Math.abs(Number(outputs.loss!.data[0]) - expected) < 1e-6)
})

test('with a rare class: its recall rises by weights and by thresholds, which are saved with the classifier', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const [valid, others] = [questions.slice(70), questions.slice(0, 70)]
    const rare = [...others.filter(({ label }) => label !== 'NUM'), ...others.filter(({ label }) => label === 'NUM').slice(0, 4)]
    const run = async (options: Partial<AdaptOptions>, folder = 'out') => {
      const { model, report } = await adapt(backbone, task, { ...data, train: rare, valid, epochs: 6, rate: 2e-3, ...options })
      await using _ = model
      await model.save(join(root, folder))
      return { report, predictions: await model.predict(valid.map(({ text }) => text)) }
    }
    const recall = ({ report }: Awaited<ReturnType<typeof run>>) => report.valid.classes[2]!.recall
    const plain = await run({})
    const weighted = await run({ classWeights: { NUM: 20 } })
    assert.ok(recall(weighted) > recall(plain), `${recall(plain)}, with weights ${recall(weighted)}`)
    const decided = await run({ thresholds: true }, 'decided')
    assert.ok(decided.report.valid.macroF1 > plain.report.valid.macroF1, `${plain.report.valid.macroF1}, then ${decided.report.valid.macroF1}`)
    await using saved = await loadClassifier(join(root, 'decided'), { threads: 1 })
    assert.equal(saved.thresholds!.length, 3)
    assert.deepEqual(await saved.predict(valid.map(({ text }) => text)), decided.predictions)
    assert.equal((await saved.evaluate(valid)).report.macroF1, decided.report.valid.macroF1)
  }))

test('the range test of an adaptation: on its own recipe, and the backbone stays as it is', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const before = String(backbone.parameters.get('norm.weight')!.data)
    const result = await findRate(backbone, task, { ...data, recipe: recipe(gradualUnfreezing()), from: 1e-5, to: 10, steps: 40 })
    assert.ok(result.points.length > 10 && result.points[0]!.rate === 1e-5)
    assert.ok(result.suggestion! > 1e-5 && result.suggestion! < 1, `${result.suggestion}`)
    assert.equal(String(backbone.parameters.get('norm.weight')!.data), before)
  }))

test('a regression runs out of patience and has a range test too; weights and thresholds of labels are refused', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const number = regression({ range: [0, 1] })
    const numbered = (some: typeof questions) => some.map(({ text, label }) => ({ text, label: label === 'NUM' ? '1' : '0' }))
    const given = { ...data, train: numbered(data.train), valid: numbered(data.valid) }
    const { model, report } = await adapt(backbone, number, { ...given, rate: 1e-9, epochs: 30, patience: 2 })
    await model.dispose()
    const scores = report.epochs.map(({ score }) => score)
    assert.equal(scores.length, scores.indexOf(Math.max(...scores)) + 3)
    assert.ok((await findRate(backbone, number, { ...given, steps: 10 })).points.length > 3)
    await assert.rejects(adapt(backbone, number, { ...given, thresholds: true }), {
      message: 'thresholds: they are for the labels of a classification; the task is regression',
    })
    await assert.rejects(adapt(backbone, number, { ...given, classWeights: 'balanced' }), {
      message: 'class weights: they are for the labels of a classification; the task is regression',
    })
  }))
