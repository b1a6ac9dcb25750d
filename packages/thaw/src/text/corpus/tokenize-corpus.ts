// A corpus is tokenized once: in worker threads, into a cache that later runs open in a millisecond. Written beside and renamed, so that a run
// killed at any moment leaves either a complete cache or none; what it left over is removed by the next one.
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { type Document, type DocumentKind, documentsOf } from './documents.js'
import { type CorpusFile, corpusFiles } from './files.js'
import { isRunning } from './running.js'
import { cacheHead, openTokenCache, readIndex, type TokenCache, type TokenCacheIndex } from './token-cache.js'
import { type TokenizedJob, tokenizeDocuments } from './tokenize-job.js'
import { tokenizeInThreads } from './tokenize-pool.js'
import type { TokenizerLike, TokenizerLoader } from './tokenizer-like.js'

/** Progress of tokenization: bytes as on disk (no total with standard input), tokens written so far. */
export interface TokenizeProgress {
  bytesRead: number
  bytesTotal: number | undefined
  tokens: number
}

/** Options of `tokenizeCorpus`. */
export interface TokenizeCorpusOptions {
  tokenizer: TokenizerLike
  cacheFolder: string
  /** Id appended after each document. */
  endOfText?: number
  documents?: DocumentKind
  encoding?: string
  /** Threads; 0 tokenizes in place. By default one a core (at most 8), none for less than a megabyte. */
  workers?: number
  onProgress?: (progress: TokenizeProgress) => void
  /** How a thread makes its tokenizer; `tokenizerFromJSON` of this package unless told. */
  loader?: TokenizerLoader
  /** What `-` reads. */
  stdin?: Readable
}

const JOB = 1 << 18 // characters
const ours: TokenizerLoader = { module: new URL('../tokenizer/index.js', import.meta.url).href, export: 'tokenizerFromJSON' }

/**
 * Tokenizes a corpus into `cacheFolder`, or opens what is there for the same tokenizer, files and options (made again when a file's size or
 * date has changed; standard input always). Memory stays at a few jobs of a quarter million characters.
 *
 * @throws on unreadable files (see `readDocuments`), a corpus without text, a damaged cache (with the file to delete).
 * @example
 * const cache = await tokenizeCorpus(['wiki/*.txt.br'], { tokenizer, cacheFolder: '.cache', documents: 'articles', endOfText: 0 })
 * await cache.read(0, 16)   // the first 16 ids
 */
export async function tokenizeCorpus(patterns: readonly string[], options: TokenizeCorpusOptions): Promise<TokenCache> {
  const { tokenizer, cacheFolder, endOfText } = options
  if (endOfText !== undefined && !(Number.isInteger(endOfText) && endOfText >= 0 && endOfText < tokenizer.size))
    throw new RangeError(`endOfText: expected an id from 0 to ${tokenizer.size - 1}; got ${endOfText}`)
  const files = await corpusFiles(patterns)
  const json = tokenizer.toJSON()
  const tokenizerHash = sha256(JSON.stringify(json))
  const parts = [
    1,
    tokenizerHash,
    files.map(({ path }) => (path === '-' ? path : resolve(path))),
    options.documents ?? 'blank-lines',
    options.encoding ?? 'utf-8',
    endOfText ?? null,
  ]
  const path = join(cacheFolder, sha256(JSON.stringify(parts)).slice(0, 24))
  await mkdir(cacheFolder, { recursive: true })
  await removeLeftovers(cacheFolder)
  const sources = files.map(({ path, size, modified }) => ({ path, size: size ?? null, modified: modified ?? null }))
  const there = await readIndex(path)
  if (
    there &&
    sources.every((source, i) => source.size !== null && source.size === there.sources[i]?.size && source.modified === there.sources[i]?.modified)
  )
    return openTokenCache(path)

  const bytesPerToken = tokenizer.size <= 65536 ? 2 : 4
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`
  try {
    const counts = await writeTokens(temporary, files, options, json, cacheHead(bytesPerToken))
    const index: TokenCacheIndex = {
      version: 1,
      ...counts,
      bytesPerToken,
      vocabulary: tokenizer.size,
      tokenizer: tokenizerHash,
      endOfText: endOfText ?? null,
      sources,
    }
    await rm(`${path}.json`, { force: true }) // an old index must never stand beside new ids
    await rename(temporary, `${path}.tokens`)
    await writeFile(temporary, `${JSON.stringify(index, null, 2)}\n`, { flush: true })
    await rename(temporary, `${path}.json`)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  return openTokenCache(path)
}

async function writeTokens(
  path: string,
  files: CorpusFile[],
  options: TokenizeCorpusOptions,
  json: object,
  head: Uint8Array,
): Promise<{ tokens: number; words: number; documents: number }> {
  const { tokenizer, endOfText, loader = ours } = options
  const counts = { tokens: 0, words: 0, documents: 0 }
  const progress: TokenizeProgress = { bytesRead: 0, bytesTotal: undefined, tokens: 0 }
  const onProgress = (bytesRead: number, bytesTotal: number | undefined): void => {
    Object.assign(progress, { bytesRead, bytesTotal })
  }
  const jobs = jobsOf(
    documentsOf(files, { documents: options.documents, encoding: options.encoding, stdin: options.stdin, onProgress }),
    () => counts.documents++,
  )
  const size = files.reduce((sum, file) => sum + (file.size ?? 1e9), 0)
  const workers = options.workers ?? (size < 1e6 ? 0 : Math.min(8, availableParallelism()))
  const results = workers > 0 ? tokenizeInThreads(jobs, workers, { loader, json, endOfText }) : tokenizeInPlace(jobs, tokenizer, endOfText)
  const file = await open(path, 'wx')
  try {
    await file.writeFile(head)
    for await (const { ids, words } of results) {
      await file.writeFile(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength))
      counts.tokens += ids.length
      counts.words += words
      progress.tokens = counts.tokens
      options.onProgress?.({ ...progress })
    }
    await file.sync()
  } finally {
    await file.close()
  }
  if (counts.tokens === 0)
    throw new Error(`${files.map((entry) => entry.path).join(', ')}: no text found; expected at least one document that is not empty`)
  return counts
}

async function* tokenizeInPlace(
  jobs: AsyncIterable<Document[]>,
  tokenizer: TokenizerLike,
  endOfText: number | undefined,
): AsyncGenerator<TokenizedJob> {
  for await (const job of jobs) yield tokenizeDocuments(job, tokenizer, endOfText)
}

/** Groups documents into jobs large enough to be worth a message to a thread. */
async function* jobsOf(documents: AsyncIterable<Document>, onDocument: () => void): AsyncGenerator<Document[]> {
  let job: Document[] = []
  let characters = 0
  for await (const document of documents) {
    job.push(document)
    characters += document.text.length
    if (!document.more) onDocument()
    if (characters < JOB) continue
    yield job
    job = []
    characters = 0
  }
  if (job.length > 0) yield job
}

/** Removes what killed runs left: temporary files whose process is gone. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const owner = /\.(\d+)-[0-9a-f]{8}\.tmp$/.exec(name)?.[1]
    if (owner !== undefined && !isRunning(Number(owner))) await rm(join(folder, name), { force: true })
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
