// Models: one word to ids, each with its range in the word. Results are cached by word, so these need not be fast but right.
// WordPiece: Schuster & Nakajima 2012, greedy longest match; Unigram: Kudo 2018, by the library's lattice; BPE is in bpe.ts.

import { bpe } from './bpe.js'
import type { ModelJson, TokenizerJson } from './json.js'
import { Unigram } from './library.js'
import { isByteLevel } from './split.js'
import type { TokenizerKind } from './types.js'

/** A word as a model sees it: token k is `ids[k]` and covers UTF-16 code units `[starts[k], ends[k])` of the word. */
export interface WordTokens {
  ids: number[]
  starts: number[]
  ends: number[]
}

export interface Model {
  kind: TokenizerKind
  /** Without added tokens. */
  vocab: ReadonlyMap<string, number>
  unk?: string
  tokenize(word: string): WordTokens
}

function wordPiece(config: ModelJson, vocab: Map<string, number>): Model {
  const unk = String(config.unk_token ?? '[UNK]')
  const unkId = vocab.get(unk)
  if (unkId === undefined) throw new Error(`tokenizer.json: model.unk_token: ${JSON.stringify(unk)} is not in model.vocab.`)
  const prefix = String(config.continuing_subword_prefix ?? '##')
  const longest = Number(config.max_input_chars_per_word ?? 100)
  return {
    kind: 'wordpiece',
    vocab,
    unk,
    tokenize(word) {
      const result: WordTokens = { ids: [], starts: [], ends: [] }
      const unknown = { ids: [unkId], starts: [0], ends: [word.length] }
      if (word.length > longest && [...word].length > longest) return unknown
      for (let start = 0; start < word.length; ) {
        let end = word.length
        let id: number | undefined
        for (; end > start; end--) {
          const part = word.slice(start, end)
          if ((id = vocab.get(start > 0 ? prefix + part : part)) !== undefined) break
        }
        if (id === undefined) return unknown
        result.ids.push(id)
        result.starts.push(start)
        result.ends.push(end)
        start = end
      }
      return result
    },
  }
}

function wordLevel(config: ModelJson, vocab: Map<string, number>): Model {
  const unk = config.unk_token === undefined ? undefined : String(config.unk_token)
  const unkId = unk === undefined ? undefined : vocab.get(unk)
  return {
    kind: 'wordlevel',
    vocab,
    unk,
    tokenize(word) {
      const id = vocab.get(word) ?? unkId
      return id === undefined ? { ids: [], starts: [], ends: [] } : { ids: [id], starts: [0], ends: [word.length] }
    },
  }
}

function unigram(config: ModelJson, eos: string): Model {
  const pairs = config.vocab as [string, number][]
  const vocab = new Map(pairs.map(([token], id) => [token, id]))
  const unkId = typeof config.unk_id === 'number' ? config.unk_id : undefined
  const library = new Unigram({ ...config, type: 'Unigram', vocab: pairs, unk_id: unkId ?? 0 }, eos)
  const encoder = new TextEncoder()
  return {
    kind: 'unigram',
    vocab,
    unk: unkId === undefined ? undefined : pairs[unkId]?.[0],
    tokenize(word) {
      const result: WordTokens = { ids: [], starts: [], ends: [] }
      let index = 0
      let afterUnknown = false
      const push = (id: number, length: number) => {
        result.ids.push(id)
        result.starts.push(index)
        result.ends.push(index + length)
      }
      for (const piece of library.tokenize(word)) {
        const id = vocab.get(piece)
        const bytes = id === undefined && config.byte_fallback === true ? byteTokens(encoder.encode(piece), vocab) : undefined
        if (id !== undefined) push(id, piece.length)
        else if (bytes) for (const byte of bytes) push(byte, piece.length)
        else if (afterUnknown) result.ends[result.ends.length - 1] = index + piece.length
        else if (unkId !== undefined) push(unkId, piece.length)
        afterUnknown = id === undefined && bytes === undefined && unkId !== undefined
        index += piece.length
      }
      return result
    },
  }
}

/** Ids of `<0x00>` … `<0xFF>` for some bytes, or undefined where one is not in the vocabulary. */
export function byteTokens(bytes: Uint8Array, vocab: ReadonlyMap<string, number>): number[] | undefined {
  const ids: number[] = []
  for (const byte of bytes) {
    const id = vocab.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)
    if (id === undefined) return undefined
    ids.push(id)
  }
  return ids
}

/** The model of a checked tokenizer.json. `eos` is needed by the Unigram lattice only. */
export function createModel(json: TokenizerJson, eos: string): Model {
  const { model } = json
  if (model.type === 'Unigram') return unigram(model, eos)
  const vocab = new Map(Object.entries(model.vocab as Record<string, number>))
  if (model.type === 'WordPiece') return wordPiece(model, vocab)
  return model.type === 'WordLevel' ? wordLevel(model, vocab) : bpe(model, vocab, isByteLevel(json.pre_tokenizer))
}
