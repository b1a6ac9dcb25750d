// Schemes side by side on a toy: what is measured is what was done, a comparison goes on where it stood, and the page shows it.

import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { languageHeadShapes } from '../../models/language-head.js'
import { classification } from '../../tasks/classification.js'
import { inFolder } from '../../testing/checkpoints.js'
import { toyBackbone, toyQuestions, toyText } from '../../testing/toy.js'
import { adapt } from '../adapt.js'
import { load } from '../backbone.js'
import { ewc, houlsby, recipe } from '../recipe/index.js'
import { nearness, wordCounts } from './nearness.js'
import { pretrainingLoss } from './pretraining-loss.js'
import { formatTradeOffs, tradeOffsPage } from './report.js'
import { schemeSettings } from './schemes.js'
import { tradeOffs } from './trade-offs.js'

test('nearness: by hand, and at its ends', () => {
  assert.deepEqual(
    [...wordCounts(['The cat, the CAT; 12 cats'])],
    [
      ['the', 2],
      ['cat', 2],
      ['12', 1],
      ['cats', 1],
    ],
  )
  const same = nearness(['a b b'], ['b a b'])
  assert.deepEqual([same.jensenShannon, same.vocabularyOverlap, same.knownWords], [0, 1, 1])
  assert.deepEqual(nearness(['a b'], ['c']), { jensenShannon: 1, vocabularyOverlap: 0, knownWords: 0 })
  // p = (1/2, 1/2, 0), q = (0, 1/2, 1/2): half of the mass differs
  const half = nearness(['a b'], ['b c'])
  assert.ok(Math.abs(half.jensenShannon - 0.5) < 1e-12 && half.vocabularyOverlap === 0.5 && half.knownWords === 0.5)
  assert.throws(() => nearness(['…'], ['a']), { message: "nearness: the task's text has no words" })
})

test('pretraining loss: a random model knows nothing, and what an adapter does to it is seen', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const text = [toyText(60, 5)]
    const before = (await pretrainingLoss(backbone, text, { time: 16, threads: 1 }))!
    assert.ok(Math.abs(before - Math.log(backbone.config.vocabulary)) < 0.5, `${before}`)
    const questions = toyQuestions(48)
    const options = {
      train: questions.slice(0, 32),
      valid: questions.slice(32),
      epochs: 2,
      batch: 16,
      rate: 3e-2,
      threads: 1,
      recipe: recipe(houlsby({ size: 4 })),
    }
    const { model } = await adapt(backbone, classification({ labels: ['HUM', 'LOC', 'NUM'] }), options)
    await model.save(join(root, 'adapted'))
    await model.dispose()
    const after = (await pretrainingLoss(await load(join(root, 'adapted')), text, { time: 16, threads: 1 }))!
    assert.ok(Math.abs(after - before) > 1e-4, `${after} after, ${before} before`)
    await assert.rejects(pretrainingLoss(backbone, ['who'], { time: 16 }), /pretraining loss: the text has \d+ tokens, fewer than one window of 17/)
    const encoder = { causal: false, block: 'post', segments: 2, vocabulary: 328 } as const
    const masked = await toyBackbone(join(root, 'masked'), encoder)
    assert.equal(await pretrainingLoss(masked, text), undefined)
    const heads = Object.fromEntries(languageHeadShapes(masked.config))
    const headed = await toyBackbone(join(root, 'headed'), encoder, heads)
    headed.tokenizer.addTokens(['[MASK]'], { special: true })
    const own = await pretrainingLoss(headed, text, { time: 16, threads: 1 })
    assert.ok(own !== undefined && Number.isFinite(own))
  }))

test('schemes: rates of their own', () => {
  const model = { hidden: 256, positions: 64, causal: true, layers: 4 } as never
  const rate = (name: string, rates = {}) => schemeSettings(name, {}, { rates }, model, 500).rate
  assert.deepEqual([rate('full'), rate('lora'), rate('frozen'), rate('lora', { lora: 5e-4 })], [3e-4, 3e-3, 1e-2, 5e-4])
  assert.equal(schemeSettings('frozen', { pooling: 'max' }, {}, model, 500).pooling, 'mean')
  assert.throws(() => rate('lora2'), /scheme "lora2": expected some of full, frozen, scratch, head-only,/)
  const recipeWith = (name: string, strengths: Record<string, number>) => schemeSettings(name, {}, { strengths }, model, 500).recipe
  assert.deepEqual(recipeWith('ewc', { ewc: 30, 'l2-sp': 2 }), recipe(ewc({ strength: 30 })))
  assert.throws(() => recipeWith('lora', { lora: 1 }), {
    message: 'lora: it has no strength that could be 1; those that have one are l2-sp and ewc',
  })
})

test('elastic weight consolidation among the schemes takes its Fisher information from given text, and forgets less', () =>
  inFolder(async (root) => {
    await toyBackbone(join(root, 'lm'))
    const questions = toyQuestions(64)
    const { rows } = await tradeOffs({
      ...{ checkpoint: join(root, 'lm'), labels: ['HUM', 'LOC', 'NUM'], out: join(root, 'out'), threads: 1 },
      ...{ train: questions.slice(0, 48), valid: questions.slice(48), schemes: ['full', 'ewc'], seeds: [1], rates: { full: 1e-2, ewc: 1e-2 } },
      strengths: { ewc: 1e4 },
      ...{ settings: { epochs: 2, batch: 16 }, pretraining: [toyText(80, 3)], fisherText: [toyText(80, 4)] },
    })
    // computed once, in the folder
    assert.equal((await readdir(join(root, 'out'))).filter((name) => /^fisher-[0-9a-f]{12}\.safetensors$/.test(name)).length, 1)
    const [full, held] = rows.map(({ forgetting }) => Math.abs(forgetting!.mean)) as [number, number]
    assert.ok(held < full / 2, `${held} with it, ${full} without`)
  }))

test('a scheme that diverges is named, the others have their rows, and nothing is done twice', () =>
  inFolder(async (root) => {
    await toyBackbone(join(root, 'lm'))
    const questions = toyQuestions(64)
    const seen: string[] = []
    const options = {
      ...{ checkpoint: join(root, 'lm'), labels: ['HUM', 'LOC', 'NUM'], out: join(root, 'out'), threads: 1, settings: { epochs: 1, batch: 16 } },
      ...{ train: questions.slice(0, 48), valid: questions.slice(48), schemes: ['l2-sp', 'frozen'], seeds: [1] },
      onRun: ({ scheme, result }: { scheme: string; result: object }) => seen.push(`${scheme} ${'diverged' in result}`),
    }
    const report = await tradeOffs({ ...options, strengths: { 'l2-sp': 1e30 }, rates: { 'l2-sp': 1e6 } })
    assert.deepEqual(seen, ['l2-sp true', 'frozen false'])
    assert.deepEqual(
      report.rows.map(({ scheme }) => scheme),
      ['frozen'],
    )
    const [{ scheme, seed, message }] = report.diverged as [(typeof report.diverged)[0]]
    assert.deepEqual([scheme, seed], ['l2-sp', 1])
    assert.match(message, /^the loss is \S+ at step \d+;.* Lower the rate/)
    assert.match(formatTradeOffs(report), /\n\nl2-sp, seed 1, diverged and is not in the table: the loss is/)
    assert.match(tradeOffsPage(report), /<h2>Without a result<\/h2>[\s\S]*l2-sp, seed 1, diverged/)

    const file = join(root, 'out', 'runs.jsonl')
    const lines = async () => (await readFile(file, 'utf8')).trimEnd().split('\n').length
    assert.equal(await lines(), 2)
    assert.deepEqual(await tradeOffs({ ...options, strengths: { 'l2-sp': 1e30 }, rates: { 'l2-sp': 1e6 } }), report)
    assert.equal(await lines(), 2)
    const none = await tradeOffs({ ...options, schemes: ['l2-sp'], strengths: { 'l2-sp': 1e30 }, rates: { 'l2-sp': 1e6 } })
    assert.match(formatTradeOffs(none), /^l2-sp, seed 1, diverged and is not in the table/)
    assert.match(tradeOffsPage(none), /, 1 seed<[\s\S]*<h2>Without a result<\/h2>/)
    // other examples, though as many, are another comparison
    await tradeOffs({ ...options, schemes: ['frozen'], train: questions.slice(0, 48).reverse() })
    assert.equal(await lines(), 3)
  }))

test('a comparison: costs, accuracy, forgetting, gap; stopped and resumed it computes nothing twice', () =>
  inFolder(async (root) => {
    await toyBackbone(join(root, 'lm'))
    const questions = toyQuestions(90)
    const options = {
      ...{ checkpoint: join(root, 'lm'), labels: ['HUM', 'LOC', 'NUM'], out: join(root, 'out'), threads: 1 },
      ...{ train: questions.slice(0, 48), valid: questions.slice(48, 68), test: questions.slice(68) },
      ...{
        schemes: ['full', 'lora', 'frozen'],
        seeds: [1, 2],
        settings: { epochs: 2, batch: 16 },
        rates: { full: 1e-2 } as Record<string, number>,
        pretraining: [toyText(80, 3)],
      },
    }
    const seen: string[] = []
    const stop = new AbortController()
    const note = ({ scheme, seed, done }: { scheme: string; seed: number; done: number }) => {
      seen.push(`${scheme} ${seed}`)
      if (done === 2) stop.abort()
    }
    await assert.rejects(tradeOffs({ ...options, signal: stop.signal, onRun: note }))
    assert.deepEqual(seen, ['full 1', 'full 2'])
    const file = join(root, 'out', 'runs.jsonl')
    const before = await readFile(file, 'utf8')
    await writeFile(file, `${before}{"key":`)
    const report = await tradeOffs(options)
    const after = await readFile(file, 'utf8')
    assert.ok(after.startsWith(before) && after.trimEnd().split('\n').length === before.trimEnd().split('\n').length + 5, after)
    assert.deepEqual(await tradeOffs(options), report)

    const [full, lora, frozen] = report.rows as [(typeof report.rows)[0], (typeof report.rows)[0], (typeof report.rows)[0]]
    assert.equal(full.trained, full.parameters)
    assert.ok(lora.trained < lora.parameters / 2 && frozen.trained < lora.trained)
    assert.ok(lora.bytes < full.bytes / 3 && frozen.bytes < lora.bytes && full.bytes > 4 * full.parameters)
    assert.ok(report.rows.every(({ peakMemory, seconds }) => peakMemory > 5e7 && seconds.n === 2 && seconds.mean > 0))
    assert.ok(Math.abs(frozen.forgetting!.mean) < 1e-4, 'a frozen model forgets nothing')
    assert.ok(Math.abs(full.forgetting!.mean) > 1e-3)
    assert.equal(report.gap, full.test!.mean - frozen.test!.mean)
    const text = formatTradeOffs(report)
    assert.match(text, /^scheme +trained +share +stored +time +memory +validation +test +forgetting +rate\n/)
    assert.match(text, /full fine-tuning is [\d.]+ points (better|worse) than the frozen model\nJensen–Shannon divergence of the words 0\.\d{3} bits/)
    const page = tradeOffsPage(report)
    assert.match(page, /aria-label="test accuracy, % by trained parameters, % of the model: full [\d.]+ at 100, lora/)
    assert.match(page, /<h2>When to tune<\/h2>/)
    assert.doesNotMatch(page.replace(/<script>[\s\S]*<\/script>/, ''), /NaN|Infinity|undefined/)
    await assert.rejects(tradeOffs({ ...options, schemes: ['full', 'nothing'] }), /scheme "nothing": expected some of/)
    await assert.rejects(tradeOffs({ ...options, rates: { ful: 1e-3 } }), {
      message: 'rates: "ful" is none of the schemes that are compared: full, lora, frozen',
    })
    await assert.rejects(tradeOffs({ ...options, rates: {}, schemes: ['ewc'] }), /scheme ewc: what did the model learn from\? .* --fisher-text FILE/)
    await assert.rejects(tradeOffs({ ...options, fisherText: [toyText(80, 4)] }), /fisherText: only the scheme ewc uses it; leave it out/)
    await assert.rejects(
      tradeOffs({ ...options, out: join(root, 'other'), schemes: ['full'], train: [{ text: 'who', label: 'XYZ' }] }),
      /full, seed 1: train: example 1: label "XYZ" is not among/,
    )
  }))
