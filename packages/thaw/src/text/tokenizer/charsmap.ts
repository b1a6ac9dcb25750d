// SentencePiece's precompiled normalization (T5, XLM-R, ALBERT): a table of replacements in a double-array trie.
// Format: u32 size of the trie in bytes, the trie (units of the Darts-clone library), then the replacements, each ended by a zero byte.

const extend = '[\\p{Grapheme_Extend}\\p{Mc}\\u200d]'

/** Controls are never extended (Unicode's grapheme clusters, rule GB4). */
const alone = '\\r\\n|\\p{Cc}|\\p{Zl}|\\p{Zp}|(?![\\u200c\\u200d])\\p{Cf}'

/** A character with what extends it; printable ASCII only where something does. */
const clusters = new RegExp(`${alone}|[!-~]${extend}+|[^ -~]${extend}*`, 'gu')
const everyCluster = new RegExp(`${alone}|[^]${extend}*`, 'gu')

/**
 * The steps' pattern and replacement of a `precompiled_charsmap` (base64): a short cluster is looked up whole, else character by character; the shortest
 * key that begins it wins, and what is not in the table stays, as in the Rust library. Throws where the table is cut short.
 */
export function charsmap(base64: string): { pattern: RegExp; replace: (match: string) => string } {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
  const view = new DataView(bytes.buffer)
  const size = bytes.length >= 4 ? view.getUint32(0, true) : 0
  if (bytes.length < 4 || size + 4 > bytes.length) {
    throw new Error(`tokenizer.json: normalizer.precompiled_charsmap: expected ${size + 4} bytes or more, got ${bytes.length}.`)
  }
  const units = new Uint32Array(size / 4)
  for (let i = 0; i < units.length; i++) units[i] = view.getUint32(4 + 4 * i, true)
  const texts = bytes.subarray(4 + size)
  const encoder = new TextEncoder()
  const decoder = new TextDecoder()
  const offset = (unit: number) => (unit >>> 10) << ((unit & 512) >>> 6)

  function look(text: string): string | undefined {
    let at = offset(units[0]!)
    for (const byte of encoder.encode(text)) {
      if (byte === 0) return undefined
      const unit = units[(at ^= byte)]
      if (unit === undefined || (unit & 0x800000ff) >>> 0 !== byte) return undefined
      at ^= offset(unit)
      if (unit & 256) {
        const start = units[at]! & 0x7fffffff
        const end = texts.indexOf(0, start)
        return decoder.decode(texts.subarray(start, end < 0 ? texts.length : end))
      }
    }
    return undefined
  }

  function replace(match: string): string {
    const whole = encoder.encode(match).length < 6 ? look(match) : undefined
    if (whole !== undefined) return whole
    let result = ''
    for (const char of match) result += look(char) ?? char
    return result
  }
  const printable = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i))
  return { pattern: printable.some((char) => look(char) !== undefined) ? everyCluster : clusters, replace }
}
