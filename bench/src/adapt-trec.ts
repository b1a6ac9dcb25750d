// TREC-6 (Li & Roth 2002) with the causal model of packages/wiki-causal: frozen, fully fine-tuned, and from scratch with the tutorial's settings
// and with settings of its own, over five seeds, beside TF-IDF with a linear classifier. Settings are chosen on 545 training questions held out
// for it (seed 1), never on the test questions. Runs are kept in bench/.cache/adapt-trec.jsonl, so the benchmark goes on where it was stopped.

import { type Backbone, type Dataset, load, meanDeviation, readTrec, sameText, subset, tutorialSettings } from 'thaw'
import { type Adapted, accuracyOf, adaptOnce, type Settings, tfidfRight } from './adapted.js'
import type { BenchOptions } from './benchmark.js'
import { dataFolder } from './data.js'
import { packaged } from './folders.js'
import type { Row } from './row.js'
import { keptRuns } from './runs.js'
import { pairedBootstrap, verdict } from './statistics.js'

export const about = 'TREC-6 after pretraining on Wikipedia: frozen, full and from scratch, five seeds, beside TF-IDF + linear'

/** In the README's table. */
export const headline = ({ config, metric }: Row): string | undefined =>
  metric === 'test_accuracy' && !String(config.name).endsWith('-tutorial')
    ? `TREC-6 from a model pretrained for 80 minutes: ${String(config.name)}`
    : undefined

const bench = 'adapt-trec'
const seeds = [1, 2, 3, 4, 5]

/** What is tried on the held-out questions: as many settings for scratch as for full fine-tuning. */
const candidates: Record<'full' | 'scratch', Settings[]> = {
  full: [
    { pooling: 'max', rate: 3e-4, epochs: 8 },
    { pooling: 'max', rate: 6e-4, epochs: 8 },
  ],
  scratch: [
    { pooling: 'max', rate: 1e-3, epochs: 12 },
    { pooling: 'mean', rate: 1e-3, epochs: 12 },
  ],
}

export async function run({ quick, only, log }: BenchOptions): Promise<Row[]> {
  const backbone = await load(packaged.causal)
  const full = await readTrec(`${dataFolder()}/trec`)
  const data = quick ? { ...full, train: subset(full.train, 200, 1) } : full
  const once = keptRuns(quick ? `${bench}-quick` : bench)
  const wanted = (name: string) => only.length === 0 || only.includes(name)
  const train = (settings: Settings, seed: number) =>
    once({ ...settings, seed }, async () => {
      const result = await trainOne(backbone, data, { ...settings, seed }, quick)
      log(`${JSON.stringify(settings)} seed ${seed}: valid ${percent(result.valid)}, ${result.seconds.toFixed(0)} s`)
      return result
    })
  const choose = async (scheme: 'full' | 'scratch'): Promise<Settings> => {
    let best: { settings: Settings; valid: number } | undefined
    for (const candidate of candidates[scheme].slice(0, quick ? 2 : undefined)) {
      const settings = { scheme, ...candidate }
      const { valid } = await train(settings, 1)
      if (!best || valid > best.valid) best = { settings, valid }
    }
    return best!.settings
  }

  const schemes: [string, () => Promise<Settings>][] = [
    ['frozen', async () => ({ scheme: 'frozen' })],
    ['full', () => choose('full')],
    ['full-tutorial', async () => ({ ...tutorialSettings, scheme: 'full' })],
    ['scratch', () => choose('scratch')],
    ['scratch-tutorial', async () => ({ ...tutorialSettings, scheme: 'scratch' })],
  ]
  const rows: Row[] = wanted('tfidf') ? [floor(data)] : []
  const right = new Map<string, number[][]>()
  for (const [name, settingsOf] of schemes) {
    if (!wanted(name)) continue
    const settings = await settingsOf()
    const results: Adapted[] = []
    for (const seed of quick ? seeds.slice(0, 2) : seeds) results.push(await train(settings, seed))
    right.set(
      name,
      results.map((x) => x.right),
    )
    rows.push(...rowsOf(name, settings, results, data))
  }
  const [ours, control] = [right.get('full'), right.get('scratch')]
  if (ours && control) {
    const difference = pairedBootstrap(ours, control, { seed: 1 })
    rows.push({
      ...{ bench, config: { name: 'full over scratch', low: 100 * difference.low, high: 100 * difference.high, verdict: verdict(difference) } },
      ...{ metric: 'accuracy_difference', unit: 'points', ours: 100 * difference.difference, seeds: ours.length },
    })
  }
  return rows
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`

/** On one thread: two runs side by side (`adapt-trec full`, `adapt-trec scratch`) get more done than one on two threads. */
const trainOne = (backbone: Backbone, data: Dataset, settings: Settings, quick: boolean): Promise<Adapted> =>
  adaptOnce(backbone, data, { ...settings, ...(quick ? { epochs: 1 } : {}) }, 1)

/** Three rows a scheme: on all test questions, on those that are not among the training questions, and on the held-out ones after an epoch. */
function rowsOf(name: string, settings: Settings, results: readonly Adapted[], data: Dataset): Row[] {
  const seen = new Set([...data.train, ...data.valid].map(sameText))
  const fresh = data.test.map((example) => !seen.has(sameText(example)))
  const config = { name, ...settings, trained: results[0]!.trained, seconds: Math.round(meanDeviation(results.map((x) => x.seconds)).mean) }
  const row = (metric: string, values: readonly number[], more = {}): Row => {
    const { mean, deviation } = meanDeviation(values)
    return { bench, config: { ...config, ...more }, metric, unit: '%', ours: mean, seeds: values.length, sd: deviation ?? 0 }
  }
  return [
    row(
      'test_accuracy',
      results.map((x) => accuracyOf(x.right)),
    ),
    row(
      'test_accuracy_unseen',
      results.map((x) => accuracyOf(x.right.filter((_, i) => fresh[i]))),
      { questions: fresh.filter(Boolean).length },
    ),
    row(
      'valid_accuracy_after_one_epoch',
      results.map((x) => 100 * x.epochs[0]!),
    ),
    row(
      'valid_accuracy',
      results.map((x) => 100 * x.valid),
      { after: results[0]!.epochs.map((_, e) => Math.round(1000 * meanDeviation(results.map((x) => x.epochs[e]!)).mean) / 10) },
    ),
  ]
}

function floor({ train, valid, test }: Dataset): Row {
  const { right, regularization } = tfidfRight([...train, ...valid], test)
  return { bench, config: { name: 'tfidf', C: regularization }, metric: 'test_accuracy', unit: '%', ours: accuracyOf(right) }
}
