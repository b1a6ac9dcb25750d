// The caches of a training in stages: where a stage is long enough to meet its texts again, what is frozen in it is computed once (frozen-prefix.ts).

import type { Feed } from '@thaw/tensor'
import type { TrainingStage } from '../train/staged-trainer.js'
import type { FeedsOf } from './batches.js'
import { type ActivationCache, activationCache, type CacheOptions, type CacheReport, type FrozenPrefix, fits, frozenPrefix } from './frozen-prefix.js'
import type { Network } from './network.js'
import type { RecipePlan } from './recipe/plan.js'

export interface StageCachesOptions extends Omit<CacheOptions, 'feedsOf'> {
  plan: RecipePlan
  perEpoch: number
  network: Network
  /** The same network without dropout. */
  plain: Network
  onCache(report: CacheReport): void
}

export interface StageCaches extends AsyncDisposable {
  /** The stages, begun at their cuts where that spares something. */
  stages: TrainingStage[]
  /** The feeds of a step: those of the upper part where the stage has a cache, which is filled when it is first asked for. */
  feedsOf(
    all: FeedsOf,
    texts: (texts: readonly number[]) => Readonly<Record<string, Feed>>,
  ): (batch: readonly number[], step: number) => Promise<Feeds>
}

type Feeds = Readonly<Record<string, Feed>>

/** Cuts each stage that lasts longer than an epoch: in a shorter one no text comes back. With `memory` 0 nothing is cut. */
export function stageCaches(options: StageCachesOptions): StageCaches {
  const { plan, perEpoch, network, plain, onCache, ...cacheOptions } = options
  const { memory, lengths } = cacheOptions
  const { scope, loss, losses, added } = network
  const tensors = new Map([...scope.parameters, ...(added ? [[String(added.row.node.attributes.path), added.row] as const] : [])])
  const cuts = new Map<number, FrozenPrefix>()
  const stages = plan.stages.map(({ from, to, trained }): TrainingStage => {
    const found = memory > 0 && to - from > perEpoch ? frozenPrefix(network, plain, trained) : undefined
    const prefix = found && fits(found, lengths, memory) ? found : undefined
    if (prefix) cuts.set(from, prefix)
    const whole = { loss, outputs: losses }
    return { from, to, trainable: trained.map((path) => tensors.get(path)!), ...(prefix ? { loss: prefix.loss, outputs: prefix.losses } : whole) }
  })
  let open: { from: number; cache: ActivationCache | undefined } | undefined
  return {
    stages,
    feedsOf: (all, texts) => async (batch, step) => {
      const { from } = stages.find(({ to }) => step < to)!
      if (open?.from !== from) {
        await open?.cache?.[Symbol.asyncDispose]()
        const prefix = cuts.get(from)
        const cache = prefix && (await activationCache(prefix, { ...cacheOptions, feedsOf: texts }))
        open = { from, cache }
        if (cache) onCache({ ...cache.report, from })
      }
      const feeds: Feeds = all(batch, step)
      return open.cache ? open.cache.feeds(batch, feeds) : feeds
    },
    async [Symbol.asyncDispose]() {
      await open?.cache?.[Symbol.asyncDispose]()
    },
  }
}
