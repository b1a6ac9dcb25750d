// A WordPiece vocabulary from text. As the Rust library does, the pieces are learnt by joining frequent pairs (BPE's rule, not the likelihood
// of Schuster & Nakajima 2012) and used by greedy longest match.
import { wordPieceJson } from '../convert.js'
import { createTokenizer } from '../tokenizer.js'
import type { Tokenizer } from '../types.js'
import { checkRequest, countWords, type Texts } from './count.js'
import { learnMerges } from './merges.js'

export interface WordPieceOptions {
  /** Ids in all: special tokens, characters and pieces. Fewer where the text has no more pairs. */
  vocabulary: number
  /** Lower-case and strip accents (BERT uncased); default true. */
  lowercase?: boolean
  /** Default [PAD] [UNK] [CLS] [SEP] [MASK], with ids from 0; [UNK] must be among them. */
  specials?: string[]
  /** A pair must occur so often to be joined; default 2. */
  minFrequency?: number
  /** Keep the so many most frequent characters; words with others become [UNK]. Default 1000. */
  alphabetLimit?: number
}

const longestWord = 100 // what the model takes apart, longer words are [UNK]

/**
 * Trains a WordPiece tokenizer; the same texts give the same vocabulary in any order.
 * Throws where the alphabet alone is larger than the vocabulary.
 *
 *     const tokenizer = await trainWordPiece(['low lower lowest', 'low lower'], { vocabulary: 30 })
 *     tokenizer.encode('lower').tokens // ['[CLS]', 'lower', '[SEP]']
 */
export async function trainWordPiece(texts: Texts, options: WordPieceOptions): Promise<Tokenizer> {
  const { vocabulary, lowercase = true, minFrequency = 2, alphabetLimit = 1000 } = options
  const specials = options.specials ?? ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
  checkRequest('trainWordPiece', vocabulary, specials, '[UNK]')
  const frame = wordPieceJson({}, specials, lowercase)
  const counted = [...(await countWords(texts, frame, specials))].map(([word, count]) => ({ chars: [...word], count }))
  const alphabet = frequentCharacters(counted, alphabetLimit)
  const usable = counted.filter(({ chars }) => chars.length <= longestWord && chars.every((char) => alphabet.has(char)))
  if (usable.length === 0) throw new Error('trainWordPiece: texts: expected at least one word, got none.')

  const spell = (char: string, index: number) => (index === 0 ? char : `##${char}`)
  const initial = new Set(usable.flatMap(({ chars }) => chars.map(spell)))
  const symbols = [...initial].sort(byContinuationThenCode)
  if (specials.length + symbols.length > vocabulary) {
    throw new Error(
      `trainWordPiece: vocabulary: expected at least ${specials.length + symbols.length} (${specials.length} special tokens and ${symbols.length} characters, at the start of a word and inside), got ${vocabulary}; raise it, or lower alphabetLimit (now ${alphabetLimit}).`,
    )
  }
  const ids = new Map(symbols.map((symbol, id) => [symbol, id]))
  learnMerges({
    symbols,
    words: usable.map(({ chars }) => chars.map((char, index) => ids.get(spell(char, index))!)),
    counts: usable.map(({ count }) => count),
    size: vocabulary - specials.length,
    minFrequency,
    join: (left, right) => left + right.slice(2),
  })
  const tokens = [...specials, ...symbols.filter((symbol) => !specials.includes(symbol))]
  return createTokenizer(wordPieceJson(Object.fromEntries(tokens.map((token, id) => [token, id])), specials, lowercase))
}

const byCode = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

const isContinuation = (symbol: string) => symbol.length > 2 && symbol.startsWith('##')

const byContinuationThenCode = (a: string, b: string) => Number(isContinuation(a)) - Number(isContinuation(b)) || byCode(a, b)

function frequentCharacters(words: { chars: string[]; count: number }[], limit: number): Set<string> {
  const counts = new Map<string, number>()
  for (const { chars, count } of words) for (const char of chars) counts.set(char, (counts.get(char) ?? 0) + count)
  const ordered = [...counts].sort((a, b) => b[1] - a[1] || byCode(a[0], b[0]))
  return new Set(ordered.slice(0, limit).map(([char]) => char))
}
