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
