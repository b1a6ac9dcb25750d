// A source's batches as steps: so many microsteps each, epoch after epoch, entered anywhere.

import type { BatchSource, Feeds } from './objectives/objective.js'

/** Steps an epoch has. */
export const stepsPerEpoch = ({ count }: BatchSource, microsteps: number): number => Math.floor(count / microsteps)

/** The batches of each step from `from` on. */
export async function* stepBatches(source: BatchSource, microsteps: number, from: number): AsyncGenerator<Feeds[]> {
  const perEpoch = stepsPerEpoch(source, microsteps)
  if (perEpoch < 1)
    throw new Error(`too little text: an epoch has ${source.count} batches, a step takes ${microsteps}; take more text, or a smaller batch`)
  for (let step = from; ; ) {
    const epoch = Math.floor(step / perEpoch)
    let feeds: Feeds[] = []
    for await (const batch of source.epoch(epoch, (step - epoch * perEpoch) * microsteps)) {
      if (batch.index >= perEpoch * microsteps) break
      feeds.push(batch.feeds({ step, microstep: feeds.length }))
      if (feeds.length < microsteps) continue
      yield feeds
      feeds = []
      step++
    }
  }
}
