// What the steps of an adaptation are fed with. Batches are a function of (seed, epoch), so that any step can be entered at once (a resumed run).

import type { Executor, Feed, Store } from '@thaw/tensor'
import type { TransformerConfig } from '../models/config.js'
import { Scope } from '../nn/scope.js'
import { classifierInputs } from '../tasks/classification.js'
import { type EncodedText, exampleFeeds, lengthGroupedBatches } from '../tasks/inputs.js'
import { paddingSide } from '../tasks/pooling.js'
import { layerMeans } from '../tasks/scalar-mix.js'
import { hash, random } from '../text/random.js'
import type { AdaptSettings } from './settings.js'

type Feeds = Readonly<Record<string, Feed>>

/** The training examples as ids, with their labels. */
export interface EncodedData {
  /** Of each example its rows: one, two towers, or a candidate each. */
  rows: readonly (readonly EncodedText[])[]
  /** The labels of a batch, as the loss is fed with them. */
  labels: LabelFeed
  /** Id of the padding token. */
  pad: number
  /** Token types are fed. */
  segments: boolean
}

/** The feed of a batch's labels, by the texts' places. */
export type LabelFeed = (batch: readonly number[]) => Feed

/** The feeds of a batch, named by the texts' places, at a step. */
export type FeedsOf = (batch: readonly number[], step: number) => Feeds

/** Ids, padded on the pooling's side, and labels. */
export const tokenFeeds =
  ({ rows, pad, segments, labels }: EncodedData, settings: AdaptSettings): FeedsOf =>
  (batch) => {
    const examples = batch.map((i) => rows[i]!)
    const feeds = exampleFeeds(examples, { side: paddingSide(settings.pooling), pad, segments })
    return { ...feeds, labels: labels(batch) }
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
  { pad, segments }: { pad: number; segments: boolean },
): Promise<Features> {
  const program = await executor.compile({ outputs: { means: layerMeans(new Scope(), config, classifierInputs({ segments })) } }, { inference: true })
  const width = (config.layers + 1) * config.hidden
  const means = new Float32Array(texts.length * width)
  const order = texts.map((_, i) => i).sort((a, b) => texts[a]!.ids.length - texts[b]!.ids.length || a - b)
  for (let at = 0; at < order.length; at += textsPerRun) {
    const batch = order.slice(at, at + textsPerRun)
    const rows = batch.map((i) => [texts[i]!])
    const { outputs } = await program.bind({ params }).run({ feeds: exampleFeeds(rows, { side: 'right', pad, segments }) })
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
  (features: Features, { labels }: EncodedData): FeedsOf =>
  (batch) => ({ means: features.feed(batch), labels: labels(batch) })

/** The batches of each step, through as many epochs as are asked for, from any step on. `onBatch` hears of the tokens of each. */
export async function* trainingBatches(
  rows: EncodedData['rows'],
  settings: AdaptSettings,
  from: number,
  feedsOf: (batch: readonly number[], step: number) => Feeds | Promise<Feeds>,
  onBatch: (tokens: number) => void,
): AsyncGenerator<Feeds[]> {
  const lengths = rows.map((some) => Math.max(...some.map((row) => row.ids.length)))
  const perEpoch = Math.ceil(rows.length / settings.batch)
  for (let epoch = Math.floor(from / perEpoch); ; epoch++) {
    const generator = random(hash(settings.seed, epoch))
    const batches = generator.shuffle(lengthGroupedBatches(lengths, settings.batch, generator.shuffle(lengths.map((_, i) => i))))
    const start = Math.max(0, from - epoch * perEpoch)
    for (const [at, batch] of batches.slice(start).entries()) {
      onBatch(batch.reduce((sum, i) => sum + rows[i]!.reduce((tokens, row) => tokens + row.ids.length, 0), 0))
      yield [await feedsOf(batch, epoch * perEpoch + start + at)]
    }
  }
}
