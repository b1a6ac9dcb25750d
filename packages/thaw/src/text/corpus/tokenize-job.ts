// One job of corpus tokenization: a few documents in, their ids in one array of the cache's width out. Runs in a worker thread or in place.
import type { Document } from './documents.js'
import type { TokenizerLike } from './tokenizer-like.js'

/** Ids of the job's documents, one after another. */
export interface TokenizedJob {
  ids: Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>
  words: number
}

/** Tokenizes documents; `endOfText` is appended after each complete one. Fails on an id outside the vocabulary, which would wrap in 16 bits. */
export function tokenizeDocuments(documents: readonly Document[], tokenizer: TokenizerLike, endOfText: number | undefined): TokenizedJob {
  const pieces: Int32Array[] = []
  let length = 0
  let words = 0
  for (const { text, more } of documents) {
    const ids = tokenizer.ids(text)
    pieces.push(ids)
    length += ids.length
    if (endOfText !== undefined && !more) {
      pieces.push(Int32Array.of(endOfText))
      length++
    }
    words += countWords(text)
  }
  const ids = tokenizer.size <= 65536 ? new Uint16Array(length) : new Uint32Array(length)
  let at = 0
  for (const piece of pieces) {
    for (const id of piece) {
      if (id < 0 || id >= tokenizer.size) throw new Error(`tokenizer: id ${id} is outside its vocabulary of ${tokenizer.size}`)
      ids[at++] = id
    }
  }
  return { ids, words }
}

/** Words of a text: runs of characters that are not white space (`/\S+/g`), counted without making them. The denominator of perplexity per word. */
export function countWords(text: string): number {
  let words = 0
  let inside = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const space = code <= 32 ? code === 32 || (code >= 9 && code <= 13) : code >= 0xa0 && isWideSpace(code)
    if (!space && !inside) words++
    inside = !space
  }
  return words
}

function isWideSpace(code: number): boolean {
  return (
    code === 0xa0 ||
    code === 0x1680 ||
    (code >= 0x2000 && code <= 0x200a) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000 ||
    code === 0xfeff
  )
}
