import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { trainByteLevelBpe } from './byte-level-bpe.js'
import { countWords } from './count.js'
import { learnMerges } from './merges.js'
import { trainWordLevel } from './word-level.js'
import { trainWordPiece } from './wordpiece.js'

const texts = ['low lower lowest', 'low lower', 'newer newest wider', 'Café CAFÉ, café!']

test('WordPiece: special tokens, then characters, then pieces; lower case without accents', async () => {
  const tokenizer = await trainWordPiece(texts, { vocabulary: 60 })
  assert.deepEqual([0, 1, 2, 3, 4].map(tokenizer.idToToken), ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'])
  assert.deepEqual(tokenizer.encode('Lower CAFÉ!').tokens, ['[CLS]', 'lower', 'cafe', '!', '[SEP]'])
  assert.equal(tokenizer.decode(tokenizer.ids('newest lower')), 'newest lower')
  const cased = await trainWordPiece(texts, { vocabulary: 60, lowercase: false })
  assert.ok(cased.tokenToId('é') !== undefined || cased.tokenToId('##é') !== undefined)
})

test('WordPiece: words with a character beyond the alphabet limit are unknown', async () => {
  const tokenizer = await trainWordPiece(['aaa aab aab', 'q'], { vocabulary: 20, alphabetLimit: 2 })
  assert.deepEqual(tokenizer.encode('aab q', { special: false }).tokens, ['aab', '[UNK]'])
})

test('byte-level BPE: special token, 256 bytes, merges in their order', async () => {
  const tokenizer = await trainByteLevelBpe(texts, { vocabulary: 261 })
  assert.deepEqual([0, 1, 257, 258, 259, 260].map(tokenizer.idToToken), ['<|endoftext|>', '!', 'lo', 'we', 'Ġlo', 'wer'])
  assert.equal(tokenizer.size, 261)
  assert.equal(tokenizer.special.eos?.id, 0)
})

test('word level: by frequency, ties in code order, the rest unknown; tokenized text is split at spaces', async () => {
  const tokenizer = await trainWordLevel(['b a, a b', 'c'], { vocabulary: 7, minFrequency: 1 })
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6].map(tokenizer.idToToken), ['<pad>', '<unk>', '<bos>', '<eos>', 'a', 'b', ','])
  assert.deepEqual(tokenizer.encode('a c').tokens, ['a', '<unk>'])
  const spaces = await trainWordLevel(['a @-@ b <unk> a @-@ b'], { vocabulary: 9, split: 'spaces', specials: ['<unk>'] })
  assert.deepEqual(spaces.encode('a @-@ <unk> x').tokens, ['a', '@-@', '<unk>', '<unk>'])
  const lower = await trainWordLevel(['A a'], { vocabulary: 9, lowercase: true })
  assert.deepEqual(lower.encode('A').tokens, ['a'])
})

test('the same texts in another order, or from a stream, give the same vocabulary', async () => {
  async function* stream() {
    yield* [...texts].reverse()
  }
  for (const train of [trainWordPiece, trainByteLevelBpe, trainWordLevel]) {
    assert.deepEqual((await train(stream(), { vocabulary: 300 })).toJSON(), (await train(texts, { vocabulary: 300 })).toJSON())
  }
})

test('requests that cannot be met say what would do', async () => {
  await assert.rejects(trainWordPiece(['abc'], { vocabulary: 7 }), {
    message:
      'trainWordPiece: vocabulary: expected at least 8 (5 special tokens and 3 characters, at the start of a word and inside), got 7; raise it, or lower alphabetLimit (now 1000).',
  })
  await assert.rejects(trainByteLevelBpe(['abc'], { vocabulary: 256 }), {
    message: 'trainByteLevelBpe: vocabulary: expected at least 257 (1 special tokens and 256 bytes), got 256.',
  })
  await assert.rejects(trainWordLevel(['abc'], { vocabulary: 4 }), {
    message: 'trainWordLevel: vocabulary: expected more than the 4 special tokens, got 4.',
  })
  await assert.rejects(trainWordPiece(['a'], { vocabulary: 0.5 }), { message: 'trainWordPiece: vocabulary: expected a positive integer, got 0.5.' })
  await assert.rejects(trainWordPiece([' \n'], { vocabulary: 50 }), { message: 'trainWordPiece: texts: expected at least one word, got none.' })
  await assert.rejects(trainByteLevelBpe([], { vocabulary: 500 }), { message: 'trainByteLevelBpe: texts: expected at least one word, got none.' })
  await assert.rejects(trainWordPiece(['a'], { vocabulary: 50, specials: ['[PAD]'] }), {
    message: 'trainWordPiece: specials: expected "[UNK]" among them, the token of unknown words, got ["[PAD]"].',
  })
  await assert.rejects(trainByteLevelBpe(['a'], { vocabulary: 500, specials: ['x', 'x'] }), {
    message: 'trainByteLevelBpe: specials: "x" is listed twice.',
  })
})

test('counting holds a bounded number of words, and forgets only rare ones', async () => {
  function* texts() {
    for (let i = 0; i < 5000; i++) yield `often sometimes${i % 10} once${i}`
  }
  const frame = { normalizer: null, pre_tokenizer: { type: 'WhitespaceSplit' } } as never
  const all = await countWords(texts(), frame, [])
  const bounded = await countWords(texts(), frame, [], 400)
  assert.equal(all.size, 5011)
  assert.ok(bounded.size <= 400, `${bounded.size} words`)
  for (const word of ['often', ...Array.from({ length: 10 }, (_, i) => `sometimes${i}`)]) assert.equal(bounded.get(word), all.get(word))
})

/** The slow, obvious algorithm: count all pairs anew for each merge. */
function plainMerges(words: string[][], counts: number[], merges: number, order: Map<string, number>): [string, string][] {
  const found: [string, string][] = []
  let current = words
  for (let m = 0; m < merges; m++) {
    const pairs = new Map<string, { pair: [string, string]; count: number }>()
    current.forEach((word, w) => {
      for (let i = 0; i + 1 < word.length; i++) {
        const key = `${word[i]} ${word[i + 1]}`
        const entry = pairs.get(key) ?? { pair: [word[i]!, word[i + 1]!], count: 0 }
        entry.count += counts[w]!
        pairs.set(key, entry)
      }
    })
    const rank = (token: string) => order.get(token)!
    const best = [...pairs.values()].sort((a, b) => b.count - a.count || rank(a.pair[0]) - rank(b.pair[0]) || rank(a.pair[1]) - rank(b.pair[1]))[0]
    if (!best) break
    const [left, right] = best.pair
    found.push([left, right])
    if (!order.has(left + right)) order.set(left + right, order.size)
    current = current.map((word) => {
      const joined: string[] = []
      for (let i = 0; i < word.length; i++) {
        if (word[i] === left && word[i + 1] === right) joined.push(left + word[++i]!)
        else joined.push(word[i]!)
      }
      return joined
    })
  }
  return found
}

test('property: incremental counting finds the merges of counting anew', () => {
  const letters = ['a', 'b', 'c']
  const word = fc.array(fc.constantFrom(0, 1, 2), { minLength: 1, maxLength: 9 })
  fc.assert(
    fc.property(fc.array(fc.tuple(word, fc.integer({ min: 1, max: 5 })), { minLength: 1, maxLength: 12 }), (items) => {
      const words = items.map(([ids]) => ids)
      const counts = items.map(([, count]) => count)
      const merges = learnMerges({ symbols: [...letters], words, counts, size: 9, minFrequency: 1, join: (a, b) => a + b })
      const plain = plainMerges(
        words.map((ids) => ids.map((id) => letters[id]!)),
        counts,
        merges.length,
        new Map(letters.map((letter, id) => [letter, id])),
      )
      assert.deepEqual(merges, plain)
    }),
    { numRuns: 300 },
  )
})
