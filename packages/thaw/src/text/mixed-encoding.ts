// Files put together from several sources mix encodings: most lines UTF-8, some from an old Windows program. Line by line each is clear, for text in
// Windows-1252 is hardly ever valid UTF-8 (an accented letter would have to be followed by a symbol such as `©`).

/** Decodes each line by itself: as UTF-8 where it is valid, else as Windows-1252. `foreign` counts the latter. */
export function decodeLines(bytes: Uint8Array): { text: string; foreign: number } {
  const strict = new TextDecoder('utf-8', { fatal: true })
  const windows = new TextDecoder('windows-1252')
  const parts: string[] = []
  let foreign = 0
  for (const line of linesOf(bytes)) {
    try {
      parts.push(strict.decode(line))
    } catch {
      foreign++
      // as a stream: without it Node 20's decoder takes Latin-1 for Windows-1252, and curly quotes are lost
      parts.push(windows.decode(line, { stream: true }))
    }
  }
  return { text: parts.join(''), foreign }
}

/** How many lines are not UTF-8, and how many are UTF-8 beyond ASCII: where there are both, encodings are mixed. */
export function countEncodings(bytes: Uint8Array): { foreign: number; utf8: number } {
  const strict = new TextDecoder('utf-8', { fatal: true })
  const counts = { foreign: 0, utf8: 0 }
  for (const line of linesOf(bytes)) {
    if (line.every((byte) => byte < 0x80)) continue
    try {
      strict.decode(line)
      counts.utf8++
    } catch {
      counts.foreign++
    }
  }
  return counts
}

/** Lines with their ends. */
function* linesOf(bytes: Uint8Array): Generator<Uint8Array> {
  let from = 0
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, from)) {
    yield bytes.subarray(from, at + 1)
    from = at + 1
  }
  if (from < bytes.length) yield bytes.subarray(from)
}
