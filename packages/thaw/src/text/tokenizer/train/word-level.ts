// A vocabulary of whole words, for classic models (word2vec, AWD-LSTM): the most frequent words, the rest is <unk>.
import { wordLevelJson } from '../convert.js'
import { createTokenizer } from '../tokenizer.js'
import type { Tokenizer } from '../types.js'
import { checkRequest, countWords, type Texts } from './count.js'

export interface WordLevelOptions {
  /** Ids in all, special tokens included. Fewer where the text has no more words. */
  vocabulary: number
  /** Default false. */
  lowercase?: boolean
  /** Default <pad> <unk> <bos> <eos>, with ids from 0; <unk> (or [UNK]) must be among them. */
  specials?: string[]
  /** A word must occur so often to be kept; default 2. */
  minFrequency?: number
  /** 'punctuation' parts words from punctuation; 'spaces' is for text that is tokenized already (WikiText, Penn Treebank). */
  split?: 'punctuation' | 'spaces'
}

/**
 * Trains a word-level tokenizer: words by falling frequency, ties in code unit order.
 *
 *     const tokenizer = await trainWordLevel(['the cat, the dog', 'the cat'], { vocabulary: 6 })
 *     tokenizer.encode('the cow').tokens // ['the', '<unk>']
 */
export async function trainWordLevel(texts: Texts, options: WordLevelOptions): Promise<Tokenizer> {
  const { vocabulary, lowercase = false, minFrequency = 2, split = 'punctuation' } = options
  const specials = options.specials ?? ['<pad>', '<unk>', '<bos>', '<eos>']
  const unk = specials.includes('[UNK]') ? '[UNK]' : '<unk>'
  checkRequest('trainWordLevel', vocabulary, specials, unk)
  if (vocabulary <= specials.length) {
    throw new Error(`trainWordLevel: vocabulary: expected more than the ${specials.length} special tokens, got ${vocabulary}.`)
  }
  const frame = wordLevelJson({}, [], unk, lowercase, split)
  const counts = await countWords(texts, frame, specials)
  if (counts.size === 0) throw new Error('trainWordLevel: texts: expected at least one word, got none.')
  const words = [...counts]
    .filter(([word, count]) => count >= minFrequency && !specials.includes(word))
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .slice(0, vocabulary - specials.length)
  const tokens = [...specials, ...words.map(([word]) => word)]
  return createTokenizer(wordLevelJson(Object.fromEntries(tokens.map((token, id) => [token, id])), specials, unk, lowercase, split))
}
