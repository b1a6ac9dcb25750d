// A byte-level BPE vocabulary from text (Radford et al. 2019): every text can be spelt, nothing is unknown, decoding gives the text back.
import { byteToChar, toByteChars } from '../bytes.js'
import { byteLevelJson } from '../convert.js'
import { createTokenizer } from '../tokenizer.js'
import type { Tokenizer } from '../types.js'
import { checkRequest, countWords, type Texts } from './count.js'
import { learnMerges } from './merges.js'

export interface ByteLevelBpeOptions {
  /** Ids in all: special tokens, 256 bytes, and merges. Fewer where the text has no more pairs. */
  vocabulary: number
  /** Default <|endoftext|>, with ids from 0. */
  specials?: string[]
  /** A pair must occur so often to be joined; default 2. */
  minFrequency?: number
}

/**
 * Trains a byte-level BPE tokenizer; the same texts give the same vocabulary in any order.
 * Throws where the vocabulary is smaller than the bytes and the special tokens.
 *
 *     const tokenizer = await trainByteLevelBpe(['low lower lowest', 'low lower'], { vocabulary: 262 })
 *     tokenizer.decode(tokenizer.ids('lower, naïve 🙂')) // 'lower, naïve 🙂'
 */
export async function trainByteLevelBpe(texts: Texts, options: ByteLevelBpeOptions): Promise<Tokenizer> {
  const { vocabulary, specials = ['<|endoftext|>'], minFrequency = 2 } = options
  checkRequest('trainByteLevelBpe', vocabulary, specials)
  if (vocabulary < specials.length + 256) {
    throw new Error(
      `trainByteLevelBpe: vocabulary: expected at least ${specials.length + 256} (${specials.length} special tokens and 256 bytes), got ${vocabulary}.`,
    )
  }
  const counts = await countWords(texts, byteLevelJson({}, [], specials), specials)
  if (counts.size === 0) throw new Error('trainByteLevelBpe: texts: expected at least one word, got none.')
  const symbols = [...byteToChar].sort()
  const ids = new Map(symbols.map((symbol, id) => [symbol, id]))
  const merges = learnMerges({
    symbols,
    words: [...counts.keys()].map((word) => Array.from(toByteChars(word), (char) => ids.get(char)!)),
    counts: [...counts.values()],
    size: vocabulary - specials.length,
    minFrequency,
    join: (left, right) => left + right,
  })
  const tokens = [...specials, ...symbols.filter((symbol) => !specials.includes(symbol))]
  return createTokenizer(byteLevelJson(Object.fromEntries(tokens.map((token, id) => [token, id])), merges, specials))
}
