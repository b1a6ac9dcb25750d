// Texts as padded batches of ids. Padding goes to the left where the last token counts (a [CLF] token at the end, causal models), so that it
// stands at the same place in every row; positions are counted from the first real token, so padding changes nothing.

import type { Feed } from '@thaw/tensor'
import type { Tokenizer } from '../text/tokenizer/index.js'

export interface EncodedText {
  ids: number[]
  /** Token types: 0 for the first text, 1 for the second where the tokenizer's template says so. */
  segments: number[]
  truncated: boolean
}

export type TextEncoder = (text: string, pair?: string) => EncodedText

/** The token that is appended for pooling `clf`. */
export const clfToken = '[CLF]'

/** How a text becomes ids: what the tokenizer's template adds, cut to the model's positions, and the [CLF] token at the end where asked for. */
export function textEncoder(tokenizer: Tokenizer, maxLength: number, clf?: number): TextEncoder {
  const room = maxLength - (clf === undefined ? 0 : 1)
  return (text, pair) => {
    const second = pair === undefined ? {} : { pair }
    const { ids, segments } = tokenizer.encode(text, { maxLength: room, ...second })
    const cut = ids.length >= room && tokenizer.encode(text, second).ids.length > room
    const unknown = tokenizer.special.unk?.id ?? tokenizer.special.eos?.id ?? 0
    const last = clf === undefined ? [] : [clf]
    return {
      ids: [...(ids.length === 0 ? [unknown] : ids), ...last],
      segments: [...(ids.length === 0 ? [0] : segments), ...last.map(() => segments.at(-1) ?? 0)],
      truncated: cut,
    }
  }
}

export interface TextFeeds extends Record<string, Feed> {
  ids: Feed
  visible: Feed
  positions: Feed
}

/** Pads rows of ids to the longest: fine-tuning on TREC-6 is an eighth faster than with lengths that are multiples of 8. */
export function padded(rows: readonly (readonly number[])[], side: 'left' | 'right', pad: number): TextFeeds {
  const time = rows.reduce((length, row) => Math.max(length, row.length), 1)
  const shape = [rows.length, time]
  const ids = new Int32Array(rows.length * time).fill(pad)
  const visible = new Uint8Array(rows.length * time)
  const positions = new Int32Array(rows.length * time)
  rows.forEach((row, r) => {
    const from = r * time + (side === 'left' ? time - row.length : 0)
    for (let i = 0; i < row.length; i++) {
      ids[from + i] = row[i]!
      visible[from + i] = 1
      positions[from + i] = i
    }
  })
  return { ids: { data: ids, shape }, visible: { data: visible, shape }, positions: { data: positions, shape } }
}

/**
 * Batches of similar lengths: within pools of many batches, rows are sorted by length, and the batches come in random order. Less padding, and
 * the data still come in another order at each epoch.
 */
export function lengthGroupedBatches(lengths: readonly number[], batch: number, shuffled: readonly number[]): number[][] {
  const pool = batch * 32
  const batches: number[][] = []
  for (let at = 0; at < shuffled.length; at += pool) {
    const sorted = shuffled.slice(at, at + pool).sort((a, b) => lengths[a]! - lengths[b]! || a - b)
    for (let i = 0; i < sorted.length; i += batch) batches.push(sorted.slice(i, i + batch))
  }
  return batches
}

/** Tokens a batch of {@link batchesByLength} may have: enough to fill the machine, few enough for its memory. */
const tokensPerBatch = 4096

/** What a run costs beside its tokens, in tokens: reading the weights. Measured with 6 layers of 384 on one core: 3.3 ms, at 0.11 ms a token. */
const tokensPerRun = 32

/**
 * Examples sorted by length, in the batches that cost least to run: their tokens, padding included, and something for each run. `rowsEach` is how many rows an
 * example has. The cheapest cut of the sorted row is found from its beginning on, by what the cheapest cut up to each place costs.
 */
export function batchesByLength(lengths: readonly number[], rowsEach = 1): number[][] {
  const order = lengths.map((_, i) => i).sort((a, b) => lengths[a]! - lengths[b]! || a - b)
  const cost = new Float64Array(order.length + 1)
  const begins = new Int32Array(order.length + 1)
  for (let end = 1; end <= order.length; end++) {
    const each = rowsEach * lengths[order[end - 1]!]! // tokens of each example of a batch that ends here
    cost[end] = Number.POSITIVE_INFINITY
    for (let begin = end - 1; begin >= 0 && (begin === end - 1 || (end - begin) * each <= tokensPerBatch); begin--) {
      const whole = cost[begin]! + tokensPerRun + (end - begin) * each
      if (whole < cost[end]!) [cost[end], begins[end]] = [whole, begin]
    }
  }
  const batches: number[][] = []
  for (let end = order.length; end > 0; end = begins[end]!) batches.push(order.slice(begins[end], end))
  return batches.reverse()
}

export interface RowFeeds {
  side: 'left' | 'right'
  /** Id of the padding token. */
  pad: number
  /** Token types are fed too. */
  segments?: boolean | undefined
}

/** The feeds of examples of one or several rows each: [examples, time], or [examples, rows, time]. */
export function exampleFeeds(examples: readonly (readonly EncodedText[])[], { side, pad, segments }: RowFeeds): Record<string, Feed> {
  const rows = examples.flat()
  const ids = rows.map((row) => row.ids)
  const feeds: Record<string, Feed> = padded(ids, side, pad)
  if (segments) {
    const types = padded(
      rows.map((row) => row.segments),
      side,
      0,
    )
    feeds.segments = types.ids
  }
  const each = examples[0]?.length ?? 1
  if (each === 1) return feeds
  return Object.fromEntries(Object.entries(feeds).map(([name, { data, shape }]) => [name, { data, shape: [examples.length, each, shape[1]!] }]))
}
