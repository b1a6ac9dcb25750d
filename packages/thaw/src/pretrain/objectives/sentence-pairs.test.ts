// Pairs for next-sentence prediction, over a corpus in which every token says where it comes from.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TokenCache, TokenCacheIndex } from '../../text/corpus/index.js'
import { trainByteLevelBpe, trainWordPiece } from '../../text/tokenizer/index.js'
import { findDocuments, type Pair, sentenceEnds, sentencePairs } from './sentence-pairs.js'

const endOfText = 1
const stop = 2 // ends a sentence

/** Documents of sentences of five words and a full stop; other tokens are 10 + their position in the corpus. */
function corpus(lengths: readonly number[]): TokenCache {
  const ids = lengths.flatMap((length) => [...Array.from({ length }, (_, i) => (i % 6 === 5 ? stop : 0)), endOfText])
  const all = Int32Array.from(ids, (id, i) => id || 10 + i)
  const close = async () => {}
  return {
    tokens: all.length,
    words: 0,
    documents: lengths.length,
    index: { endOfText } as TokenCacheIndex,
    path: 'test',
    read: async (offset, length) => all.slice(offset, offset + length),
    close,
    [Symbol.asyncDispose]: close,
  }
}

const ends = Uint8Array.from({ length: 5000 }, (_, id) => (id === stop ? 1 : 0))

describe('sentence pairs', async () => {
  const lengths = [300, 7, 24, 90, 12, 600]
  const cache = corpus(lengths)
  const documents = await findDocuments(cache, { from: 0, to: cache.tokens })
  const documentOf = (id: number) => [...documents.starts].findLastIndex((start) => start <= id - 10)
  const words = (ids: Int32Array) => [...ids].filter((id) => id >= 10)

  test('documents are found, those of less than eight tokens left out, a range cut at its ends', async () => {
    assert.deepEqual([...documents.lengths], [300, 24, 90, 12, 600])
    assert.deepEqual([...documents.starts], [0, 309, 334, 425, 438])
    const part = await findDocuments(cache, { from: 100, to: 350 })
    assert.deepEqual(
      [[...part.starts], [...part.lengths]],
      [
        [100, 309, 334],
        [200, 24, 16],
      ],
    )
  })

  const room = 45
  const source = sentencePairs(cache, documents, { room, ends, seed: 1 })
  const read = (epoch: number): Promise<Pair[]> => Promise.all(Array.from({ length: source.count }, (_, i) => source.read(epoch, i)))

  test('the second segment goes on with the first, or comes from another document', async () => {
    let follows = 0
    const pairs = (await Promise.all(Array.from({ length: 20 }, (_, epoch) => read(epoch)))).flat()
    for (const pair of pairs) {
      assert.ok(pair.first.length + pair.second.length <= room && pair.first.length > 0 && pair.second.length > 0)
      const [a, b] = [words(pair.first), words(pair.second)]
      if (a.length === 0 || b.length === 0) continue
      // no segment crosses a document's end
      for (const side of [a, b]) assert.equal(new Set(side.map(documentOf)).size, 1)
      for (const side of [pair.first, pair.second]) assert.ok(!side.includes(endOfText))
      if (pair.follows) {
        follows++
        const gap = b[0]! - a.at(-1)!
        assert.equal(gap, pair.first.at(-1) === stop || pair.second[0] === stop ? 2 : 1)
      } else assert.notEqual(documentOf(a[0]!), documentOf(b[0]!))
    }
    const share = follows / pairs.length
    // 25 × 20 pairs: the deviation is 2.2 points
    assert.ok(Math.abs(share - 0.5) < 0.08, `${share} of ${pairs.length} follow`)
  })

  test('segments are cut where a sentence ends', async () => {
    const pairs = (await read(0)).filter(({ first, second }) => first.length + second.length > 10)
    assert.ok(pairs.every(({ first }) => first.at(-1) === stop))
    assert.ok(pairs.length > 15)
  })

  test('an epoch has every window once, in an order of its own; the same seed gives the same pairs', async () => {
    assert.equal(source.count, 7 + 1 + 2 + 1 + 13)
    const starts = async (epoch: number) => (await read(epoch)).map(({ first }) => words(first)[0])
    const [first, second] = [await starts(0), await starts(1)]
    assert.equal(new Set(first).size, source.count)
    assert.notDeepEqual(first, second)
    assert.deepEqual(new Set(first), new Set(second))
    assert.deepEqual(await sentencePairs(cache, documents, { room, ends, seed: 1 }).read(3, 5), await source.read(3, 5))
    const ordered = sentencePairs(cache, documents, { room, ends, seed: 1, shuffle: false })
    assert.deepEqual(words((await ordered.read(0, 0)).first)[0], 10)
  })

  test('a text of one document still has pairs; one without documents is refused', async () => {
    const single = corpus([300])
    const one = await findDocuments(single, { from: 0, to: single.tokens })
    assert.ok((await sentencePairs(single, one, { room, ends, seed: 1 }).read(0, 0)).second.length > 0)
    const none = corpus([3, 4])
    const short = await findDocuments(none, { from: 0, to: none.tokens })
    assert.throws(() => sentencePairs(none, short, { room, ends, seed: 1 }), /no document of the text has 8 tokens or more/)
  })

  test('tokens that end a sentence', async () => {
    const texts = ['Yes. No! Why? e.g. it', 'so it goes.\nAnd on.']
    for (const tokenizer of [await trainWordPiece(texts, { vocabulary: 60 }), await trainByteLevelBpe(texts, { vocabulary: 260 })]) {
      const found = sentenceEnds(tokenizer)
      const isEnd = (text: string) => found[tokenizer.ids(text).at(-1)!]
      assert.deepEqual(['so.', 'so!', 'so?', 'so,', 'so'].map(isEnd), [1, 1, 1, 0, 0])
    }
  })
})
