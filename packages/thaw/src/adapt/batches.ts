// What the steps of an adaptation are fed with. Batches are a function of (seed, epoch), so that any step can be entered at once (a resumed run).

import type { Executor, Feed, Store } from '@thaw/tensor'
import type { TransformerConfig } from '../models/config.js'
import { Scope } from '../nn/scope.js'
import { classifierInputs } from '../tasks/classification.js'
import { type EncodedText, lengthGroupedBatches, padded } from '../tasks/inputs.js'
import { paddingSide } from '../tasks/pooling.js'
import { layerMeans } from '../tasks/scalar-mix.js'
import { hash, random } from '../text/random.js'
import type { AdaptSettings } from './settings.js'

type Feeds = Readonly<Record<string, Feed>>

/** The training texts as ids, with their labels' ids. */
export interface EncodedData {
  texts: readonly EncodedText[]
  targets: readonly number[]
  /** Id of the padding token. */
  pad: number
}

/** The feeds of a batch, named by the texts' places, at a step. */
export type FeedsOf = (batch: readonly number[], step: number) => Feeds

const labelFeed = (targets: readonly number[], batch: readonly number[]): Feed => ({
  data: Int32Array.from(batch, (i) => targets[i]!),
  shape: [batch.length],
})

/** Ids, padded on the pooling's side. */
export const tokenFeeds =
  ({ texts, targets, pad }: EncodedData, settings: AdaptSettings): FeedsOf =>
  (batch) => {
    const rows = batch.map((i) => texts[i]!.ids)
    return { ...padded(rows, paddingSide(settings.pooling), pad, settings.maxLength), labels: labelFeed(targets, batch) }
  }

/** Texts of one run of the frozen backbone. */
const textsPerRun = 64

/** What a frozen backbone makes of texts: each layer's mean. */
export interface Features {
  /** Those of some texts: `means` [texts, layers + 1, hidden]. */
  feed(texts: readonly number[]): Feed
}

/** The frozen backbone runs once over texts. */
export async function frozenFeatures(
  executor: Executor,
  config: TransformerConfig,
  params: Store,
  texts: readonly EncodedText[],
  { pad, maxLength }: { pad: number; maxLength: number },
): Promise<Features> {
  const program = await executor.compile({ outputs: { means: layerMeans(new Scope(), config, classifierInputs()) } }, { inference: true })
  const width = (config.layers + 1) * config.hidden
  const means = new Float32Array(texts.length * width)
  const order = texts.map((_, i) => i).sort((a, b) => texts[a]!.ids.length - texts[b]!.ids.length || a - b)
  for (let at = 0; at < order.length; at += textsPerRun) {
    const batch = order.slice(at, at + textsPerRun)
    const rows = batch.map((i) => texts[i]!.ids)
    const { outputs } = await program.bind({ params }).run({ feeds: padded(rows, 'right', pad, maxLength) })
    const data = outputs.means!.data as Float32Array
    batch.forEach((i, r) => {
      means.set(data.subarray(r * width, (r + 1) * width), i * width)
    })
  }
  await program.dispose()
  return {
    feed(wanted) {
      const data = new Float32Array(wanted.length * width)
      wanted.forEach((i, r) => {
        data.set(means.subarray(i * width, (i + 1) * width), r * width)
      })
      return { data, shape: [wanted.length, config.layers + 1, config.hidden] }
    },
  }
}

/** Features in the place of tokens. */
export const featureFeeds =
  (features: Features, targets: readonly number[]): FeedsOf =>
  (batch) => ({ means: features.feed(batch), labels: labelFeed(targets, batch) })

/** The batches of each step, through as many epochs as are asked for, from any step on. `onBatch` hears of the tokens of each. */
export async function* trainingBatches(
  texts: readonly EncodedText[],
  settings: AdaptSettings,
  from: number,
  feedsOf: (batch: readonly number[], step: number) => Feeds | Promise<Feeds>,
  onBatch: (tokens: number) => void,
): AsyncGenerator<Feeds[]> {
  const lengths = texts.map((x) => x.ids.length)
  const perEpoch = Math.ceil(texts.length / settings.batch)
  for (let epoch = Math.floor(from / perEpoch); ; epoch++) {
    const generator = random(hash(settings.seed, epoch))
    const batches = generator.shuffle(lengthGroupedBatches(lengths, settings.batch, generator.shuffle(lengths.map((_, i) => i))))
    const start = Math.max(0, from - epoch * perEpoch)
    for (const [i, batch] of batches.slice(start).entries()) {
      onBatch(batch.reduce((sum, text) => sum + lengths[text]!, 0))
      yield [await feedsOf(batch, epoch * perEpoch + start + i)]
    }
  }
}
