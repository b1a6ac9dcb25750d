// The parts of @huggingface/tokenizers that Thaw uses, with types: the package's own declarations do not resolve under NodeNext
// (their relative imports lack file endings). Used: translation of Oniguruma patterns, the Unigram lattice, decoders.
import * as library from '@huggingface/tokenizers'
import type { TokenizerJson } from './json.js'

interface Library {
  SplitPreTokenizer: new (config: object) => { pattern: RegExp | null }
  Unigram: new (config: object, eos: string) => { tokenize(word: string): string[] }
  Tokenizer: new (json: object, config: object) => { decoder: { decode(tokens: string[]): string } | null; encode(text: string): { ids: number[] } }
}

export const { SplitPreTokenizer, Unigram, Tokenizer } = library as unknown as Library

/** Tokens to text by the library's decoder, which needs a model to stand beside it. */
export function libraryDecoder(json: TokenizerJson): (tokens: string[]) => string {
  if (json.decoder === null) return (tokens) => tokens.join(' ')
  const model = { type: 'WordPiece', vocab: {}, unk_token: '' }
  const parts = { model, normalizer: null, pre_tokenizer: null, post_processor: null, decoder: json.decoder, added_tokens: json.added_tokens }
  const { decoder } = new Tokenizer(parts, {})
  return (tokens) => decoder!.decode(tokens)
}
