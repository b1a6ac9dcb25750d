// TREC-6 (Li & Roth 2002) with the published encoder all-MiniLM-L6-v2: fully fine-tuned, with lean Houlsby adapters, with LoRA, frozen with a linear classifier
// on a learned mix of its layers, and with a schedule of layers and rates. Settings of each scheme, and the scheme that is put forward (`config.chosen`), are
// chosen by the mean accuracy on three held-out tenths of the training questions, never on the test questions. What was chosen is then trained on all 5,452
// questions with five seeds, its last epoch kept, and meets the test questions once. Two runs of one thread each at a time, kept in bench/.cache.

import {
  discriminativeRates,
  gradualUnfreezing,
  houlsby,
  linearSchedule,
  load,
  lora,
  meanDeviation,
  readTrec,
  recipe,
  sameText,
  slantedTriangular,
  split,
  subset,
} from 'thaw'
import { type Adapted, accuracyOf, adaptOnce, type Settings } from './adapted.js'
import type { BenchOptions } from './benchmark.js'
import { dataFolder, modelsFolder } from './data.js'
import type { Row } from './row.js'
import { keptRuns, limited } from './runs.js'
import { best, mean, pairedBootstrap, verdict } from './statistics.js'

export const about =
  'TREC-6 with a published encoder: full, lean Houlsby, LoRA, frozen, best schedule; five seeds, chosen on validation (hours, resumable)'

/** In the README's table. */
export const headline = ({ config, metric }: Row): string | undefined =>
  metric === 'test_accuracy' ? `TREC-6 with all-MiniLM-L6-v2: ${String(config.scheme)}${config.chosen ? ' (chosen on validation)' : ''}` : undefined

const bench = 'adapt-published'
const seeds = [1, 2, 3, 4, 5]
/** Seeds of the held-out tenths that choose, the first as `readTrec` has it; one alone cannot tell apart what differs by a point. */
const splits = [1, 2, 3]

/** The same for all that run through the encoder: six epochs of batches of 32, mean pooling, a larger rate for the new head. */
const common: Settings = { pooling: 'mean', epochs: 6, batch: 32, keep: 'last' }
const tuned = (rate: number): Settings => ({ ...common, rate, headFactor: 1e-3 / rate })

/** What is tried on the held-out questions. Adapters, which move little, are tried for twice as long too (Houlsby et al. 2019, section 3.1, tries 3 and 20 epochs). */
const candidates: Record<string, readonly Settings[]> = {
  full: [tuned(1e-4), tuned(2e-4)],
  houlsby: [6, 12].map((epochs) => ({ ...common, epochs, rate: 1e-3, recipe: recipe(houlsby({ size: 64 })) })),
  lora: [1e-3, 3e-3].map((rate) => ({ ...common, rate, recipe: recipe(lora({ rank: 8 })) })),
  frozen: [1e-2, 3e-2].map((rate) => ({ scheme: 'frozen', rate, epochs: 60, batch: 32, keep: 'last' })),
  scheduled: [
    { ...tuned(2e-4), recipe: recipe(gradualUnfreezing({ epochs: 0.5 }), discriminativeRates({ decay: 0.9 }), slantedTriangular()) },
    { ...tuned(2e-4), recipe: recipe(discriminativeRates({ decay: 0.9 }), linearSchedule()) },
  ],
}

interface Study {
  settings: Settings
  /** Accuracy on the questions held out, one a split. */
  valids: number[]
  /** Trained on all questions, one a seed. */
  runs: Adapted[]
}

const score = ({ valids }: { valids: readonly number[] }): number => mean(valids)

export async function run({ quick, only, log }: BenchOptions): Promise<Row[]> {
  const backbone = await load(`${modelsFolder()}/all-MiniLM-L6-v2`)
  const all = await readTrec(`${dataFolder()}/trec`)
  const whole = [...all.train, ...all.valid]
  const data = quick ? { ...all, train: subset(all.train, 48, 1), valid: all.valid.slice(0, 16), test: all.test.slice(0, 32) } : all
  const train = [...data.train, ...data.valid]
  const once = keptRuns(quick ? `${bench}-quick` : bench)
  const inTurn = limited(2)
  /** Trained on the part that the split of the same seed leaves, or on all questions. */
  const adapted = (name: string, settings: Settings, seed: number, on: 'part' | 'all'): Promise<Adapted> =>
    once({ ...settings, seed, on }, () =>
      inTurn(async () => {
        const sides = on === 'all' ? { train } : seed === splits[0] ? {} : split(train, { fraction: 0.1, seed })
        const result = await adaptOnce(backbone, { ...data, ...sides }, { ...settings, ...(quick ? { epochs: 1 } : {}), seed }, 1)
        const validation = on === 'part' ? `validation ${(100 * result.valid).toFixed(1)} %` : 'on all questions'
        log(`${name} seed ${seed}: ${validation}, ${result.seconds.toFixed(0)} s (${JSON.stringify(settings)})`)
        return result
      }),
    )

  const validated = async (name: string) => {
    const tried = await Promise.all(
      candidates[name]!.slice(0, quick ? 1 : undefined).map(async (settings) => {
        const runs = await Promise.all(splits.slice(0, quick ? 1 : undefined).map((seed) => adapted(name, settings, seed, 'part')))
        return { name, settings, valids: runs.map(({ valid }) => valid) }
      }),
    )
    return best(tried, tried.map(score))
  }
  // all of them, whatever was asked for: the scheme is chosen from all
  const choices = await Promise.all(Object.keys(candidates).map(validated))
  const chosen = best(choices, choices.map(score)).name
  const studied = async ({ name, settings, valids }: (typeof choices)[number]): Promise<[string, Study]> => {
    const runs = await Promise.all((quick ? seeds.slice(0, 2) : seeds).map((seed) => adapted(name, settings, seed, 'all')))
    return [name, { settings, valids, runs }]
  }
  const results = new Map(await Promise.all(choices.filter(({ name }) => only.length === 0 || only.includes(name)).map(studied)))
  const rows: Row[] = []
  // eleven test questions occur among the training questions: with and without them
  const seen = new Set(whole.map(sameText))
  const fresh = data.test.map((example) => !seen.has(sameText(example)))
  for (const [scheme, { settings, valids, runs }] of results) {
    const seconds = Math.round(meanDeviation(runs.map((x) => x.seconds)).mean)
    const config = { scheme, chosen: scheme === chosen, ...settings, seconds }
    const row = (metric: string, values: readonly number[]): Row => {
      const { mean: ours, deviation: sd } = meanDeviation(values)
      return { bench, config, metric, unit: '%', ours, seeds: values.length, sd }
    }
    const { trained, parameters } = runs[0]!
    rows.push(
      row(
        'test_accuracy',
        runs.map((x) => accuracyOf(x.right)),
      ),
      row(
        'test_accuracy_unseen',
        runs.map((x) => accuracyOf(x.right.filter((_, i) => fresh[i]))),
      ),
      row(
        'valid_accuracy',
        valids.map((valid) => 100 * valid),
      ),
      { bench, config, metric: 'trained_share', unit: '%', ours: (100 * trained) / parameters },
    )
  }
  const full = results.get('full')
  for (const name of ['houlsby', 'lora', 'frozen', 'scheduled']) {
    const other = results.get(name)
    if (!full || !other) continue
    const rights = (runs: readonly Adapted[]) => runs.map((x) => x.right)
    const difference = pairedBootstrap(rights(other.runs), rights(full.runs), { seed: 1 })
    const config = { name: `${name} less full`, low: 100 * difference.low, high: 100 * difference.high, verdict: verdict(difference) }
    rows.push({ bench, config, metric: 'accuracy_difference', unit: 'points', ours: 100 * difference.difference, seeds: other.runs.length })
  }
  return rows
}
