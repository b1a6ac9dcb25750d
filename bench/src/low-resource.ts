// The low-resource curve: TREC-6 with 10, 50, 100, 500 and all labels, for TF-IDF with a linear classifier, the same model from random values, the frozen one,
// gradual unfreezing with discriminative and triangular rates, and full fine-tuning of our causal Wikipedia checkpoint. Draws are nested (the first 10 of a draw
// are among its first 50) and the same for every scheme: ten for up to 100 labels, three above. Every run has 400 steps. Validation comes out of the
// label budget, a fifth of it; below 100 labels there is none: the last epoch is kept, and settings are those that the draws of 500 chose. Two runs of one thread each at a
// time, kept in bench/.cache/low-resource.jsonl.

import {
  type Dataset,
  discriminativeRates,
  gradualUnfreezing,
  type Keep,
  type LabelledText,
  load,
  meanDeviation,
  random,
  readTrec,
  recipe,
  slantedTriangular,
  split,
} from 'thaw'
import { lineDrawing } from '../../packages/thaw/dist/report/charts.js'
import { type Adapted, accuracyOf, adaptOnce, type Settings, tfidfRight } from './adapted.js'
import type { BenchOptions } from './benchmark.js'
import { dataFolder } from './data.js'
import { packaged } from './folders.js'
import type { Row } from './row.js'
import { keptRuns, limited } from './runs.js'
import { best } from './statistics.js'

export const about = 'TREC-6 from 10 labels to all: TF-IDF, from scratch, frozen, gradual + discriminative + triangular, full (hours, resumable)'

/** In the README's table: what a hundred labels bring. */
export const headline = ({ config }: Row): string | undefined =>
  config.labels === 100 ? `TREC-6 from 100 labels: ${names[String(config.name)]}` : undefined

const bench = 'low-resource'
const batch = 32

/** What each scheme tries where it may choose. */
const candidates: Record<string, readonly Settings[]> = {
  scratch: [3e-4, 1e-3].map((rate) => ({ scheme: 'scratch', pooling: 'max', rate })),
  frozen: [1e-2, 3e-2].map((rate) => ({ scheme: 'frozen', rate })),
  gradual: [3e-4, 1e-3].map((rate) => ({ pooling: 'max', rate })),
  full: [3e-4, 6e-4].map((rate) => ({ pooling: 'max', rate })),
}

interface Budget {
  labels: number
  draws: number
}

interface Drawn {
  train: LabelledText[]
  /** Where nothing is held out, some training example, which decides nothing. */
  valid: LabelledText[]
  keep: Keep
}

/** The first `n` of a draw, and what of them is held out. */
function drawn(examples: readonly LabelledText[], n: number, draw: number): Drawn {
  const some = random(draw)
    .shuffle([...examples])
    .slice(0, n)
  if (n < 100) return { train: some, valid: some.slice(0, 1), keep: 'last' }
  return { ...split(some as never, { fraction: 0.2, seed: draw }), keep: 'best' }
}

export async function run({ quick, only, log }: BenchOptions): Promise<Row[]> {
  const backbone = await load(packaged.causal)
  const all = await readTrec(`${dataFolder()}/trec`)
  const examples = [...all.train, ...all.valid]
  const steps = quick ? 6 : 400
  const budgets: Budget[] = quick
    ? [10, 100].map((labels) => ({ labels, draws: 2 }))
    : [10, 50, 100, 500, examples.length].map((labels) => ({ labels, draws: labels <= 100 ? 10 : 3 }))
  const test = quick ? all.test.slice(0, 50) : all.test
  const once = keptRuns(quick ? `${bench}-quick` : bench)

  const inTurn = limited(2)
  const adapted = (scheme: string, settings: Settings, labels: number, draw: number): Promise<Adapted> =>
    once({ scheme, settings, labels, draw, steps }, async () => {
      const { train, valid, keep } = drawn(examples, labels, draw)
      const perEpoch = Math.ceil(train.length / Math.min(batch, train.length))
      const epochs = Math.ceil(steps / perEpoch)
      // one more layer after each sixth of the run, whatever an epoch is
      const interval = steps / perEpoch / (backbone.config.layers + 2)
      const made = recipe(gradualUnfreezing({ epochs: interval }), discriminativeRates({ decay: 0.9 }), slantedTriangular())
      const data: Dataset = { ...all, train: train as never, valid: valid as never, test }
      const more = { ...(scheme === 'gradual' ? { recipe: made } : {}), keep, epochs, batch: Math.min(batch, train.length), seed: draw }
      const result = await inTurn(() => adaptOnce(backbone, data, { ...settings, ...more }, 1))
      log(`${scheme}, ${labels} labels, draw ${draw}: test ${accuracyOf(result.right).toFixed(1)} %, ${result.seconds.toFixed(0)} s`)
      return result
    })

  /** The settings that the validation of these draws prefers. */
  const choose = async (scheme: string, { labels, draws }: Budget): Promise<Settings> => {
    const tried = candidates[scheme]!.slice(0, quick ? 1 : undefined)
    const few = Array.from({ length: Math.min(3, draws) }, (_, i) => i + 1)
    const results = await Promise.all(
      tried.map(async (settings) => {
        const runs = await Promise.all(few.map((draw) => adapted(scheme, settings, labels, draw)))
        return meanDeviation(runs.map(({ valid }) => valid)).mean
      }),
    )
    return best(tried, results)
  }

  const rows: Row[] = []
  const row = (scheme: string, { labels, draws }: Budget, values: readonly number[], settings: object = {}): Row => {
    const { mean, deviation } = meanDeviation(values)
    return {
      bench,
      config: { name: scheme, labels, draws, ...settings },
      metric: 'test_accuracy',
      unit: '%',
      ours: mean,
      seeds: values.length,
      sd: deviation,
    }
  }
  const studied = async (scheme: string, budget: Budget): Promise<Row> => {
    const draws = Array.from({ length: budget.draws }, (_, i) => i + 1)
    const budgetOf = (draw: number) =>
      random(draw)
        .shuffle([...examples])
        .slice(0, budget.labels)
    if (scheme === 'tfidf')
      return row(
        scheme,
        budget,
        draws.map((draw) => floor(budgetOf(draw), test)),
      )
    const chooser = budget.labels >= 100 ? budget : { labels: quick ? 100 : 500, draws: quick ? 2 : 3 }
    const settings = await choose(scheme, chooser)
    const runs = await Promise.all(draws.map((draw) => adapted(scheme, settings, budget.labels, draw)))
    return row(
      scheme,
      budget,
      runs.map((x) => accuracyOf(x.right)),
      settings,
    )
  }
  const schemes = ['tfidf', ...Object.keys(candidates)].filter((scheme) => only.length === 0 || only.includes(scheme))
  rows.push(...(await Promise.all(schemes.flatMap((scheme) => budgets.map((budget) => studied(scheme, budget))))))
  return rows
}

/** All labels of the budget go to the floor's training: it chooses its strength by folds of them. */
const floor = (train: readonly LabelledText[], test: readonly LabelledText[]): number => accuracyOf(tfidfRight(train, test).right)

const names: Readonly<Record<string, string>> = {
  tfidf: 'TF-IDF + linear',
  scratch: 'from scratch',
  frozen: 'frozen',
  gradual: 'gradual + discriminative + triangular',
  full: 'full',
}

/** The curves of all schemes. */
export function drawing(rows: readonly Row[]): string {
  const schemes = Object.keys(names).filter((name) => rows.some(({ config }) => config.name === name))
  const series = schemes.map((scheme) => ({
    name: names[scheme]!,
    points: rows.filter(({ config }) => config.name === scheme).map(({ config, ours }) => [config.labels as number, ours] as const),
  }))
  return lineDrawing({ title: 'TREC-6 with few labels', x: { title: 'labels', log: true }, y: { title: 'test accuracy, %' }, series })
}
