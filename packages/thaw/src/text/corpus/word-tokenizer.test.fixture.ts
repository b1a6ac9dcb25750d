// A tokenizer for this folder's tests: words by their place in a list, id 0 for all others. Threads load it from here.
import type { TokenizerLike } from './tokenizer-like.js'

export const loader = { module: import.meta.url, export: 'wordTokenizer' }

export function wordTokenizer(json: object): TokenizerLike {
  const { words, size, poison } = json as { words: string[]; size?: number; poison?: string }
  const place = new Map(words.map((word, i) => [word, i + 1]))
  return {
    size: size ?? words.length + 1,
    toJSON: () => json,
    ids(text) {
      if (poison !== undefined && text.includes(poison)) throw new Error(`poisoned by ${poison}`)
      return Int32Array.from(text.match(/\S+/g) ?? [], (word) => place.get(word) ?? 0)
    },
  }
}

/** A thread that ends while it is loading. */
export function exits(): never {
  process.exit(3)
}
