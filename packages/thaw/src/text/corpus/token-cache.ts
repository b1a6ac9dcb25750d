// A corpus as ids on disk. `NAME.tokens`: 16 bytes of head (magic, bytes an id), then the ids, 16 bits each when the vocabulary allows, else 32.
// `NAME.json`: the index, renamed into place last, so that it exists only beside complete ids. Node has no mmap: ids are read by position.
import { open, readFile } from 'node:fs/promises'

/** The index beside the ids. */
export interface TokenCacheIndex {
  version: 1
  tokens: number
  words: number
  documents: number
  bytesPerToken: 2 | 4
  vocabulary: number
  /** SHA-256 of the tokenizer's JSON. */
  tokenizer: string
  endOfText: number | null
  /** The files it was made from: it is made again when one of them has changed. */
  sources: { path: string; size: number | null; modified: number | null }[]
}

/** A tokenized corpus; `close` it when done. */
export interface TokenCache extends AsyncDisposable {
  readonly tokens: number
  readonly words: number
  readonly documents: number
  readonly index: TokenCacheIndex
  readonly path: string
  /** Ids from `offset` on; fails outside 0 … tokens. */
  read(offset: number, length: number): Promise<Int32Array>
  close(): Promise<void>
}

export const HEAD_BYTES = 16
const MAGIC = 'THAWTOKS'

/** The head of a file of ids. */
export function cacheHead(bytesPerToken: 2 | 4): Uint8Array {
  const head = Buffer.alloc(HEAD_BYTES)
  head.write(MAGIC, 'latin1')
  head.writeUInt32LE(1, 8)
  head.writeUInt32LE(bytesPerToken, 12)
  return head
}

/** Reads an index; undefined when there is none. Fails on one that is damaged. */
export async function readIndex(path: string): Promise<TokenCacheIndex | undefined> {
  let text: string
  try {
    text = await readFile(`${path}.json`, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    const index = JSON.parse(text) as TokenCacheIndex
    if (index.version === 1 && [index.tokens, index.words, index.documents].every(Number.isSafeInteger) && Array.isArray(index.sources)) return index
  } catch {
    // told below
  }
  throw new Error(`${path}.json: damaged token cache: not an index of version 1; ${wayOut(path)}`)
}

/**
 * Opens a token cache by its path without ending.
 *
 * @throws on an absent or damaged cache: index, magic, width and length are checked; the error says which file to delete.
 */
export async function openTokenCache(path: string): Promise<TokenCache> {
  const index = await readIndex(path)
  if (!index) throw new Error(`${path}.json: no token cache here`)
  const name = `${path}.tokens`
  const file = await open(name, 'r').catch((error: NodeJS.ErrnoException) => {
    throw new Error(
      error.code === 'ENOENT' ? `${name}: damaged token cache: the file is missing; ${wayOut(path)}` : `${name}: cannot be opened: ${error.message}`,
    )
  })
  try {
    const head = Buffer.alloc(HEAD_BYTES)
    const { bytesRead } = await file.read(head, 0, HEAD_BYTES, 0)
    if (bytesRead < HEAD_BYTES || !head.equals(cacheHead(index.bytesPerToken)))
      throw new Error(`${name}: damaged token cache: its head is not that of a token cache; ${wayOut(path)}`)
    const { size } = await file.stat()
    const expected = HEAD_BYTES + index.tokens * index.bytesPerToken
    if (size !== expected)
      throw new Error(`${name}: damaged token cache: expected ${expected} bytes for ${index.tokens} tokens, found ${size}; ${wayOut(path)}`)
  } catch (error) {
    await file.close()
    throw error
  }
  const { tokens, words, documents, bytesPerToken } = index
  const read = async (offset: number, length: number): Promise<Int32Array> => {
    if (!Number.isInteger(offset) || !Number.isInteger(length) || offset < 0 || length < 0 || offset + length > tokens)
      throw new RangeError(`${name}: expected a range inside 0 to ${tokens}; got ${length} tokens from ${offset}`)
    const bytes = new ArrayBuffer(length * bytesPerToken)
    let done = 0
    while (done < bytes.byteLength) {
      const { bytesRead } = await file.read(new Uint8Array(bytes), done, bytes.byteLength - done, HEAD_BYTES + offset * bytesPerToken + done)
      if (bytesRead === 0) throw new Error(`${name}: damaged token cache: it became shorter while in use; ${wayOut(path)}`)
      done += bytesRead
    }
    return bytesPerToken === 2 ? new Int32Array(new Uint16Array(bytes)) : new Int32Array(bytes)
  }
  const close = (): Promise<void> => file.close()
  return { tokens, words, documents, index, path, read, close, [Symbol.asyncDispose]: close }
}

function wayOut(path: string): string {
  return `delete ${path}.json and the corpus is tokenized again`
}
