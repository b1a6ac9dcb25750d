// Cached logits against those of the whole text: for every block form, batches of texts of different lengths, reordered rows, texts longer
// than the model's positions.

import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { createExecutor } from '@thaw/tensor'
import { fillStore } from '../adapt/classifier.js'
import type { TransformerConfig } from '../models/config.js'
import { randomParameters, smallCausal, uncachedLogits } from '../testing/models.js'
import { continueTexts } from './continuation.js'
import { createDecoder } from './decoder.js'

const close = (actual: Float32Array, expected: Float32Array, what: string) => {
  assert.equal(actual.length, expected.length)
  expected.forEach((value, i) => {
    assert.ok(Math.abs(actual[i]! - value) <= 1e-5 * Math.max(1, Math.abs(value)), `${what}: logit ${i} is ${actual[i]}, uncached it is ${value}`)
  })
}

describe('decoder', async () => {
  const executor = await createExecutor({ threads: 1, worker: false })
  after(() => executor[Symbol.asyncDispose]())
  const open = async (config: TransformerConfig) => {
    const params = await fillStore(executor, randomParameters(config))
    return { decoder: await createDecoder(executor, config, params), full: await uncachedLogits(executor, config, params), params }
  }

  const variants: TransformerConfig[] = [
    smallCausal,
    { ...smallCausal, block: 'post', activation: 'gelu' },
    { ...smallCausal, block: 'tutorial', activation: 'relu', positionKind: 'sinusoidal' },
  ]
  for (const config of variants)
    test(`cached equals uncached: ${config.block}, a batch of three lengths`, async () => {
      const { decoder, full } = await open(config)
      const texts = [[3], [1, 4, 1, 5, 9], [2, 7, 1]]
      const check = async (logits: Float32Array[], step: string) => {
        for (const [row, text] of texts.entries()) close(logits[row]!, await full(text), `${step}, row ${row}`)
      }
      await check(await decoder.start(texts, 6), 'start')
      for (let step = 0; step < 6; step++) {
        const next = texts.map((_, row) => (5 * step + 3 * row) % config.vocabulary)
        texts.forEach((text, row) => {
          text.push(next[row]!)
        })
        await check(await decoder.next(next), `step ${step}`)
      }
      await assert.rejects(decoder.next([0, 0, 0]), /the cache's 11 places are used up/)
      await decoder.dispose()
    })

  test('rows in another order, copies among them', async () => {
    const { decoder, full } = await open(smallCausal)
    let texts = [[3, 8], [1, 4, 1, 5], [2]]
    await decoder.start(texts, 8)
    for (const rows of [
      [1, 1, 0],
      [2, 0, 1],
      [0, 1, 2],
      [2, 2, 2],
    ]) {
      await decoder.reorder(rows)
      texts = rows.map((row, i) => [...texts[row]!, (row + 2 * i) % 12])
      const logits = await decoder.next(texts.map((text) => text.at(-1)!))
      for (const [row, text] of texts.entries()) close(logits[row]!, await full(text), `after ${rows}, row ${row}`)
    }
    await decoder.dispose()
  })

  test('the program has its own copy of the parameters', async () => {
    const { decoder, params } = await open(smallCausal)
    const before = (await decoder.start([[1, 2]], 1))[0]!.slice()
    await params.dispose()
    close((await decoder.start([[1, 2]], 1))[0]!, before, 'without the store')
    await decoder.dispose()
  })

  test('texts longer than the positions go on with their last half, each on its own', async () => {
    const { decoder, full } = await open(smallCausal)
    const { positions } = smallCausal
    const texts = await continueTexts(decoder, [Array.from({ length: 14 }, (_, i) => i % 12), [5, 6]], 30)
    const seen = [14, 2]
    for (let step = 0; step < 30; step++) {
      for (const [row, text] of texts.texts.entries())
        close(texts.logits[row]!, await full(text.slice(text.length - seen[row]!)), `step ${step}, row ${row}`)
      await texts.push([(step * 7) % 12, (step * 5) % 12], step % 9 === 8 ? [1, 0] : undefined)
      if (step % 9 === 8) seen.reverse()
      seen.forEach((length, row) => {
        seen[row] = length === positions ? positions / 2 : length + 1
      })
    }
    assert.deepEqual(
      texts.texts.map((text) => text.length).sort((a, b) => a - b),
      [32, 44],
    )
    await decoder.dispose()
  })

  test('a prompt longer than the positions: its end is seen', async () => {
    const { decoder, full } = await open(smallCausal)
    const prompt = Array.from({ length: 40 }, (_, i) => (i * i) % 12)
    const { logits } = await continueTexts(decoder, [prompt], 1)
    close(logits[0]!, await full(prompt.slice(-16)), 'the last 16 tokens')
    await decoder.dispose()
  })

  test('a model that reads both sides is refused', async () => {
    const config = { ...smallCausal, causal: false }
    const params = await fillStore(executor, randomParameters(config))
    await assert.rejects(createDecoder(executor, config, params), /reads both sides of a token \(causal: false\), so it cannot continue a text/)
  })
})
