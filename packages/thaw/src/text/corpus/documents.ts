// Documents from text files, streamed: memory stays at a few pieces of a quarter megabyte whatever the corpus's size.
import type { Readable } from 'node:stream'
import { textStream } from '../encoding.js'
import { type CorpusFile, corpusFiles, readBytes, sourceName } from './files.js'

/** Where a document ends: at each line, at an empty line, at two or more empty lines (Wikipedia shards), or with its file. */
export type DocumentKind = 'line' | 'blank-lines' | 'articles' | 'file'

/** A document, or a part of one. */
export interface Document {
  text: string
  source: string
  /** True when the document goes on in the next item: those over a million characters come in parts, cut at line ends. */
  more?: boolean
}

/** Options of `readDocuments`. */
export interface ReadDocumentsOptions {
  /** What a document is; `blank-lines` unless told. */
  documents?: DocumentKind
  /** `utf-8` unless told. */
  encoding?: string
  /** Bytes read from disk so far, and in all (undefined where standard input takes part). */
  onProgress?: (bytesRead: number, bytesTotal: number | undefined) => void
  /** What `-` reads; the process's standard input unless told. */
  stdin?: Readable
}

const PART = 1 << 20 // characters

/**
 * Reads documents from files, globs, `.gz`, `.br` and `-` (standard input), in order. Lines may end in `\r\n`; empty documents are left out.
 * A file always ends its last document. One line is held whole.
 *
 * @throws on a pattern without files, damaged compression, or bytes that are not text in the encoding (named with file and position).
 * @example
 * for await (const { text, source } of readDocuments(['wiki/*.txt.br'], { documents: 'articles' })) console.log(source, text.length)
 */
export async function* readDocuments(patterns: readonly string[], options: ReadDocumentsOptions = {}): AsyncGenerator<Document> {
  yield* documentsOf(await corpusFiles(patterns), options)
}

/** `readDocuments` for files that were found before. */
export async function* documentsOf(files: readonly CorpusFile[], options: ReadDocumentsOptions = {}): AsyncGenerator<Document> {
  const kind = options.documents ?? 'blank-lines'
  const sizes = files.map((file) => file.size)
  const total = sizes.includes(undefined) ? undefined : sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0)
  let read = 0
  const onRead = (bytes: number): void => {
    read += bytes
    options.onProgress?.(read, total)
  }
  for (const { path } of files) {
    const source = sourceName(path)
    const text = textStream(source, options.encoding)
    const group = grouping(kind, source)
    let rest = ''
    for await (const bytes of readBytes(path, onRead, options.stdin)) {
      const piece = text.write(bytes)
      rest += piece
      if (!piece.includes('\n')) continue // a long line: joined once, at its end
      const lines = rest.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) yield* group.line(line)
    }
    rest += text.end()
    if (rest !== '') yield* group.line(rest)
    yield* group.end()
  }
}

/** Collects lines into documents. */
function grouping(kind: DocumentKind, source: string): { line(line: string): Document[]; end(): Document[] } {
  const gap = { line: 0, 'blank-lines': 1, articles: 2, file: Number.POSITIVE_INFINITY }[kind]
  if (gap === undefined) throw new Error(`documents: expected 'line', 'blank-lines', 'articles' or 'file'; got '${kind}'`)
  let lines: string[] = []
  let characters = 0
  let empty = 0 // empty lines since the last full one
  const flush = (more: boolean): Document[] => {
    const text = lines.join('\n')
    lines = []
    characters = 0
    if (text === '') return []
    return more ? [{ text: `${text}\n`, source, more }] : [{ text, source }]
  }
  return {
    line(raw) {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
      if (line.trim() === '') {
        empty++
        return empty === gap ? flush(false) : []
      }
      if (gap === 0) return [{ text: line, source }]
      if (lines.length > 0) for (; empty > 0 && empty < gap; empty--) lines.push('')
      empty = 0
      // The part before this line is given out only now, when it is known that the document goes on.
      const part = characters >= PART ? flush(true) : []
      lines.push(line)
      characters += line.length + 1
      return part
    },
    end: () => flush(false),
  }
}
