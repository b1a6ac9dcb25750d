// Which tokens belong to one word, seen from the tokens alone: WordPiece marks what goes on (##), SentencePiece and byte-level BPE what begins
// (▁, Ġ). Punctuation stands for itself; where BPE cuts a character into bytes, its bytes count as letters.

import { byteToChar } from './tokenizer/bytes.js'
import type { Tokenizer } from './tokenizer/index.js'

const begins = 1 // goes on with the word before it, if that has not ended
const ends = 2 // its last character can be followed by more of the same word

/** Whether a token goes on with the word of the token before it. */
export function wordJoiner(tokenizer: Tokenizer): (previous: number, id: number) => boolean {
  const parts = new Uint8Array(tokenizer.size)
  for (let id = 0; id < tokenizer.size; id++) parts[id] = partOf(tokenizer.kind, tokenizer.idToToken(id) ?? '')
  return (previous, id) => (parts[previous]! & ends) !== 0 && (parts[id]! & begins) !== 0
}

/** Bytes above 127 as byte-level BPE spells them: parts of letters of other scripts, mostly. */
const highBytes = new Set(byteToChar.slice(128))
/** Byte-level BPE's spelling ends here; what lies above are characters that mean themselves (SentencePiece's BPE). */
const lastByteChar = '\u0143'

const isLetter = (char: string | undefined): boolean => char !== undefined && /[\p{L}\p{N}\p{M}]/u.test(char)
const isLetterOrByte = (char: string | undefined): boolean =>
  char !== undefined && (highBytes.has(char) || (isLetter(char) && (char < '\u0100' || char > lastByteChar)))

function partOf(kind: Tokenizer['kind'], token: string): number {
  if (kind === 'wordlevel') return 0
  if (kind === 'wordpiece') return (token.length > 2 && token.startsWith('##') ? begins : 0) | ends
  const characters = [...token]
  const inWord = kind === 'bpe' ? isLetterOrByte : isLetter
  return (inWord(characters[0]) ? begins : 0) | (inWord(characters.at(-1)) ? ends : 0)
}
