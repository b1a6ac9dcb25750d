import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { createExecutor } from '@thaw/tensor'
import { createClassifier, fillStore } from '../adapt/classifier.js'
import { inFolder } from '../testing/checkpoints.js'
import { toyBackbone } from '../testing/toy.js'
import { batchesByLength, exampleFeeds, lengthGroupedBatches, padded, textEncoder } from './inputs.js'
import { poolings } from './pooling.js'

test('left padding: positions are counted from the first real token', () => {
  const { ids, visible, positions } = padded([[5, 6, 7], [8]], 'left', 9)
  assert.deepEqual(ids.shape, [2, 3])
  assert.deepEqual([...ids.data], [5, 6, 7, 9, 9, 8])
  assert.deepEqual([...visible.data], [1, 1, 1, 0, 0, 1])
  assert.deepEqual([...positions.data], [0, 1, 2, 0, 0, 0])
  assert.deepEqual([...padded([[5, 6, 7], [8]], 'right', 9).ids.data], [5, 6, 7, 8, 9, 9])
})

test('padding changes nothing: a text alone and beside a longer one has the same probabilities, with every pooling', () =>
  inFolder(async (folder) => {
    for (const causal of [true, false]) {
      const backbone = await toyBackbone(
        join(folder, String(causal)),
        { causal, ...(causal ? {} : { block: 'tutorial' as const }) },
        {
          'heads.classification.weight': [16, 3],
          'heads.classification.bias': [3],
        },
      )
      backbone.tokenizer.addTokens(['[CLF]'], { special: true })
      const token = backbone.parameters.get('embeddings.token.weight')!
      const parameters = new Map(backbone.parameters).set('embeddings.token.weight', {
        shape: [321, 16],
        data: Float32Array.from([...token.data, ...token.data.slice(0, 16)]),
      })
      await using executor = await createExecutor({ threads: 1 })
      const params = await fillStore(executor, parameters)
      for (const pooling of poolings) {
        const details = { task: 'classification', labels: ['a', 'b', 'c'], pooling, mix: false, maxLength: 24 } as const
        const config = { ...backbone.config, vocabulary: 321 }
        const model = await createClassifier({ config, tokenizer: backbone.tokenizer, details, executor, params, owns: false })
        const [short, long] = [{ text: 'who saw' }, { text: 'who saw the old king of the river and the bridge' }]
        const [alone] = await model.probabilities([short])
        const [, beside] = await model.probabilities([long, short])
        for (const [i, value] of alone!.entries())
          assert.ok(Math.abs(value - beside![i]!) < 1e-6, `${pooling}, causal ${causal}: ${alone} but ${beside}`)
        await model.dispose()
      }
    }
  }))

test('a text is cut to what fits beside the [CLF] token, and said to be cut', () =>
  inFolder(async (folder) => {
    const { tokenizer } = await toyBackbone(folder)
    const [clf] = tokenizer.addTokens(['[CLF]'])
    const encode = textEncoder(tokenizer, 4, clf)
    const ids = [...tokenizer.ids('who saw the king')]
    assert.ok(ids.length > 3)
    assert.deepEqual(encode('who saw the king'), { ids: [...ids.slice(0, 3), clf], segments: [0, 0, 0, 0], truncated: true })
    const who = [...tokenizer.ids('who'), clf]
    assert.deepEqual(encode('who'), { ids: who, segments: who.map(() => 0), truncated: false })
    assert.equal(textEncoder(tokenizer, 4)('who', 'saw the old king of the river').truncated, true)
    assert.equal(encode('').ids.length, 2)
  }))

test('batches of similar lengths hold every text once', () => {
  const lengths = Array.from({ length: 70 }, (_, i) => (i * 37) % 50)
  const batches = lengthGroupedBatches(
    lengths,
    16,
    lengths.map((_, i) => i),
  )
  assert.deepEqual(
    batches.map((batch) => batch.length),
    [16, 16, 16, 16, 6],
  )
  assert.deepEqual(
    batches.flat().sort((a, b) => a - b),
    lengths.map((_, i) => i),
  )
  for (const batch of batches) assert.ok(Math.max(...batch.map((i) => lengths[i]!)) - Math.min(...batch.map((i) => lengths[i]!)) <= 13)
})

test('batches by length: cut where that costs least, as trying every cut finds too', () => {
  const cost = (batches: readonly (readonly number[])[], lengths: readonly number[]) =>
    batches.reduce((sum, batch) => sum + 32 + batch.length * Math.max(...batch.map((i) => lengths[i]!)), 0)
  for (const lengths of [[7], [5, 5, 5], [3, 40, 4, 5, 39], [10, 60, 12, 200, 11, 58, 9, 13], [90, 1, 2, 100, 50, 49, 51, 2, 1, 30]]) {
    const sorted = lengths.map((_, i) => i).sort((a, b) => lengths[a]! - lengths[b]! || a - b)
    let best = Number.POSITIVE_INFINITY
    for (let cuts = 0; cuts < 2 ** (lengths.length - 1); cuts++) {
      const tried: number[][] = [[]]
      sorted.forEach((i, at) => {
        if (at > 0 && (cuts >> (at - 1)) & 1) tried.push([])
        tried.at(-1)!.push(i)
      })
      best = Math.min(best, cost(tried, lengths))
    }
    const batches = batchesByLength(lengths)
    assert.deepEqual(batches.flat(), sorted)
    assert.equal(cost(batches, lengths), best, `${lengths}`)
  }
  // the memory of a run has a limit, which a text alone may pass
  const long = batchesByLength([...Array.from({ length: 20 }, () => 500), 9000])
  assert.deepEqual(
    long.map((batch) => batch.length),
    [8, 8, 4, 1],
  )
  assert.deepEqual(batchesByLength([10, 10, 300], 2), [[0, 1], [2]])
  assert.deepEqual(batchesByLength([]), [])
})

test('feeds are as long as their longest row', () => {
  const rows = [3, 5].map((length) => [{ ids: Array.from({ length }, () => 7), segments: Array.from({ length }, () => 1), truncated: false }])
  const feeds = exampleFeeds(rows, { side: 'right', pad: 0, segments: true })
  assert.deepEqual(Object.keys(feeds), ['ids', 'visible', 'positions', 'segments'])
  for (const { shape } of Object.values(feeds)) assert.deepEqual(shape, [2, 5])
})
