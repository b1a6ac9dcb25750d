// GPT-2's spelling of bytes as printable characters (Radford et al. 2019, encoder.py): 188 bytes stand for themselves, the others for U+0100 and up.

const printable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174

/** The character of each byte. */
export const byteToChar: readonly string[] = (() => {
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++))
})()

const encoder = new TextEncoder()

/** A word spelt in bytes: one character a byte. `toByteChars(' é')` is 'ĠÃ©'. */
export function toByteChars(word: string): string {
  let result = ''
  for (const byte of encoder.encode(word)) result += byteToChar[byte]
  return result
}

/** For each byte of a word the UTF-16 range of the character it belongs to. */
export function byteRanges(word: string): { starts: number[]; ends: number[] } {
  const starts: number[] = []
  const ends: number[] = []
  let index = 0
  for (const char of word) {
    const code = char.codePointAt(0)!
    // A lone surrogate is encoded as U+FFFD, three bytes, which is what this gives too.
    const length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
    for (let i = 0; i < length; i++) {
      starts.push(index)
      ends.push(index + char.length)
    }
    index += char.length
  }
  return { starts, ends }
}
