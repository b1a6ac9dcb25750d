// TREC-6 with our Wikipedia checkpoints, causal and masked: every scheme of adaptation, three seeds; accuracy, trained share, minutes, and what is forgotten of
// the pretraining, on Wikipedia text that was not trained on. Three epochs, as in the tutorial (hands-on 3), but where the scheme needs more. Of two rates a scheme,
// validation chooses one with seed 1. Runs are processes of one thread each, two at a time, and are kept in bench/.cache/adapt-schemes/CHECKPOINT/SCHEME. The
// checkpoints are packages/wiki-causal and packages/wiki-masked, or folders named by THAW_WIKI_CAUSAL and THAW_WIKI_MASKED.

import { join } from 'node:path'
import { type Dataset, load, readTrec, recipes, subset, type TradeOffOptions, type TradeOffRow, tradeOffs } from 'thaw'
import { outcome } from './adapted.js'
import type { BenchOptions } from './benchmark.js'
import { dataFolder, heldOutWikipedia, learntWikipedia } from './data.js'
import { packaged } from './folders.js'
import type { Row } from './row.js'
import { cacheFolder, limited } from './runs.js'
import { best } from './statistics.js'

export const about =
  'TREC-6 with our Wikipedia checkpoints: every scheme of adaptation, three seeds: accuracy, trained share, minutes, forgetting (hours, resumable)'

/** In the README's table: three of the schemes. */
export const headline = ({ config, metric }: Row): string | undefined =>
  metric === 'test_accuracy' && ['full', 'ulmfit', 'houlsby'].includes(String(config.scheme))
    ? `TREC-6 with our Wikipedia checkpoint, ${String(config.checkpoint)}, ${String(config.scheme)}`
    : undefined

const bench = 'adapt-schemes'

const schemes = ['full', 'scratch', 'frozen', ...Object.keys(recipes)]

const epochs = 3
/** A thaw of a layer an epoch takes six for four layers, the embeddings and the head; the other two have defaults of their own. */
const ownEpochs: Readonly<Record<string, number | undefined>> = { 'gradual-unfreezing': 6, ulmfit: 6, scratch: undefined, frozen: undefined }
const settingsOf = (scheme: string): { epochs?: number } => {
  const some = scheme in ownEpochs ? ownEpochs[scheme] : epochs
  return some === undefined ? {} : { epochs: some }
}

/** Of the pull of elastic weight consolidation: between them accuracy is traded for forgetting, so all are reported, with the one that validation prefers marked. */
const strengths = [10, 100, 1000]

const checkpoints = {
  causal: process.env.THAW_WIKI_CAUSAL ?? packaged.causal,
  masked: process.env.THAW_WIKI_MASKED ?? packaged.masked,
}

export async function run({ quick, only, log }: BenchOptions): Promise<Row[]> {
  const all = await readTrec(`${dataFolder()}/trec`)
  const data: Dataset = quick ? { ...all, train: subset(all.train, 48, 1), valid: all.valid.slice(0, 48), test: all.test.slice(0, 48) } : all
  const [pretraining, fisherText] = [await heldOutWikipedia(200_000), await learntWikipedia(quick ? 200_000 : 4_000_000)]
  const wanted = only.filter((word) => schemes.includes(word))
  const inTurn = limited(2)
  const studied = async (name: string, checkpoint: string, scheme: string): Promise<Row[]> => {
    const settings = quick ? { epochs: 1 } : settingsOf(scheme)
    const options: TradeOffOptions = {
      ...{ checkpoint, labels: data.labels, train: data.train, valid: data.valid, test: data.test, pretraining, schemes: [scheme] },
      ...{ out: join(cacheFolder, quick ? `${bench}-quick` : bench, name, scheme), seeds: [1], settings, threads: 1 },
      ...(scheme === 'ewc' ? { fisherText } : {}),
      onRun: ({ seed, result }) => log(`${name}, ${scheme}, seed ${seed}: ${outcome(result, 'valid')}`),
    }
    const tried = async (some: Partial<TradeOffOptions>) => (await tradeOffs({ ...options, ...some })).rows[0]
    const pull = scheme === 'ewc' ? { strengths: { ewc: strengths[1]! } } : {}
    const plain = (await tried(pull))!
    if (quick) return rowsOf(name, plain, settings)
    // undefined where the training diverges
    const faster = await tried({ ...pull, rates: { [scheme]: 3 * plain.rate } })
    const rates = { [scheme]: faster && score(faster) > score(plain) ? faster.rate : plain.rate }
    const seeds = [1, 2, 3]
    if (scheme !== 'ewc') return rowsOf(name, (await tried({ seeds, rates }))!, settings)
    const rows: TradeOffRow[] = []
    for (const ewc of strengths) rows.push((await tried({ seeds, rates, strengths: { ewc } }))!)
    const chosen = best(rows, rows.map(score))
    return rows.flatMap((row) => rowsOf(name, row, { ...settings, strength: row.strength, chosen: row === chosen }))
  }
  const studies: Promise<Row[]>[] = []
  for (const [name, checkpoint] of Object.entries(checkpoints)) {
    if (only.some((word) => ['causal', 'masked'].includes(word)) && !only.includes(name)) continue
    const { config, parameters } = await load(checkpoint)
    const headless = !config.causal && !parameters.has('heads.mlm.bias')
    const possible = (wanted.length > 0 ? wanted : quick ? ['full', 'frozen', 'lora'] : schemes).filter(
      (scheme) => !(headless && scheme === 'old-predictions'),
    )
    studies.push(...possible.map((scheme) => inTurn(() => studied(name, checkpoint, scheme))))
  }
  return (await Promise.all(studies)).flat()
}

const score = ({ valid }: TradeOffRow): number => valid.mean

function rowsOf(checkpoint: string, row: TradeOffRow, settings: object): Row[] {
  const { scheme, rate, trained, parameters, bytes, peakMemory, seconds, valid, test, forgetting } = row
  const config = { checkpoint, scheme, rate: Number(rate.toPrecision(6)), ...settings, bytes, peakMemory }
  const rowOf = (metric: string, unit: string, of: { mean: number; deviation: number; n: number }, factor = 1): Row => ({
    ...{ bench, config, metric, unit, ours: factor * of.mean, seeds: of.n, sd: factor * of.deviation },
  })
  return [
    rowOf('test_accuracy', '%', test!, 100),
    rowOf('valid_accuracy', '%', valid, 100),
    { bench, config, metric: 'trained_share', unit: '%', ours: (100 * trained) / parameters },
    rowOf('training_time', 'minutes', seconds, 1 / 60),
    ...(forgetting ? [rowOf('forgetting', 'nats a token', forgetting)] : []),
  ]
}
