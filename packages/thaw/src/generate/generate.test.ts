// Generation end to end with a small random model: greedy choice against the argmax of the whole text's logits, seeds, ends, streams.

import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { createExecutor } from '@thaw/tensor'
import type { Backbone } from '../adapt/backbone.js'
import { fillStore } from '../adapt/classifier.js'
import { randomBackbone, smallCausal, uncachedLogits } from '../testing/models.js'
import { trainByteLevelBpe } from '../text/tokenizer/index.js'
import { lengthPenalty } from './beam.js'
import { generate, generator } from './generate.js'
import { argmax, logProbabilities } from './sample.js'
import { generateSettings } from './settings.js'

describe('generate', () => {
  let backbone: Backbone
  before(async () => {
    const tokenizer = await trainByteLevelBpe(['the cat sat on the mat', 'the dog sat on the log'], { vocabulary: 270 })
    backbone = randomBackbone({ ...smallCausal, vocabulary: tokenizer.size, positions: 32 }, tokenizer)
  })

  test('greedy choice is the argmax of the full forward pass', async () => {
    await using executor = await createExecutor({ threads: 1, worker: false })
    const logits = await uncachedLogits(executor, backbone.config, await fillStore(executor, backbone.parameters))
    const prompt = [...backbone.tokenizer.ids('the cat')]
    const text = [...prompt]
    let logProbability = 0
    for (let i = 0; i < 12; i++) {
      const next = await logits(text)
      text.push(argmax(next))
      logProbability += logProbabilities(next)[text.at(-1)!]!
    }
    const result = await generate(backbone, 'the cat', { tokens: 12, stop: false, threads: 1 })
    assert.deepEqual(result.ids, text.slice(prompt.length))
    assert.equal(result.text, backbone.tokenizer.decode(text).slice('the cat'.length))
    assert.ok(Math.abs(result.logProbability - logProbability) < 1e-4)
  })

  test('50 tokens unless told; one seed one text; another seed another; a batch of prompts of different lengths', async () => {
    await using writer = await generator(backbone, { threads: 1 })
    const settings = { topP: 0.95, seed: 3, stop: false }
    const first = await writer.generate('the', settings)
    assert.equal(first.ids.length, 50)
    assert.deepEqual(await writer.generate('the', settings), first)
    assert.notDeepEqual((await writer.generate('the', { ...settings, seed: 4 })).ids, first.ids)
    const several = await writer.generate(['the', 'the cat sat on the mat', 'x'], settings)
    assert.deepEqual(several[0]!.ids, first.ids)
    const greedy = await writer.generate(['the', 'the cat sat on the mat', 'x'], { tokens: 20 })
    for (const result of greedy) assert.deepEqual(result.ids, (await writer.generate(result.prompt, { tokens: 20 })).ids)
  })

  test('beam search finds a text at least as good as the greedy one, with its true log-probability', async () => {
    await using writer = await generator(backbone, { threads: 1 })
    const options = { tokens: 8, stop: false }
    const greedy = await writer.generate('the dog', options)
    const best = await writer.generate(['the dog', 'a'], { ...options, beams: 8 })
    assert.ok(best[0]!.logProbability >= greedy.logProbability, `${best[0]!.logProbability} is below ${greedy.logProbability}`)
    await using executor = await createExecutor({ threads: 1, worker: false })
    const logits = await uncachedLogits(executor, backbone.config, await fillStore(executor, backbone.parameters))
    for (const { prompt, ids, logProbability } of best) {
      const text = [...backbone.tokenizer.ids(prompt)]
      let sum = 0
      for (const id of ids) {
        sum += logProbabilities(await logits(text))[id]!
        text.push(id)
      }
      assert.ok(Math.abs(sum - logProbability) < 1e-4, `${logProbability} instead of ${sum} (${lengthPenalty(ids.length, 0.6)})`)
    }
  })

  test('a text ends where the model ends it, and the end is not shown', async () => {
    // hidden states of ones, and an end token that has by far the largest product with them
    const parameters = new Map(backbone.parameters)
    const { hidden } = backbone.config
    const end = backbone.tokenizer.special.eos!.id
    const { shape, data } = parameters.get('embeddings.token.weight')!
    parameters.set('embeddings.token.weight', { shape, data: data.slice().fill(10, end * hidden, (end + 1) * hidden) })
    parameters.set('norm.weight', { shape: [hidden], data: new Float32Array(hidden) })
    parameters.set('norm.bias', { shape: [hidden], data: new Float32Array(hidden).fill(1) })
    const ending = { ...backbone, parameters }
    const result = await generate(ending, 'the', { threads: 1 })
    assert.deepEqual({ ids: result.ids, text: result.text, ended: result.ended }, { ids: [end], text: '', ended: true })
    const on = await generate(ending, 'the', { threads: 1, stop: false, tokens: 3 })
    assert.deepEqual({ ids: on.ids, ended: on.ended }, { ids: [end, end, end], ended: false })
    const searched = await generate(ending, 'the', { threads: 1, beams: 3 })
    assert.deepEqual({ ids: searched.ids, ended: searched.ended }, { ids: [end], ended: true })
  })

  test('streamed pieces make up the text', async () => {
    let text = ''
    const result = await generate(backbone, 'the', { threads: 1, temperature: 1, seed: 2, onText: (piece) => (text += piece) })
    assert.equal(text, result.text)
    assert.ok(text.length > 0)
  })

  test('an empty prompt begins a text', async () => {
    const result = await generate(backbone, '', { threads: 1, tokens: 4, stop: false })
    assert.equal(result.ids.length, 4)
  })

  test('settings that make no sense are refused by name', () => {
    const fails = (options: object, message: RegExp) => assert.throws(() => generateSettings(options), message)
    fails({ tokens: 0 }, /^Error: tokens: expected a whole number of at least 1; got 0$/)
    fails({ topP: 1.5 }, /^Error: topP: expected a number above 0, at most 1; got 1.5$/)
    fails({ topK: Number.NaN }, /^Error: topK: expected a whole number of at least 1; got NaN$/)
    fails({ temperature: -1 }, /^Error: temperature: expected a number of at least 0; got -1$/)
    fails({ temperature: 0, topK: 3 }, /^Error: temperature 0 always takes the most probable token: leave out topK and topP, or raise it$/)
    fails({ beams: 4, topP: 0.9 }, /^Error: beams 4 and topP: beam search does not sample/)
    assert.equal(generateSettings().temperature, 0)
    assert.equal(generateSettings({ topK: 5 }).temperature, 1)
  })
})
