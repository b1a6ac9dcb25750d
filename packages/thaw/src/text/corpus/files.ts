// Which files a corpus has, and their bytes. Globs are expanded here because shells differ (cmd.exe and PowerShell expand nothing, zsh fails
// on no match); `.gz` and `.br` are unpacked while reading; `-` is standard input.
import { createReadStream, type Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { isAbsolute, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { createBrotliDecompress, createGunzip } from 'node:zlib'
import { glob } from 'tinyglobby'

/** One file of a corpus; standard input has the path `-` and no size. */
export interface CorpusFile {
  path: string
  /** Bytes on disk. */
  size: number | undefined
  /** Last change, in whole milliseconds. */
  modified: number | undefined
}

/**
 * Files named by paths and globs: patterns in the order given, the matches of each sorted by code point, each file once.
 * A name that exists is taken literally, brackets and all. Fails on a pattern without a match and on a folder.
 *
 * @example
 * await corpusFiles(['wiki/*.txt', 'extra.txt.gz', '-'])
 */
export async function corpusFiles(patterns: readonly string[], platform: string = process.platform): Promise<CorpusFile[]> {
  if (patterns.length === 0) throw new Error('no input files: expected at least one path, glob or - for standard input')
  const found = new Map<string, CorpusFile>()
  for (const pattern of patterns) {
    if (pattern === '-') {
      found.set('-', { path: '-', size: undefined, modified: undefined })
      continue
    }
    const literal = await status(pattern)
    if (literal?.isDirectory())
      throw new Error(
        `${pattern}: expected a file, found a folder; name its files, for example ${slashes(pattern, platform).replace(/\/$/, '')}/**/*.txt`,
      )
    if (literal) {
      found.set(resolve(pattern), entry(pattern, literal))
      continue
    }
    const matches = await glob(slashes(pattern, platform), { expandDirectories: false, onlyFiles: true, absolute: isAbsolute(pattern) })
    if (matches.length === 0) throw new Error(`${pattern}: no such file, and no file matches it as a pattern (looked from ${process.cwd()})`)
    for (const path of matches.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))) found.set(resolve(path), entry(path, await stat(path)))
  }
  return [...found.values()]
}

/** On Windows `\` separates folders; elsewhere it escapes the next character. */
function slashes(pattern: string, platform: string): string {
  return platform === 'win32' ? pattern.replaceAll('\\', '/') : pattern
}

async function status(path: string): Promise<Stats | undefined> {
  return stat(path).catch(() => undefined)
}

function entry(path: string, stats: Stats): CorpusFile {
  return { path, size: stats.size, modified: Math.floor(stats.mtimeMs) }
}

/** How a file is called in errors. */
export function sourceName(path: string): string {
  return path === '-' ? 'standard input' : path
}

/**
 * A file's bytes, unpacked by its ending (`.gz`, `.br`). `onRead` hears of each piece's bytes as they lie on disk.
 * Errors name the file: one that vanished, cannot be opened, or is cut off or damaged inside its compression.
 */
export async function* readBytes(path: string, onRead?: (bytes: number) => void, stdin: Readable = process.stdin): AsyncGenerator<Uint8Array> {
  const raw: Readable = path === '-' ? stdin : createReadStream(path, { highWaterMark: 1 << 18 })
  const unpack = path.endsWith('.gz')
    ? createGunzip({ chunkSize: 1 << 18 })
    : path.endsWith('.br')
      ? createBrotliDecompress({ chunkSize: 1 << 18 })
      : undefined
  if (onRead) raw.on('data', (piece: Buffer) => onRead(piece.length))
  // An error of the disk must reach the consumer of the unpacked stream, which a bare pipe would leave waiting.
  if (unpack) raw.once('error', (error) => unpack.destroy(error)).pipe(unpack)
  try {
    for await (const piece of unpack ?? raw) yield typeof piece === 'string' ? Buffer.from(piece) : (piece as Uint8Array)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new Error(`${path}: no such file`)
    if (unpack && (code?.startsWith('Z_') || code?.startsWith('ERR_'))) {
      const kind = path.endsWith('.gz') ? 'gzip' : 'brotli'
      throw new Error(`${path}: the ${kind} data are cut off or damaged (${code}); fetch or pack the file again`)
    }
    throw new Error(`${sourceName(path)}: cannot be read: ${message}`)
  } finally {
    if (path !== '-') raw.destroy()
    unpack?.destroy()
  }
}
