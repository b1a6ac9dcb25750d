// Bytes to text, with errors a user can act on: the file, the byte and its position, and the encoding to try. Node's own fatal decoder says
// only "The encoded data was not valid". UTF-8 is the default; `latin1` is ISO 8859-1 (TREC), not the web's windows-1252.

import { countEncodings, decodeLines } from './mixed-encoding.js'

/** Decodes a text in pieces: `write` each piece of bytes, then `end` (which fails when the text stops inside a character). */
export interface TextStream {
  write(bytes: Uint8Array): string
  end(): string
}

/** Opens a decoder for one text called `source` in errors. A byte order mark at the start is dropped. */
export function textStream(source: string, encoding = 'utf-8'): TextStream {
  const name = encoding.toLowerCase()
  if (name === 'latin1' || name === 'latin-1' || name === 'iso-8859-1') return { write: latin1, end: () => '' }
  if (name === 'utf-8' || name === 'utf8') return utf8Stream(source)
  return otherStream(source, name)
}

/**
 * Decodes a whole text; the encoding is UTF-8 unless named or marked by UTF-16's byte order mark (as Excel's "Unicode text" is). `mixed` reads each line by
 * itself, as UTF-8 or else as Windows-1252.
 */
export function decodeText(bytes: Uint8Array, source: string, encoding?: string): { text: string; encoding: string } {
  const marked = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8'
  const chosen = encoding ?? marked
  if (chosen === 'mixed') {
    const { text, foreign } = decodeLines(bytes)
    return { text, encoding: `utf-8, ${foreign} ${foreign === 1 ? 'line' : 'lines'} windows-1252` }
  }
  const stream = textStream(source, chosen)
  try {
    return { text: stream.write(bytes) + stream.end(), encoding: chosen }
  } catch (error) {
    const { foreign, utf8 } = chosen === 'utf-8' ? countEncodings(bytes) : { foreign: 0, utf8: 0 }
    if (utf8 === 0) throw error
    const [message] = (error as Error).message.split('; if the file')
    const lines = `${foreign} ${foreign === 1 ? 'line is' : 'lines are'} not, ${utf8} with letters beyond ASCII ${utf8 === 1 ? 'is' : 'are'}`
    throw new Error(`${message}; ${lines}: the file mixes encodings. Read each line by itself with --encoding mixed (UTF-8, else Windows-1252)`)
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

/** Each piece is cut at a character's end and decoded at once (Node's fast path); what is cut off is put before the next piece. */
function utf8Stream(source: string): TextStream {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let rest: Uint8Array = new Uint8Array(0)
  let position = 0 // of the first byte of `rest`
  let line = 1
  let first = true
  const decode = (bytes: Uint8Array): string => {
    let text: string
    try {
      text = decoder.decode(bytes)
    } catch {
      const bad = firstInvalid(bytes)
      for (let i = 0; i < bad; i++) if (bytes[i] === 10) line++
      const hex = bytes[bad]!.toString(16).toUpperCase().padStart(2, '0')
      throw new Error(
        `${source}:${line}: byte 0x${hex} at position ${position + bad} is not valid UTF-8; if the file has another encoding, name it, for example --encoding latin1`,
      )
    }
    position += bytes.length
    for (let i = bytes.indexOf(10); i >= 0; i = bytes.indexOf(10, i + 1)) line++
    if (first && text.length > 0) {
      first = false
      if (text.charCodeAt(0) === 0xfeff) return text.slice(1)
    }
    return text
  }
  return {
    write(bytes) {
      const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
      const end = lastBoundary(all)
      rest = all.slice(end) // a copy of at most three bytes
      return decode(all.subarray(0, end))
    },
    end: () => (rest.length === 0 ? '' : decode(rest)),
  }
}

/** Where the last, incomplete character of `bytes` starts; the length when the last one is complete (or is no UTF-8: decoding says so). */
function lastBoundary(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!
    if ((byte & 0xc0) === 0x80) continue
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return needed > back ? bytes.length - back : bytes.length
  }
  return bytes.length
}

/** The start of the first invalid sequence, by bisection: a prefix decodes as a stream as long as it holds no invalid byte. */
function firstInvalid(bytes: Uint8Array): number {
  const valid = (length: number, stream: boolean): boolean => {
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, length), { stream })
      return true
    } catch {
      return false
    }
  }
  let low = 0 // longest prefix known to be good as a stream
  let high = bytes.length + 1
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (valid(middle, true)) low = middle
    else high = middle
  }
  for (let start = Math.min(low, bytes.length - 1); start > low - 4 && start > 0; start--) if (valid(start, false)) return start
  return Math.max(0, low - 3)
}

function otherStream(source: string, encoding: string): TextStream {
  let decoder: TextDecoder
  try {
    decoder = new TextDecoder(encoding, { fatal: true })
  } catch {
    throw new Error(`${source}: unknown encoding '${encoding}'; expected for example utf-8, latin1, utf-16le, windows-1252 or shift_jis`)
  }
  const decode = (bytes?: Uint8Array): string => {
    try {
      return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode()
    } catch {
      throw new Error(`${source}: the bytes are not valid ${encoding}; if the file has another encoding, name it, for example --encoding latin1`)
    }
  }
  return { write: decode, end: () => decode() }
}
