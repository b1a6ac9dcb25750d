// What computing the frozen layers once saves: the published encoder (6 layers × 384) on TREC questions, with nothing but the head, the top layer, or the
// top three layers in training, each with the cache of frozen outputs and without. The same losses (dropout 0) but for rounding are a condition: the
// cache is filled in other batches than the steps'. Two threads; the runs alternate; steps of the second epoch are timed, when the cache is filled; filling it is a row of its own.

import { adapt, type Backbone, classification, type Dataset, load, newOnly, type Recipe, readTrec, recipe, subset, topOnly } from 'thaw'
import type { BenchOptions } from './benchmark.js'
import { dataFolder, modelsFolder } from './data.js'
import { type Row, ratio } from './row.js'
import { median } from './statistics.js'

export const about = 'steps that train the head, one or three of six layers, with the outputs of the frozen layers cached, beside the same without'

/** In the README's table. */
export const headline = ({ config, metric }: Row): string | undefined =>
  metric === 'milliseconds' ? `A step that trains the ${String(config.name)} with the frozen layers' outputs cached` : undefined

const bench = 'frozen-cache'
/** Largest difference of two losses that rounding explains. */
const rounding = 1e-3
const schemes: Readonly<Record<string, Recipe>> = {
  head: recipe(newOnly()),
  'top layer': recipe(topOnly()),
  'top 3 layers': recipe(topOnly({ layers: 3 })),
}

interface Timed {
  losses: number[]
  /** Of the second epoch's steps. */
  milliseconds: number[]
  filling: number
  bytes: number
}

async function timed(backbone: Backbone, { train, labels }: Pick<Dataset, 'train' | 'labels'>, made: Recipe, frozenCache: number): Promise<Timed> {
  const batch = 32
  const losses: number[] = []
  const milliseconds: number[] = []
  let last = 0
  const { model, report } = await adapt(backbone, classification({ labels }), {
    ...{ train, valid: train.slice(0, batch), recipe: made, epochs: 2, batch, rate: 1e-3, dropout: 0, pooling: 'mean', threads: 2, frozenCache },
    onEvent(event) {
      if (event.kind !== 'step') return
      const now = performance.now()
      // the first step of an epoch follows a validation
      if (event.step > train.length / batch + 1) milliseconds.push(now - last)
      last = now
      losses.push(event.loss)
    },
  })
  await model.dispose()
  const [cached] = report.cached
  return { losses, milliseconds, filling: cached?.seconds ?? 0, bytes: cached?.bytes ?? 0 }
}

export async function run({ quick, only, log }: BenchOptions): Promise<Row[]> {
  const backbone = await load(`${modelsFolder()}/all-MiniLM-L6-v2`)
  const full = await readTrec(`${dataFolder()}/trec`)
  const data = { train: subset(full.train, quick ? 64 : 512, 1), labels: full.labels }
  const rounds = quick ? 1 : 5
  const rows: Row[] = []
  for (const [name, made] of Object.entries(schemes)) {
    if (only.length > 0 && !only.some((word) => name.includes(word))) continue
    const times = { with: [] as number[], without: [] as number[], filling: [] as number[] }
    let [bytes, apart] = [0, 0]
    for (let round = 0; round < rounds; round++) {
      const [with_, without] = [await timed(backbone, data, made, 2 ** 30), await timed(backbone, data, made, 0)]
      for (const [i, loss] of with_.losses.entries()) apart = Math.max(apart, Math.abs(loss - without.losses[i]!))
      if (!(apart < rounding)) throw new Error(`${bench}: ${name}: losses with the cache and without are ${apart} apart, more than ${rounding}`)
      times.with.push(median(with_.milliseconds))
      times.without.push(median(without.milliseconds))
      times.filling.push(with_.filling)
      bytes = with_.bytes
      log(`${name}: ${median(with_.milliseconds).toFixed(1)} ms a step with the cache, ${median(without.milliseconds).toFixed(1)} ms without`)
    }
    const config = { name, model: 'all-MiniLM-L6-v2', examples: data.train.length, batch: 32, threads: 2, alternations: rounds }
    const [mine, other] = [median(times.with), median(times.without)]
    rows.push(
      {
        bench,
        config,
        metric: 'milliseconds',
        unit: 'ms',
        ours: mine,
        peer: other,
        peerName: 'without the cache',
        ratio: ratio(mine, other, 'lower'),
      },
      { bench, config, metric: 'filling', unit: 's', ours: median(times.filling) },
      { bench, config, metric: 'cache', unit: 'MB', ours: bytes / 1e6 },
      { bench, config, metric: 'largest_loss_difference', unit: 'nats', ours: apart },
    )
  }
  return rows
}
