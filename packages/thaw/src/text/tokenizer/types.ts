// What a tokenizer is for the rest of Thaw: text to ids and back, with the place of every token in the original text.

/** One encoded text (or pair). All arrays have one entry a token. */
export interface Encoding {
  ids: number[]
  tokens: string[]
  /** UTF-16 code unit positions `[start, end)` in the original text (of a pair: in the text the token comes from); special tokens `[0, 0]`. */
  offsets: [number, number][]
  /** 0 for the first text, 1 for the second where the post-processor says so (BERT's token types). */
  segments: number[]
  /** True for tokens the post-processor added ([CLS], [SEP]); a special token written in the text itself is part of the text. */
  specials: boolean[]
}

export interface EncodeOptions {
  /** A second text. */
  pair?: string
  /** Add what the post-processor adds ([CLS] … [SEP]); default true. */
  special?: boolean
  /** Keep at most so many tokens, special ones included; of a pair the longer text is cut first. */
  maxLength?: number
}

export interface SpecialToken {
  token: string
  id: number
}

export type SpecialName = 'pad' | 'unk' | 'cls' | 'sep' | 'mask' | 'bos' | 'eos'

export type TokenizerKind = 'wordpiece' | 'bpe' | 'unigram' | 'wordlevel'

export interface Tokenizer {
  /** Number of ids, added tokens included: the rows an embedding table needs. */
  readonly size: number
  readonly kind: TokenizerKind
  /** The tokens with a role; what a model has not is absent. */
  readonly special: Partial<Record<SpecialName, SpecialToken>>
  /** Text to tokens with offsets. Throws where `maxLength` leaves no room for the special tokens. */
  encode(text: string, options?: EncodeOptions): Encoding
  /** The fast path for corpora: the ids of `encode(text, { special: false })`. */
  ids(text: string): Int32Array
  /** Ids to text; special tokens are left out unless `skipSpecial` is false. Throws for an id outside the vocabulary. */
  decode(ids: ArrayLike<number>, options?: { skipSpecial?: boolean }): string
  tokenToId(token: string): number | undefined
  idToToken(id: number): string | undefined
  /** Appends tokens (a token that exists keeps its id) and returns their ids. `special` tokens are never split or normalised. */
  addTokens(tokens: string[], options?: { special?: boolean }): number[]
  /** A Hugging Face `tokenizer.json`, loadable by Python `tokenizers`. */
  toJSON(): object
  /** Writes `tokenizer.json` and `tokenizer_config.json` into a folder, each by temporary file and rename. */
  save(folder: string): Promise<void>
}
