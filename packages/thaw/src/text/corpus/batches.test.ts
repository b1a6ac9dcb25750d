import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type LanguageModelBatch, type LanguageModelBatchesOptions, languageModelBatchCount, languageModelBatches } from './batches.js'
import type { TokenCache, TokenCacheIndex } from './token-cache.js'

// Token i has id i: a row shows where it comes from.
const counting = (tokens: number, onRead = () => {}): TokenCache => {
  const close = async () => {}
  const read = async (offset: number, length: number) => {
    onRead()
    assert.ok(offset >= 0 && offset + length <= tokens)
    return Int32Array.from({ length }, (_, i) => offset + i)
  }
  return { tokens, words: 0, documents: 0, index: {} as TokenCacheIndex, path: 'test', read, close, [Symbol.asyncDispose]: close }
}
const all = async (tokens: number, options: LanguageModelBatchesOptions): Promise<LanguageModelBatch[]> => {
  const batches: LanguageModelBatch[] = []
  for await (const batch of languageModelBatches(counting(tokens), options)) batches.push(batch)
  return batches
}

test('an epoch has each window at most once, targets one ahead, inside the range', async () => {
  const size = fc.integer({ min: 1, max: 6 })
  await fc.assert(
    fc.asyncProperty(size, size, fc.nat(20), fc.nat(100), fc.integer(), fc.nat(5), async (batch, time, from, more, seed, epoch) => {
      const to = from + batch * time + 1 + more
      const options = { batch, time, from, to, seed, epoch }
      const batches = await all(to + 7, options)
      const windows = Math.floor((to - from - 1) / time)
      assert.equal(batches.length, Math.floor(windows / batch))
      assert.equal(batches.length, languageModelBatchCount({ tokens: to + 7 }, options))
      const starts = new Set<number>()
      for (const [i, { inputs, targets, index }] of batches.entries()) {
        assert.equal(index, i)
        for (let at = 0; at < batch * time; at++) {
          assert.equal(targets[at], inputs[at]! + 1)
          assert.equal(inputs[at], inputs[at - (at % time)]! + (at % time))
          if (at % time === 0) starts.add(inputs[at]!)
        }
      }
      assert.equal(starts.size, batches.length * batch)
      for (const start of starts) assert.ok((start - from) % time === 0 && start >= from && start + time < to)
    }),
    { numRuns: 60 },
  )
})

test('the order is a function of seed and epoch, and is entered anywhere', async () => {
  const base = { batch: 4, time: 8, seed: 3, epoch: 2 }
  const whole = await all(2000, base)
  assert.deepEqual(await all(2000, base), whole)
  assert.deepEqual(await all(2000, { ...base, start: 37 }), whole.slice(37))
  assert.deepEqual(await all(2000, { ...base, start: whole.length }), [])
  assert.notDeepEqual(await all(2000, { ...base, epoch: 3 }), whole)
  assert.notDeepEqual(await all(2000, { ...base, seed: 4 }), whole)
  assert.deepEqual([...(await all(2000, { ...base, shuffle: false }))[1]!.inputs.subarray(0, 3)], [32, 33, 34])
})

test('the next batch is read ahead, one at most; a consumer may stop early', async () => {
  let reads = 0
  const batches = languageModelBatches(
    counting(1000, () => reads++),
    { batch: 2, time: 5, seed: 1 },
  )
  await batches.next()
  assert.equal(reads, 4)
  await batches.next()
  assert.equal(reads, 6)
  await batches.return(undefined)
  assert.equal(reads, 6)
})

test('errors say what is possible', async () => {
  await assert.rejects(all(100, { batch: 4, time: 30, seed: 1 }), {
    message: 'too few tokens: a batch of 4 windows of 30 needs 121, the range has 100; take more text, or a smaller batch or time',
  })
  await assert.rejects(all(100, { batch: 1, time: 0, seed: 1 }), { message: 'time: expected an integer of at least 1; got 0' })
  await assert.rejects(all(100, { batch: 1, time: 2, seed: 1, to: 101 }), {
    message: "from, to: expected 0 ≤ from ≤ to ≤ 100 (the corpus's tokens); got from 0 to 101",
  })
  await assert.rejects(all(100, { batch: 1, time: 33, seed: 1, start: 4 }), { message: 'start: expected a batch index from 0 to 3; got 4' })
})
