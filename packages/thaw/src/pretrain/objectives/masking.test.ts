// Masking: how many, which, and what stands in their place; special tokens and padding are spared; whole words stay whole.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { random } from '../../text/random.js'
import { trainByteLevelBpe, trainWordLevel, trainWordPiece } from '../../text/tokenizer/index.js'
import { wordJoiner } from '../../text/word-joiner.js'
import { type MaskingRules, maskingRules, maskTokens, placeCount } from './masking.js'

const vocabulary = 50
const specials = [0, 1, 2, 3, 4]
const rules: MaskingRules = {
  share: 0.15,
  mask: 4,
  special: Uint8Array.from({ length: vocabulary }, (_, id) => (specials.includes(id) ? 1 : 0)),
  ordinary: Int32Array.from({ length: vocabulary - 5 }, (_, i) => i + 5),
  hide: 0.8,
  swap: 0.1,
}
/** Ids 5 to 24 begin a word, 25 to 49 go on with one. */
const wholeWords: MaskingRules = { ...rules, joins: (_, id) => id >= 25 }

const someIds = (length: number, seed: number): Int32Array => {
  const { integer } = random(seed)
  return Int32Array.from({ length }, () => integer(vocabulary))
}

describe('masking', () => {
  test('15 % of the tokens, in the shares 80, 10 and 10', () => {
    const counts = { chosen: 0, hidden: 0, kept: 0, swapped: 0 }
    const n = 2000
    for (let seed = 1; seed <= 40; seed++) {
      const rows = someIds(n, seed)
      const { ids, places, targets } = maskTokens(rows, 50, placeCount(n, 0.15), rules, random(seed))
      assert.equal(places.length, 300)
      assert.equal(new Set(places).size, 300)
      places.forEach((place, i) => {
        assert.equal(targets[i], rows[place])
        assert.equal(rules.special[targets[i]!], 0, 'special tokens are never chosen')
        counts.chosen++
        if (ids[place] === rules.mask) counts.hidden++
        else if (ids[place] === rows[place]) counts.kept++
        else {
          counts.swapped++
          assert.equal(rules.special[ids[place]!], 0, 'special tokens never stand in')
        }
      })
      const chosen = new Set(places)
      rows.forEach((id, i) => {
        if (!chosen.has(i)) assert.equal(ids[i], id)
      })
    }
    // 12,000 draws: three standard deviations are 1.1, 0.8 and 0.8 points; a swap gives the same token once in 45
    const share = (count: number) => count / counts.chosen
    assert.ok(Math.abs(share(counts.hidden) - 0.8) < 0.011, `${share(counts.hidden)} hidden`)
    assert.ok(Math.abs(share(counts.swapped) - 0.1 * (44 / 45)) < 0.009, `${share(counts.swapped)} swapped`)
    assert.ok(Math.abs(share(counts.kept) - 0.1 * (46 / 45)) < 0.009, `${share(counts.kept)} kept`)
  })

  test('every place is as likely as any other', () => {
    const rows = new Int32Array(40).fill(9)
    const hits = new Array<number>(40).fill(0)
    for (let seed = 0; seed < 4000; seed++) for (const place of maskTokens(rows, 40, 6, rules, random(seed)).places) hits[place]!++
    // 600 each, binomial with deviation 22.6
    for (const count of hits) assert.ok(Math.abs(count - 600) < 100, `${hits}`)
  })

  test('any rows: right count, no padding, places in order, room that is left over does not count', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 8 }), fc.nat(1000), fc.boolean(), (time, batch, seed, whole) => {
        const draw = random(seed)
        const rows = someIds(time * batch, seed).map((id) => (draw.next() < 0.3 ? -1 : id))
        const room = placeCount(rows.length, 0.15)
        const { ids, places, targets } = maskTokens(rows, time, room, whole ? wholeWords : rules, draw)
        assert.equal(places.length, room)
        const counted = targets.filter((target) => target >= 0)
        const free = rows.filter((id) => id >= 5).length
        const tokens = rows.filter((id) => id >= 0).length
        const wanted = Math.min(placeCount(tokens, 0.15), free)
        if (whole) assert.ok(counted.length <= wanted)
        else assert.equal(counted.length, wanted)
        assert.ok(targets.subarray(counted.length).every((target) => target === -100))
        assert.ok(places.subarray(0, counted.length).every((place, i, all) => i === 0 || place > all[i - 1]!))
        assert.ok(ids.every((id) => id >= 0 && id < vocabulary))
        rows.forEach((id, i) => {
          if (id < 0) assert.equal(ids[i], 0)
        })
      }),
      { seed: 1 },
    )
  })

  test('whole words: all tokens of a word or none, within one row, and about as many tokens', () => {
    let chosenTokens = 0
    for (let seed = 1; seed <= 30; seed++) {
      const time = 60
      const rows = someIds(600, seed).map((id) => Math.max(id, 5))
      const { places, targets } = maskTokens(rows, time, 90, wholeWords, random(seed))
      const chosen = new Set(places.filter((_, i) => targets[i]! >= 0))
      chosenTokens += chosen.size
      rows.forEach((id, i) => {
        if (i % time === 0 || id < 25) return
        assert.equal(chosen.has(i), chosen.has(i - 1), `row place ${i}`)
      })
    }
    assert.ok(chosenTokens / (30 * 90) > 0.99, `${chosenTokens} of ${30 * 90}`)
  })

  test('a function of the generator', () => {
    const rows = someIds(300, 3)
    assert.deepEqual(maskTokens(rows, 30, 45, rules, random(7)), maskTokens(rows, 30, 45, rules, random(7)))
    assert.notDeepEqual(maskTokens(rows, 30, 45, rules, random(7)), maskTokens(rows, 30, 45, rules, random(8)))
  })
})

describe('rules from a tokenizer', () => {
  const texts = ['the unhappy walkers walked, unhappily', 'walking walks the walker']

  test('special tokens are those of the tokenizer; one without a mask token is refused', async () => {
    const tokenizer = await trainWordPiece(texts, { vocabulary: 60 })
    const { special, ordinary, mask } = maskingRules(tokenizer, { share: 0.15, wholeWords: false })
    assert.equal(tokenizer.idToToken(mask), '[MASK]')
    assert.deepEqual(
      [...special.keys()].filter((id) => special[id]).map((id) => tokenizer.idToToken(id)),
      ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'],
    )
    assert.equal(ordinary.length, tokenizer.size - 5)
    const bpe = await trainByteLevelBpe(texts, { vocabulary: 270 })
    assert.throws(() => maskingRules(bpe, { share: 0.15, wholeWords: false }), /the tokenizer has no mask token; add one: tokenizer\.addTokens/)
  })

  for (const [name, train] of [
    ['WordPiece', () => trainWordPiece(texts, { vocabulary: 40 })],
    ['byte-level BPE', () => trainByteLevelBpe(texts, { vocabulary: 262 })],
  ] as const)
    test(`words of ${name}`, async () => {
      const tokenizer = await train()
      const joins = wordJoiner(tokenizer)
      const text = "the unhappy walker, naïve 東京 x2 (walks) don't"
      const { ids, offsets } = tokenizer.encode(text, { special: false })
      // two neighbours are one word where neither white space nor punctuation stands between or in them
      for (let i = 1; i < ids.length; i++) {
        const [before, here] = [offsets[i - 1]!, offsets[i]!].map(([from, to]) => text.slice(from, to))
        const expected = /[\p{L}\p{N}]$/u.test(before!) && /^[\p{L}\p{N}]/u.test(here!) && offsets[i - 1]![1] >= offsets[i]![0]
        if (tokenizer.special.unk && [ids[i], ids[i - 1]].includes(tokenizer.special.unk.id)) continue
        assert.equal(joins(ids[i - 1]!, ids[i]!), expected, `${before} | ${here}`)
      }
    })

  test('tokens of a word-level tokenizer are words', async () => {
    const tokenizer = await trainWordLevel(texts, { vocabulary: 20 })
    const joins = wordJoiner(tokenizer)
    const ids = tokenizer.ids('the walker walks')
    assert.equal(joins(ids[0]!, ids[1]!), false)
  })
})
