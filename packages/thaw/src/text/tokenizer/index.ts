// Text to tokens: load any published tokenizer, or train one.
export { loadTokenizer } from '#load-tokenizer'
export { createTokenizer as tokenizerFromJSON } from './tokenizer.js'
export { type ByteLevelBpeOptions, trainByteLevelBpe } from './train/byte-level-bpe.js'
export { trainWordLevel, type WordLevelOptions } from './train/word-level.js'
export { trainWordPiece, type WordPieceOptions } from './train/wordpiece.js'
export type { EncodeOptions, Encoding, SpecialName, SpecialToken, Tokenizer, TokenizerKind } from './types.js'
