// The first half of every training: how often each word occurs. Everything after works on distinct words, some hundred thousand
// where the corpus has millions.
import { sectioner } from '../added.js'
import { detached } from '../detached.js'
import type { TokenizerJson } from '../json.js'
import { normalize, normalizerSteps } from '../normalize.js'
import { splitStages, splitWords } from '../split.js'

export type Texts = Iterable<string> | AsyncIterable<string>

/** Distinct words that are counted at once. English text of 100 MB has about as many; of more text the rarest are forgotten (see {@link thin}). */
export const distinctWords = 500_000

/**
 * Words and their counts, cut as the tokenizer `frame` will cut them; special tokens written in the texts are left out. Memory is bounded by `limit`
 * distinct words.
 */
export async function countWords(
  texts: Texts,
  frame: Pick<TokenizerJson, 'normalizer' | 'pre_tokenizer'>,
  specials: readonly string[],
  limit = distinctWords,
): Promise<Map<string, number>> {
  const steps = normalizerSteps(frame.normalizer)
  const stages = splitStages(frame.pre_tokenizer)
  const sections = sectioner(specials.map((content, id) => ({ content, id })))
  const counts = new Map<string, number>()
  for await (const text of texts) {
    for (const { start, end, id } of sections(text)) {
      if (id !== undefined) continue
      for (const { text: word } of splitWords(normalize(text.slice(start, end), steps), stages, start === 0)) {
        const count = counts.get(word)
        if (count !== undefined) counts.set(word, count + 1)
        else counts.set(detached(word), 1)
      }
    }
    if (counts.size > limit) thin(counts, limit / 2)
  }
  return counts
}

/** Forgets the rarest words until at most `size` are left: the idea of lossy counting (Manku & Motwani 2002). What is frequent is never forgotten. */
function thin(counts: Map<string, number>, size: number): void {
  for (let rare = 1; counts.size > size; rare++) for (const [word, count] of counts) if (count <= rare) counts.delete(word)
}

/** The specials and the size asked for, checked; `name` begins the errors. */
export function checkRequest(name: string, vocabulary: number, specials: readonly string[], required?: string): void {
  if (!Number.isInteger(vocabulary) || vocabulary < 1) throw new Error(`${name}: vocabulary: expected a positive integer, got ${vocabulary}.`)
  const twice = specials.find((token, index) => specials.indexOf(token) !== index)
  if (twice !== undefined) throw new Error(`${name}: specials: ${JSON.stringify(twice)} is listed twice.`)
  if (required !== undefined && !specials.includes(required)) {
    throw new Error(
      `${name}: specials: expected ${JSON.stringify(required)} among them, the token of unknown words, got ${JSON.stringify(specials)}.`,
    )
  }
}
