// Pairs of segments for next-sentence prediction (Devlin et al. 2019, section 3.1): A and B stand one after the other in a document half of the
// time; else B comes from elsewhere, another document where there is one. As in BERT's code a segment is a run of sentences, as long as the window
// allows.

import type { TokenCache } from '../../text/corpus/index.js'
import { hash, permutation, type Random, random } from '../../text/random.js'
import type { Tokenizer } from '../../text/tokenizer/index.js'
import type { Range } from './objective.js'

/** The documents of a range of a corpus. */
export interface Documents {
  /** First tokens. */
  starts: Float64Array
  /** Tokens, without the one that ends the document. */
  lengths: Int32Array
}

/** A document shorter than this has no two segments worth comparing. */
const shortest = 8
const piece = 1 << 18

/** Finds the documents of a range, in one pass over its ids: 12 bytes a document are kept. */
export async function findDocuments(cache: TokenCache, { from, to }: Range): Promise<Documents> {
  const end = cache.index.endOfText
  const starts: number[] = []
  const lengths: number[] = []
  let start = from
  const close = (at: number) => {
    if (at - start >= shortest) {
      starts.push(start)
      lengths.push(at - start)
    }
    start = at + 1
  }
  for (let at = from; at < to; at += piece) {
    const ids = await cache.read(at, Math.min(piece, to - at))
    for (let i = ids.indexOf(end ?? -1); i >= 0; i = ids.indexOf(end ?? -1, i + 1)) close(at + i)
  }
  close(to)
  return { starts: Float64Array.from(starts), lengths: Int32Array.from(lengths) }
}

export interface Pair {
  first: Int32Array
  second: Int32Array
  /** False where the second segment comes from elsewhere. */
  follows: boolean
}

export interface PairSource {
  /** Pairs an epoch. */
  readonly count: number
  /** The pair at a place of an epoch's order. */
  read(epoch: number, index: number): Promise<Pair>
}

/** A 1 for every id whose token ends a sentence. */
export function sentenceEnds(tokenizer: Tokenizer): Uint8Array {
  return Uint8Array.from({ length: tokenizer.size }, (_, id) => (/^(##|▁|Ġ)?[.!?。!?Ċ]+["”’)]?$/.test(tokenizer.idToToken(id) ?? '') ? 1 : 0))
}

/**
 * The pairs of documents, `room` tokens each at most: every document gives as many as it has windows of that length.
 *
 * @throws where there is no document of 8 tokens.
 */
export function sentencePairs(
  cache: TokenCache,
  { starts, lengths }: Documents,
  { room, ends, seed, shuffle = true }: { room: number; ends: Uint8Array; seed: number; shuffle?: boolean },
): PairSource {
  if (starts.length === 0)
    throw new Error(
      `next-sentence prediction: no document of the text has ${shortest} tokens or more; let documents be longer (documents: 'articles' or 'file')`,
    )
  const before = new Float64Array(starts.length + 1) // pairs of the documents before each
  lengths.forEach((length, i) => {
    before[i + 1] = before[i]! + Math.max(1, Math.round(length / room))
  })
  const count = before.at(-1)!
  const order = (epoch: number) => (shuffle ? permutation(count, hash(seed, epoch)) : (index: number) => index)
  let known = { epoch: -1, at: order(0) }

  /** The n-th window of a document. */
  const window = async (document: number, n: number): Promise<Int32Array> => {
    const length = lengths[document]!
    const from = Math.floor((n * length) / (before[document + 1]! - before[document]!))
    return cache.read(starts[document]! + from, Math.min(room, length - from))
  }
  const windows = (document: number) => before[document + 1]! - before[document]!

  return {
    count,
    async read(epoch, index) {
      if (known.epoch !== epoch) known = { epoch, at: order(epoch) }
      const place = known.at(index)
      const document = lastAtMost(before, place)
      const draw = random(hash(seed, epoch, place))
      const ids = await window(document, place - before[document]!)
      const cut = boundary(ids, ends, draw)
      const [first, second] = [ids.subarray(0, cut), ids.subarray(cut)]
      if (draw.next() < 0.5) return { first, second, follows: true }
      const other = starts.length === 1 ? document : (document + 1 + draw.integer(starts.length - 1)) % starts.length
      const elsewhere = await window(other, draw.integer(windows(other)))
      const from = elsewhere.length > second.length ? boundary(elsewhere.subarray(0, elsewhere.length - second.length + 1), ends, draw) : 0
      return { first, second: elsewhere.subarray(from, from + second.length), follows: false }
    },
  }
}

/** A place to cut: after the end of a sentence where there is one, anywhere inside otherwise. */
function boundary(ids: Int32Array, ends: Uint8Array, draw: Random): number {
  if (ids.length < 2) return ids.length
  const places: number[] = []
  for (let i = 1; i < ids.length; i++) if (ends[ids[i - 1]!] && !ends[ids[i]!]) places.push(i)
  return places.length > 0 ? places[draw.integer(places.length)]! : 1 + draw.integer(ids.length - 1)
}

/** The index of the last of ascending values that is at most `value`. */
function lastAtMost(values: Float64Array, value: number): number {
  let [low, high] = [0, values.length - 1]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (values[middle]! <= value) low = middle
    else high = middle
  }
  return low
}
