// The text a run is validated on, and how many words it has: the denominator of perplexity per word.

import type { TokenCache } from '../text/corpus/index.js'
import { countWords } from '../text/corpus/index.js'
import type { Tokenizer } from '../text/tokenizer/index.js'

export interface HeldOut {
  /** Tokens of the corpus, `to` exclusive. */
  from: number
  to: number
  /** Runs of characters without white space, in the text as it was read. */
  words: number
  /** False where they had to be estimated from the corpus's words per token. */
  exact: boolean
  /** Tokens that stand for unknown words; 0 for tokenizers that spell everything. */
  unknown: number
}

/** Tokens held out where no text is given for validation: 2 %, at most these. */
const most = 60_000

/** The end of a corpus that also trains. */
export async function heldOutEnd(cache: TokenCache, tokenizer: Tokenizer): Promise<HeldOut> {
  const to = cache.tokens
  const from = to - Math.min(most, Math.floor(to * 0.02))
  const exact = tokenizer.kind === 'bpe'
  const words = exact ? await decodedWords(cache, tokenizer, from, to) : Math.round((cache.words * (to - from)) / to)
  return { from, to, words, exact, unknown: await unknownTokens(cache, tokenizer, from, to) }
}

/** A text of its own. */
export async function heldOutText(cache: TokenCache, tokenizer: Tokenizer): Promise<HeldOut> {
  const to = cache.tokens
  return { from: 0, to, words: cache.words, exact: true, unknown: await unknownTokens(cache, tokenizer, 0, to) }
}

const piece = 1 << 16

async function unknownTokens(cache: TokenCache, tokenizer: Tokenizer, from: number, to: number): Promise<number> {
  const unknown = tokenizer.special.unk?.id
  if (unknown === undefined) return 0
  let count = 0
  for (let at = from; at < to; at += piece) for (const id of await cache.read(at, Math.min(piece, to - at))) if (id === unknown) count++
  return count
}

/** Words of a token range, document by document, so that the last word of one and the first of the next are two. Byte-level BPE decodes to the very text. */
async function decodedWords(cache: TokenCache, tokenizer: Tokenizer, from: number, to: number): Promise<number> {
  const ids = await cache.read(from, to - from)
  const end = cache.index.endOfText
  let words = 0
  let start = 0
  for (let i = 0; i <= ids.length; i++)
    if (i === ids.length || ids[i] === end) {
      words += countWords(tokenizer.decode(ids.subarray(start, i)))
      start = i + 1
    }
  return words
}
