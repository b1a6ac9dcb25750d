// Which layers' adapters matter (Houlsby et al. 2019, figure 6): packages/wiki-masked on TREC-6, three epochs, five seeds; what the recipe put into each span of
// layers is switched off after training, and the 545 held-out questions say what is lost. Two models of one thread each are trained at a time, and each run is
// kept in bench/.cache.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AdapterAblation, adapt, adapterAblation, classification, load, meanDeviation, readTrec, recipes, subset } from 'thaw'
import type { BenchOptions } from './benchmark.js'
import { dataFolder } from './data.js'
import { packaged } from './folders.js'
import type { Row } from './row.js'
import { keptRuns, limited } from './runs.js'

export const about = "what adapters in each span of layers bring: switched off after training, on TREC-6's held-out questions (resumable)"

/** None of its rows is in the README's table. */
export const headline = (): undefined => undefined

const bench = 'adapter-ablation'
const schemes = { houlsby: 3e-3, 'convolution-adapters': 3e-3, 'attention-adapters': 3e-3, 'parallel-adapter': 3e-3, lora: 3e-3, ia3: 3e-3 } as const
type Scheme = keyof typeof schemes

export async function run({ quick, only, log }: BenchOptions): Promise<Row[]> {
  const once = keptRuns(quick ? `${bench}-quick` : bench)
  const all = await readTrec(`${dataFolder()}/trec`)
  const data = quick ? { ...all, train: subset(all.train, 48, 1), valid: all.valid.slice(0, 48) } : all
  const backbone = await load(packaged.masked)
  const inTurn = limited(2)
  const ablated = (scheme: Scheme, seed: number) => async (): Promise<AdapterAblation> => {
    const settings = { epochs: quick ? 1 : 3, rate: schemes[scheme], seed }
    const { model } = await adapt(backbone, classification({ labels: data.labels }), {
      ...{ ...settings, train: data.train, valid: data.valid, recipe: recipes[scheme](), threads: 1 },
    })
    const folder = await mkdtemp(join(tmpdir(), 'thaw-ablation-'))
    try {
      await model.save(folder)
      await model.dispose()
      const ablation = await adapterAblation(await load(folder), data.valid, { threads: 1 })
      log(`${scheme}, seed ${seed}: ${(100 * ablation.score).toFixed(1)} % with all`)
      return ablation
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
  const names = (Object.keys(schemes) as Scheme[]).filter((name) => only.length === 0 || only.includes(name)).slice(0, quick ? 1 : undefined)
  const seeds = quick ? [1] : [1, 2, 3, 4, 5]
  const rows = names.map(async (scheme) => {
    const ablations = await Promise.all(seeds.map((seed) => inTurn(() => once({ scheme, seed, rate: schemes[scheme] }, ablated(scheme, seed)))))
    return rowsOf(scheme, ablations)
  })
  return (await Promise.all(rows)).flat()
}

function rowsOf(scheme: string, ablations: readonly AdapterAblation[]): Row[] {
  const row = (config: Record<string, unknown>, metric: string, unit: string, values: readonly number[]): Row => {
    const { mean, deviation } = meanDeviation(values.map((value) => 100 * value))
    return { bench, config: { scheme, ...config }, metric, unit, ours: mean, seeds: values.length, sd: deviation }
  }
  const [{ spans }] = ablations as [AdapterAblation]
  return [
    row(
      {},
      'valid_accuracy',
      '%',
      ablations.map(({ score }) => score),
    ),
    ...spans.map(({ from, to }, i) =>
      row(
        { from, to },
        'lost',
        'points',
        ablations.map(({ score, spans }) => score - spans[i]!.score),
      ),
    ),
  ]
}
