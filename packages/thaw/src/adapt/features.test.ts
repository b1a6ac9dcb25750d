import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createExecutor, dim, input } from '@thaw/tensor'
import type { TransformerConfig } from '../models/config.js'
import { transformer } from '../models/transformer.js'
import { Scope } from '../nn/scope.js'
import { randomBackbone, smallCausal } from '../testing/models.js'
import { trainWordLevel } from '../text/tokenizer/index.js'
import type { Backbone } from './backbone.js'
import { fillStore } from './classifier.js'
import { featureExtractor } from './features.js'

const tokenizer = await trainWordLevel(['one two three four five six seven'], { vocabulary: 12 })
const bidirectional: TransformerConfig = { ...smallCausal, vocabulary: tokenizer.size, block: 'post', causal: false }
const texts = ['one two three', 'four', 'two two five seven one', 'three one']

/** The slow way: a text at a time, without padding. Each layer's rows [tokens, hidden], the last one after the final norm. */
async function layersOf({ config, parameters }: Backbone, ids: readonly number[]): Promise<Float32Array[]> {
  await using executor = await createExecutor({ threads: 1 })
  const params = await fillStore(executor, parameters)
  const { layers, hidden } = transformer(new Scope(), config, { ids: input('ids', [dim('batch'), dim('time')], 'i32') })
  const all = [...layers.slice(0, -1), hidden]
  const program = await executor.compile({ outputs: Object.fromEntries(all.map((layer, n) => [`layer${n}`, layer])) })
  const { outputs } = await program.bind({ params }).run({ feeds: { ids: { data: Int32Array.from(ids), shape: [1, ids.length] } } })
  return all.map((_, n) => outputs[`layer${n}`]!.data as Float32Array)
}

const near = (got: ArrayLike<number>, wanted: ArrayLike<number>) => {
  assert.equal(got.length, wanted.length)
  for (let i = 0; i < wanted.length; i++) assert.ok(Math.abs(got[i]! - wanted[i]!) < 1e-5, `number ${i}: ${got[i]}, expected ${wanted[i]}`)
}

describe('features of a backbone', () => {
  for (const [name, config] of [
    ['bidirectional', bidirectional],
    ['causal', { ...smallCausal, vocabulary: tokenizer.size }],
  ] as const)
    test(`${name}: layers side by side, a vector a token or a text, whatever else is in the batch`, async () => {
      const backbone = randomBackbone(config, tokenizer)
      await using tokens = await featureExtractor(backbone, { layers: [0, -1], pooling: 'none', threads: 1 })
      await using embeddings = await featureExtractor(backbone, { layers: [0], pooling: 'none', threads: 1 }) // these need no mask
      await using means = await featureExtractor(backbone, { normalize: true, threads: 1 })
      await using last = await featureExtractor(backbone, { pooling: 'last', layers: [1], threads: 1 })
      assert.deepEqual([tokens.width, means.width], [16, 8])
      const [ofTokens, ofMeans, ofLast] = [await tokens.extract(texts), await means.extract(texts), await last.extract(texts)]
      const ofEmbeddings = await embeddings.extract(texts)
      for (const [t, text] of texts.entries()) {
        const ids = tokenizer.encode(text).ids
        const layers = await layersOf(backbone, ids)
        const rows = Array.from(ids, (_, i) => [...layers[0]!.slice(8 * i, 8 * i + 8), ...layers[2]!.slice(8 * i, 8 * i + 8)])
        near(ofTokens[t]!, rows.flat())
        near(ofEmbeddings[t]!, layers[0]!)
        const mean = Array.from({ length: 8 }, (_, k) => rows.reduce((sum, row) => sum + row[8 + k]!, 0) / rows.length)
        const length = Math.hypot(...mean)
        near(
          ofMeans[t]!,
          mean.map((x) => x / length),
        )
        near(ofLast[t]!, layers[1]!.slice(-8))
      }
    })

  test('asking for what there is not', async () => {
    const backbone = randomBackbone(bidirectional, tokenizer)
    await assert.rejects(featureExtractor(backbone, { layers: [3] }), {
      message: 'features: layer 3: expected a whole number from 0 (the embeddings) to 2, or from -1 (the last) down to -3',
    })
    await assert.rejects(featureExtractor(backbone, { layers: [] }), { message: 'features: layers: expected at least one, got none' })
    await assert.rejects(featureExtractor(backbone, { maxLength: 17 }), {
      message: "features: maxLength 17: expected a whole number from 1 to the model's 16 positions",
    })
  })
})
