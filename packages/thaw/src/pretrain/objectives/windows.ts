// Windows of consecutive tokens as batches: the source of most objectives.

import { type LanguageModelBatch, languageModelBatchCount, languageModelBatches, type TokenCache } from '../../text/corpus/index.js'
import { hash, random } from '../../text/random.js'
import type { BatchSource, Feeds, Place, Range } from './objective.js'

export interface WindowShape {
  batch: number
  /** Tokens of a window. */
  time: number
  seed: number
}

/** Batches of windows, each turned into feeds by a function of the batch and its place. */
export const windowBatches = (
  cache: TokenCache,
  range: Range,
  { batch, time, seed }: WindowShape,
  feeds: (batch: LanguageModelBatch, place: Place) => Feeds,
): BatchSource => ({
  count: languageModelBatchCount(cache, { batch, time, ...range }),
  async *epoch(epoch, start) {
    for await (const window of languageModelBatches(cache, { batch, time, seed, epoch, start, ...range }))
      yield { index: window.index, feeds: (place) => feeds(window, place) }
  },
})

/** The generator for what is random in one batch: a function of the seed and the batch's place, so that a resumed run draws the same (DESIGN E11). */
export const placeRandom = (seed: number, { step, microstep }: Place) => random(hash(seed, step, microstep))

/** A range in windows of `length` tokens, `batch` of them at a time; those at the end are shorter. Every token is in one window. */
export async function* evaluationWindows(
  cache: TokenCache,
  { from, to }: Range,
  { batch, length }: { batch: number; length: number },
): AsyncGenerator<Int32Array[]> {
  for (let at = from; at < to; ) {
    const rows = Math.min(batch, Math.max(1, Math.floor((to - at) / length)))
    const text = await cache.read(at, Math.min(rows * length, to - at))
    yield pieces(text, text.length / rows)
    at += text.length
  }
}

/** An array in pieces of one length. */
export const pieces = (ids: Int32Array, length: number): Int32Array[] =>
  Array.from({ length: Math.ceil(ids.length / length) }, (_, i) => ids.subarray(i * length, (i + 1) * length))
