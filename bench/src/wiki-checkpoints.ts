// The checkpoints that come with the repository (packages/wiki-causal, packages/wiki-masked): pretrained on Wikipedia, adapted to TREC-6 and SST-2 with five
// seeds beside TF-IDF with a linear classifier, and, with `wiki-checkpoints package`, written as packages with their cards.
//
// Settings of the adaptation are chosen on held-out training examples (seed 1), never on the test split. SST-2 is a fixed subset of 5,000 of its
// training phrases (another 500 choose), tested on the labelled 1,821 sentences. Runs are kept in bench/.cache, so all of it goes on where it was stopped.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Backbone,
  type Dataset,
  load,
  meanDeviation,
  type PretrainReport,
  type PretrainSettings,
  pretrain,
  readExamples,
  readTrec,
  sameText,
  subset,
} from 'thaw'
import { type Adapted, accuracyOf, adaptOnce, type Settings, tfidfRight } from './adapted.js'
import type { BenchOptions } from './benchmark.js'
import { dataFolder, modelsFolder } from './data.js'
import { packaged } from './folders.js'
import { wikiCheckpoint } from './pretrain-wiki.js'
import type { Row } from './row.js'
import { cacheFolder, keptRuns } from './runs.js'
import { pairedBootstrap, verdict } from './statistics.js'
import { writePackage } from './wiki-packages.js'

export const about = 'the checkpoints of packages/wiki-*: pretraining (masked: over an hour), TREC-6 and SST-2 with five seeds; `package` writes them'

/** In the README's table. */
export const headline = ({ config, metric }: Row): string | undefined =>
  metric === 'test_accuracy' ? `${String(config.checkpoint)} on ${nameOf[String(config.task)]}` : undefined

const bench = 'wiki-checkpoints'
const seeds = [1, 2, 3, 4, 5]

export const maskedCheckpoint = `${cacheFolder}/wiki-masked`

/** How the masked model was pretrained; the causal one is that of `pretrain-wiki`. */
const maskedSettings = (): Partial<PretrainSettings> & { text: string[] } => ({
  objective: 'masked',
  size: 'tiny',
  vocabulary: 16_000,
  teacher: `${modelsFolder()}/all-MiniLM-L6-v2`,
  text: [`${dataFolder()}/wiki/wiki-0[0-3].txt.br`],
  documents: 'articles',
  batch: 8,
  steps: 6000,
  rate: 1e-3,
  validateEvery: 1000,
})

/** What is tried on the held-out examples of each task. */
const candidates: Settings[] = [
  { pooling: 'max', rate: 3e-4, epochs: 8 },
  { pooling: 'mean', rate: 3e-4, epochs: 8 },
  { pooling: 'mean', rate: 6e-4, epochs: 8 },
]

export async function run({ quick, only, log }: BenchOptions): Promise<Row[]> {
  const chosen = (names: readonly string[]) => {
    const named = names.filter((name) => only.includes(name))
    return named.length === 0 ? names : named
  }
  const once = keptRuns(quick ? `${bench}-quick` : bench)
  const folders: Record<string, () => Promise<string>> = {
    masked: async () => (quick ? packaged.masked : await pretrained(log)),
    causal: async () => (existsSync(join(wikiCheckpoint, 'config.json')) ? wikiCheckpoint : packaged.causal),
  }
  const rows: Row[] = []
  const all = [await trec(quick), await sst2(quick)]
  const names = chosen(all.map(({ name }) => name))
  const tasks = all.filter(({ name }) => names.includes(name))
  for (const name of chosen(Object.keys(folders))) {
    const backbone = await load(await folders[name]!())
    const studies: Study[] = []
    for (const task of tasks) studies.push(await study(name, backbone, task, once, quick, log))
    rows.push(...studies.flatMap((each) => each.rows))
    if (only.includes('package') && !quick)
      log(
        await writePackage(
          name,
          backbone,
          studies.map((each) => each.result),
        ),
      )
  }
  return rows
}

/** The masked checkpoint's folder, pretrained on first use. */
async function pretrained(log: (message: string) => void): Promise<string> {
  const resume = existsSync(join(maskedCheckpoint, 'training', 'run.json'))
  const report: PretrainReport = await pretrain(maskedSettings(), {
    out: maskedCheckpoint,
    resume,
    onEvent(event) {
      if (event.kind === 'step' && event.step % 50 === 0) log(`step ${event.step}: loss ${event.loss.toFixed(3)}`)
      if (event.kind === 'validation') log(`step ${event.step}: perplexity ${event.report.perToken.toFixed(1)} at a masked place`)
    },
  })
  log(`wiki-masked: ${report.steps} steps, ${report.tokens} tokens, perplexity ${report.validation?.perToken.toFixed(1)} at a masked place`)
  return maskedCheckpoint
}

interface Study {
  rows: Row[]
  /** For the card. */
  result: { dataset: string; split: string; metric: string; values: number[] }
}

interface Task {
  name: string
  data: Dataset
}

async function trec(quick: boolean): Promise<Task> {
  const data = await readTrec(`${dataFolder()}/trec`)
  return { name: 'trec-6', data: quick ? { ...data, train: subset(data.train, 200, 1) } : data }
}

async function sst2(quick: boolean): Promise<Task> {
  const read = (file: string) => readExamples(`${dataFolder()}/sst2/${file}`, { text: ['sentence'], label: 'label' })
  const { examples, labels } = await read('train.tsv')
  const test = (await read('test.tsv')).examples
  const chosen = subset(examples, quick ? 300 : 5500, 1)
  const cut = Math.round(chosen.length / 11)
  const valid = chosen.slice(0, cut)
  const held = new Set(valid.map(sameText))
  return { name: 'sst-2', data: { labels, valid, train: chosen.slice(cut).filter((example) => !held.has(sameText(example))), test } }
}

async function study(
  name: string,
  backbone: Backbone,
  { name: task, data }: Task,
  once: ReturnType<typeof keptRuns>,
  quick: boolean,
  log: (message: string) => void,
): Promise<Study> {
  const train = (settings: Settings, seed: number) =>
    once({ checkpoint: name, task, ...settings, seed }, async () => {
      const result = await adaptOnce(backbone, data, { ...settings, ...(quick ? { epochs: 1 } : {}), seed }, 1)
      log(`${name} ${task} ${JSON.stringify(settings)} seed ${seed}: valid ${(100 * result.valid).toFixed(1)} %, ${result.seconds.toFixed(0)} s`)
      return result
    })
  let settings = candidates[0]!
  let best = -1
  for (const candidate of candidates) {
    const { valid } = await train(candidate, 1)
    if (valid > best) [best, settings] = [valid, candidate]
  }
  const results: Adapted[] = []
  for (const seed of quick ? [1] : seeds) results.push(await train(settings, seed))
  const { right: floor } = tfidfRight([...data.train, ...data.valid], data.test)
  const values = results.map((x) => accuracyOf(x.right))
  const { mean, deviation } = meanDeviation(values)
  const difference = pairedBootstrap(
    results.map((x) => x.right),
    results.map(() => floor),
    { seed: 1 },
  )
  const config = {
    checkpoint: `wiki-${name}`,
    task,
    ...settings,
    train: data.train.length,
    seconds: Math.round(meanDeviation(results.map((x) => x.seconds)).mean),
  }
  const rows: Row[] = [
    {
      ...{ bench, config, metric: 'test_accuracy', unit: '%', ours: mean, peer: accuracyOf(floor), peerName: 'TF-IDF + linear' },
      ...{ ratio: mean / accuracyOf(floor), seeds: results.length, sd: deviation ?? 0 },
    },
    {
      ...{ bench, config: { ...config, low: 100 * difference.low, high: 100 * difference.high, verdict: verdict(difference) } },
      ...{ metric: 'points_over_tfidf', unit: 'points', ours: 100 * difference.difference, seeds: results.length },
    },
  ]
  return { rows, result: { dataset: nameOf[task]!, split: 'test', metric: 'accuracy', values: values.map((x) => x / 100) } }
}

const nameOf: Record<string, string> = { 'trec-6': 'TREC-6', 'sst-2': 'SST-2' }
