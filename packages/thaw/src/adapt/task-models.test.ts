import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { createExecutor } from '@thaw/tensor'
import { adapt, classification, loadChoiceModel, loadClassifier, loadRegressor, multipleChoice, regression } from '../index.js'
import { exampleFeeds, textEncoder } from '../tasks/inputs.js'
import { inFolder } from '../testing/checkpoints.js'
import { nearlyEqual } from '../testing/nearly.js'
import { toyEncoder, toyQuestions } from '../testing/toy.js'

const questions = toyQuestions(108)
/** Pairs of questions; `label` says something about the second, or about both. */
const pairs = (label: (first: string, second: string) => string) =>
  questions.map((question, i) => {
    const other = questions[(i * 7 + 3) % questions.length]!
    return { text: question.text, pair: other.text, label: label(question.label, other.label) }
  })
const sides = <T>(all: readonly T[]) => ({ train: all.slice(0, 84), valid: all.slice(84), threads: 1, batch: 16, rate: 3e-3 })
const near = (a: readonly number[], b: readonly number[], within = 1e-5) =>
  assert.ok(
    a.every((value, i) => Math.abs(value - b[i]!) < within),
    `${a} but ${b}`,
  )

test('pairs as one text: token types are fed where the model has them, are kept, and matter', () =>
  inFolder(async (folder) => {
    const backbone = await toyEncoder(join(folder, 'lm'))
    const { ids, segments } = textEncoder(backbone.tokenizer, 24)('who saw', 'the king')
    assert.deepEqual(segments.slice(0, 1).concat(segments.slice(-1)), [0, 1])
    const feeds = exampleFeeds([[{ ids, segments, truncated: false }]], { side: 'right', pad: 0, segments: true })
    assert.deepEqual([...(feeds.segments!.data as Int32Array)].slice(0, segments.length), segments)
    const data = sides(pairs((_, second) => second))
    const { model, report } = await adapt(backbone, classification({ labels: ['HUM', 'LOC', 'NUM'] }), { ...data, epochs: 24 })
    await using _ = model
    assert.ok(report.valid.accuracy > 0.8, `accuracy ${report.valid.accuracy}`)
    const turned = data.valid.map(({ text, pair, label }) => ({ text: pair, pair: text, label }))
    assert.ok((await model.evaluate(turned)).report.accuracy < 0.7)
    await model.save(join(folder, 'out'))
    await using again = await loadClassifier(join(folder, 'out'), { threads: 1 })
    nearlyEqual(await again.predict(data.valid), await model.predict(data.valid))
  }))

test('two towers classify pairs by [u; v; |u − v|]', () =>
  inFolder(async (folder) => {
    const backbone = await toyEncoder(join(folder, 'lm'))
    const data = sides(pairs((first, second) => (first === second ? 'same' : 'other')))
    const task = classification({ labels: ['same', 'other'], form: 'two-tower' })
    const { model, report } = await adapt(backbone, task, { ...data, epochs: 14 })
    await using _ = model
    assert.ok(report.valid.accuracy > 0.8, `accuracy ${report.valid.accuracy}`)
    assert.deepEqual(report.load.fresh, ['heads.pair.weight', 'heads.pair.bias'])
    await model.save(join(folder, 'out'))
    await using again = await loadClassifier(join(folder, 'out'), { threads: 1 })
    nearlyEqual(await again.predict(data.valid), await model.predict(data.valid))
    await assert.rejects(model.predict('alone'), { message: '"alone": expected a second text (pair): two towers compare two texts' })
  }))

test('similarity as a cross-encoder and as two towers: learnt, reported by correlations, saved and loaded, whatever the batch', () =>
  inFolder(async (folder) => {
    const backbone = await toyEncoder(join(folder, 'lm'))
    const levels: Record<string, string> = { HUM: '1', LOC: '3', NUM: '5' }
    const kinds = {
      'cross-encoder': pairs((_, second) => levels[second]!),
      'two-tower': pairs((first, second) => (first === second ? '5' : '1')),
    } as const
    for (const form of ['cross-encoder', 'two-tower'] as const) {
      const data = sides(kinds[form])
      const { model, report } = await adapt(backbone, regression({ range: [1, 5], form }), { ...data, epochs: 14 })
      await using _ = model
      assert.ok(report.valid.pearson > 0.7 && report.valid.spearman > 0.5, `${form}: ${JSON.stringify(report.valid)}`)
      assert.equal(report.epochs[report.bestEpoch - 1]!.score, (report.valid.pearson + report.valid.spearman) / 2)
      const values = await model.predict(data.valid)
      assert.ok(
        values.every((value) => value > (form === 'two-tower' ? -3.1 : 0.9) && value < 5.1),
        `${form}: ${values}`,
      )
      near([await model.predict(data.valid[0]!)], values.slice(0, 1))
      const out = join(folder, form)
      await model.save(out)
      await using again = await loadRegressor(out, { threads: 1 })
      nearlyEqual([again.task, await again.predict(data.valid)], [model.task, values], 1e-5)
      await assert.rejects(loadChoiceModel(out), { message: /no model of multiple-choice was saved here; adapt one: thaw adapt/ })
    }
  }))

test('multiple choice: each candidate is read with the context, the best is chosen; labels are texts or places', () =>
  inFolder(async (folder) => {
    const backbone = await toyEncoder(join(folder, 'lm'))
    const of = (label: string) => questions.filter((question) => question.label === label).map(({ text }) => text)
    const [who, where, how] = [of('HUM'), of('LOC'), of('NUM')]
    const examples = Array.from({ length: 108 }, (_, i) => {
      const choices = [where[i % 30]!, who[(i * 5) % 30]!, how[(i * 11) % 30]!]
      const right = i % 3
      const order = [0, 1, 2].map((k) => (k === right ? 0 : k === 0 ? right : k))
      const shown = order.map((k) => choices[k]!)
      return { text: 'the old town', choices: shown, label: i % 2 === 0 ? shown[right]! : String(right) }
    })
    const data = sides(examples)
    const { model, report } = await adapt(backbone, multipleChoice({ choices: 3 }), { ...data, epochs: 8 })
    await using _ = model
    assert.ok(report.valid.accuracy > 0.8, `accuracy ${report.valid.accuracy}`)
    const found = await model.predict(data.valid)
    near([found[0]!.probabilities.reduce((a, b) => a + b, 0)], [1])
    await model.save(join(folder, 'out'))
    await using again = await loadChoiceModel(join(folder, 'out'), { threads: 1 })
    nearlyEqual(await again.predict(data.valid), found)
    await assert.rejects(model.predict({ text: 'x', choices: ['a'] }), {
      message: '"x": expected 3 candidates to choose from (choices), found 1',
    })
  }))

test('what cannot work is said before anything is computed', () =>
  inFolder(async (folder) => {
    const backbone = await toyEncoder(join(folder, 'lm'))
    await using _ = await createExecutor({ threads: 1 })
    const example = { text: 'a', pair: 'b' }
    const fails = (
      task: Parameters<typeof adapt>[1],
      some: { text: string; pair?: string; label: string },
      message: string,
      scheme: 'full' | 'frozen' = 'full',
    ) => assert.rejects(adapt(backbone, task, { train: [some], valid: [some], threads: 1, scheme, pooling: 'mean' }), { message })
    const stars = regression({ range: [1, 5] })
    await fails(stars, { ...example, label: 'good' }, 'train: example 1: label "good": expected a number from 1 to 5')
    await fails(stars, { ...example, label: '7' }, 'train: example 1: label 7: it lies outside the range from 1 to 5')
    await fails(
      regression({ range: [0, 1], form: 'two-tower' }),
      { text: 'a', label: '1' },
      '"a": expected a second text (pair): two towers compare two texts',
    )
    await fails(
      regression({ range: [0, 1], form: 'two-tower' }),
      { ...example, label: '1' },
      'scheme frozen: nothing would be trained: two towers compared by their cosine have no head; take the scheme full',
      'frozen',
    )
    await fails(
      multipleChoice({ choices: 2 }),
      { ...example, label: '0' },
      'train: example 1: label "0": expected the text of a candidate, or its place from 0 to -1',
    )
    assert.throws(() => regression({ range: [5, 1] }), {
      message: 'regression: range [5, 1]: expected the lowest and the highest label there can be',
    })
    assert.throws(() => multipleChoice({ choices: 1 }), { message: 'multipleChoice: 1 choices: expected a whole number of at least 2' })
  }))
