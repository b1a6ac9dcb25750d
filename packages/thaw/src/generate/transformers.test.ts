// Greedy choice and beam search against transformers' (bench/peers/make_generation_fixtures.py), with the same small GPT-2.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createExecutor } from '@thaw/tensor'
import { fillStore } from '../adapt/classifier.js'
import { readCheckpoint } from '../hub/checkpoint.js'
import { beamSearch } from './beam.js'
import { continueTexts } from './continuation.js'
import { createDecoder } from './decoder.js'
import { argmax } from './sample.js'

const fixtures = fileURLToPath(new URL('../../fixtures', import.meta.url))
const expected = JSON.parse(readFileSync(`${fixtures}/generation.json`, 'utf8')) as {
  greedy: { prompt: number[]; ids: number[] }[]
  beams: { prompt: number[]; stop: number | null; hypotheses: { ids: number[]; score: number }[] }[]
}

test('the tokens and scores are those of transformers', async () => {
  await using checkpoint = await readCheckpoint(`${fixtures}/published/gpt2`)
  await using executor = await createExecutor({ threads: 1, worker: false })
  const values = new Map<string, { shape: number[]; data: Float32Array }>()
  for (const [path, parameter] of checkpoint.parameters) values.set(path, { shape: parameter.shape, data: await parameter.read() })
  const decoder = await createDecoder(executor, checkpoint.config.model, await fillStore(executor, values))
  const tokens = 8

  const prompts = expected.greedy.map(({ prompt }) => prompt)
  const texts = await continueTexts(decoder, prompts, tokens)
  for (let i = 0; i < tokens; i++) await texts.push(texts.logits.map(argmax))
  assert.deepEqual(
    texts.texts,
    expected.greedy.map(({ prompt, ids }) => [...prompt, ...ids]),
  )

  for (const { prompt, stop, hypotheses } of expected.beams) {
    const copies = Array.from({ length: 4 }, () => prompt)
    const stops = new Set(stop === null ? [] : [stop])
    const [found] = await beamSearch(await continueTexts(decoder, copies, tokens), { beams: 4, lengthPenalty: 0, tokens, stops })
    // transformers passes over a text's end that is not among the best four steps, so where texts can end ours may be better from the second on
    const same = stop === null ? hypotheses.length : 1
    assert.deepEqual(
      found!.slice(0, same).map(({ ids }) => ids),
      hypotheses.slice(0, same).map(({ ids }) => ids),
    )
    found!.forEach(({ score }, i) => {
      const difference = score - hypotheses[i]!.score
      assert.ok(difference > -1e-4 && (i >= same || difference < 1e-4), `${i}: ${score}, transformers has ${hypotheses[i]!.score}`)
    })
  }
})
