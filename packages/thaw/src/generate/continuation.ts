// Texts that grow, however long: a model has a fixed number of positions, so a text that fills them goes on with its last half, read anew.
// Each token thus sees at least half of the positions' worth of text before it, and its cost on average stays the same.

import type { Decoder } from './decoder.js'

export interface Continuation {
  /** All tokens of each text, the given ones first. */
  readonly texts: readonly (readonly number[])[]
  /** Logits of each text's next token. */
  readonly logits: readonly Float32Array[]
  /** Appends a token to each text and computes the next logits. With `rows`, text i is first replaced by text rows[i]. */
  push(tokens: readonly number[], rows?: readonly number[]): Promise<void>
}

/** Reads texts that will grow by at most `tokens` tokens. Of a text longer than the model's positions only the end is seen. */
export async function continueTexts(decoder: Decoder, given: readonly (readonly number[])[], tokens: number): Promise<Continuation> {
  const { positions } = decoder.config
  let left = tokens
  let room = 0
  /** How many of each text's tokens the model sees. */
  let seen: number[] = []
  const read = (texts: readonly (readonly number[])[]) => {
    room = Math.max(0, Math.min(left, positions - Math.max(...seen)))
    return decoder.start(
      texts.map((text, i) => text.slice(text.length - seen[i]!)),
      room,
    )
  }
  seen = given.map((text) => Math.min(text.length, positions))
  let texts = given.map((text) => [...text])
  let logits = await read(texts)
  return {
    get texts() {
      return texts
    },
    get logits() {
      return logits
    },
    async push(next, rows) {
      if (rows) {
        texts = rows.map((row) => [...texts[row]!])
        seen = rows.map((row) => seen[row]!)
      }
      texts.forEach((text, i) => {
        text.push(next[i]!)
      })
      left--
      if (room > 0) {
        if (rows) await decoder.reorder(rows)
        logits = await decoder.next(next)
        seen = seen.map((length) => length + 1)
        room--
      } else {
        seen = seen.map((length) => (length < positions ? length + 1 : Math.max(1, Math.floor(positions / 2))))
        logits = await read(texts)
      }
    },
  }
}
