// Corpora: from files to documents, to ids on disk, to batches for language modelling.
export {
  type BatchShape,
  type LanguageModelBatch,
  type LanguageModelBatchesOptions,
  languageModelBatchCount,
  languageModelBatches,
} from './batches.js'
export { type Document, type DocumentKind, type ReadDocumentsOptions, readDocuments } from './documents.js'
export { openTokenCache, type TokenCache, type TokenCacheIndex } from './token-cache.js'
export { type TokenizeCorpusOptions, type TokenizeProgress, tokenizeCorpus } from './tokenize-corpus.js'
export { countWords } from './tokenize-job.js'
export type { TokenizerLike, TokenizerLoader } from './tokenizer-like.js'
