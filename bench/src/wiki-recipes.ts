// How a small model is best pretrained on Wikipedia where time is short: every recipe gets the same minutes of the machine, all cores of it, then TREC-6 and SST-2
// are learnt from its checkpoint with the same settings. What counts is accuracy on held-out examples; the test splits are never looked at.
// Minutes become steps by rehearsals of each kind of step, alone on the machine, before anything is trained (two rounds, the faster one counts: machines have slow
// moments); what comes before the first step (the corpus, vectors of words) is not counted. The trainings then run two at a time on one thread each.
// One thing is changed at a time, from the recipe of packages/wiki-masked or from its form without a teacher. One pretraining a recipe, two seeds of adaptation:
// an interval holds the chance of the questions and of the adaptation, not that of the pretraining. Kept in bench/.cache/wiki-recipes, so it goes on where it
// was stopped.

import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type PretrainSettings, readDocuments, trainWordPiece } from 'thaw'
import { accuracyOf, type Settings } from './adapted.js'
import type { BenchOptions } from './benchmark.js'
import { dataFolder, modelsFolder } from './data.js'
import { type Peer, startSide } from './peer.js'
import type { Row } from './row.js'
import { cacheFolder, keptRuns, limited } from './runs.js'
import type { Pretrained, Rehearsed } from './sides/recipe.js'
import { deviation, mean, pairedBootstrap, verdict } from './statistics.js'

export const about = 'recipes of pretraining on Wikipedia, each for the same minutes, by accuracy on validation (over an hour, resumable)'

/** In the README's table. */
export const headline = ({ config, metric }: Row): string | undefined =>
  metric === 'valid_accuracy' && config.name === shipped
    ? `Recipe of wiki-masked after ${String(config.minutes)} minutes, ${String(config.task)}, validation`
    : undefined

const bench = 'wiki-recipes'
/** Of the whole machine, for each recipe. */
const minutes = 4
const rounds = 2
const seeds = [1, 2]
const tasks = ['trec-6', 'sst-2'] as const
const adaptation: Settings = { pooling: 'mean', rate: 6e-4, epochs: 3 }
const shipped = 'teacher'

type Recipe = Partial<PretrainSettings> & { vocabulary: number; untrained?: boolean }

const vocabulary = 16_000
const teacher = () => `${modelsFolder()}/all-MiniLM-L6-v2`
const vectors = () => `${modelsFolder()}/glove-6B-50d/glove.6B.50d.100k.txt.br`

const recipes: Record<string, () => Recipe> = {
  [shipped]: () => ({ objective: 'masked', teacher: teacher(), vocabulary }),
  'causal, GloVe': () => ({ objective: 'causal', vectors: vectors(), vocabulary }),
  'masked, GloVe': () => ({ objective: 'masked', vectors: vectors(), vocabulary }),
  'replaced, GloVe': () => ({ objective: 'replaced', vectors: vectors(), vocabulary }),
  'GloVe, untrained': () => ({ objective: 'masked', vectors: vectors(), vocabulary, untrained: true }),
  "teacher's words, untrained": () => ({ objective: 'masked', teacher: teacher(), vocabulary, untrained: true }),
  'teacher, Muon': () => ({ objective: 'masked', teacher: teacher(), optimizer: 'muon', vocabulary }),
  'teacher, 8,000 words': () => ({ objective: 'masked', teacher: teacher(), vocabulary: 8000 }),
  'teacher, 30,000 words': () => ({ objective: 'masked', teacher: teacher(), vocabulary: 30_000 }),
  causal: () => ({ objective: 'causal', vocabulary }),
  masked: () => ({ objective: 'masked', vocabulary }),
  replaced: () => ({ objective: 'replaced', vocabulary }),
  'causal, Muon': () => ({ objective: 'causal', optimizer: 'muon', vocabulary }),
}

interface Result {
  pretrained: Pretrained
  /** For each task and seed, 1 where a held-out example was labelled rightly. */
  right: Record<(typeof tasks)[number], number[][]>
}

export async function run({ quick, only, log }: BenchOptions): Promise<Row[]> {
  const folder = `${cacheFolder}/${quick ? `${bench}-quick` : bench}`
  mkdirSync(folder, { recursive: true })
  const once = keptRuns(bench, folder)
  const all = quick ? ['GloVe, untrained', 'causal, GloVe'] : Object.keys(recipes)
  const names = only.length > 0 ? all.filter((name) => only.includes(name)) : all
  if (names.length === 0) throw new Error(`${bench}: no recipe is called ${only.join(' or ')}; there are: ${all.join('; ')}`)

  const described = (name: string) => {
    const { untrained, ...settings } = recipes[name]!()
    return { settings: { ...settings, ...(quick ? { vocabulary: 1000 } : {}) }, minutes: untrained ? 0 : quick ? 0.05 : minutes }
  }
  for (const size of new Set(names.map((name) => described(name).settings.vocabulary))) await tokenizerOf(size, folder, quick)

  const request = async (name: string) => {
    const { settings } = described(name)
    const text = [`${dataFolder()}/wiki/wiki-00.txt.br`]
    const common = {
      size: 'tiny',
      documents: 'articles',
      batch: 8,
      rate: 1e-3,
      text,
      tokenizer: await tokenizerOf(settings.vocabulary, folder, quick),
    }
    return { settings: { ...common, ...settings }, out: join(folder, name.replace(/[^a-zA-Z0-9]+/g, '-')) }
  }
  const keyOf = (name: string) => {
    const { teacher, vectors, ...rest } = described(name).settings
    return { ...rest, teacher: teacher !== undefined, vectors: vectors !== undefined }
  }

  /** What a step's cost depends on. */
  const kindOf = (name: string) => {
    const { vectors: _, ...key } = keyOf(name)
    return JSON.stringify(key)
  }
  const costs = new Map<string, number>()
  const trained = names.filter((name) => described(name).minutes > 0)
  for (let round = 1; round <= (quick ? 1 : rounds); round++)
    for (const name of trained.filter((one, i) => trained.findIndex((other) => kindOf(other) === kindOf(one)) === i)) {
      const { seconds } = await once({ cost: kindOf(name), round }, async () => {
        await using side = startSide('recipe')
        const { settings, out } = await request(name)
        return await side.ask<Rehearsed>({ settings, out: `${out}-rehearsal` })
      })
      log(`${name}: ${(1000 * seconds).toFixed(0)} ms a step`)
      costs.set(kindOf(name), Math.min(seconds, costs.get(kindOf(name)) ?? seconds))
    }

  const results = new Map<string, Result>()
  const inTurn = limited(2)
  const studied = names.map((name) =>
    inTurn(async () => {
      await using side = startSide('recipe')
      results.set(name, await study(name, side))
    }),
  )
  await Promise.all(studied)
  return names.flatMap((name) => rowsOf(name, described(name), results, quick))

  async function study(name: string, side: Peer): Promise<Result> {
    const { minutes } = described(name)
    const steps = minutes === 0 ? 0 : Math.max(20, Math.round((60 * minutes) / costs.get(kindOf(name))!))
    const key = { ...keyOf(name), steps }
    const { settings, out } = await request(name)
    const pretrained = await once(key, async () => {
      const result = await side.ask<Pretrained>({ settings, out, steps })
      log(`${name}: ${steps} steps`)
      return result
    })
    const right: Result['right'] = { 'trec-6': [], 'sst-2': [] }
    for (const task of tasks)
      for (const seed of quick ? [1] : seeds) {
        const adapted = await once({ ...key, task, ...adaptation, seed }, async () => {
          const result = await side.ask<{ right: number[]; seconds: number }>({ checkpoint: out, task, settings: { ...adaptation, seed }, quick })
          log(`${name}: ${task}, seed ${seed}: ${accuracyOf(result.right).toFixed(1)} %, ${result.seconds.toFixed(0)} s`)
          return result
        })
        right[task].push(adapted.right)
      }
    return { pretrained, right }
  }
}

const tokenizers = new Map<number, Promise<string>>()

/** The folder of a WordPiece tokenizer of a size, the same for all recipes that have it. */
function tokenizerOf(size: number, folder: string, quick: boolean): Promise<string> {
  async function train(): Promise<string> {
    const out = join(folder, `tokenizer-${size}`)
    if (existsSync(join(out, 'tokenizer.json'))) return out
    async function* texts() {
      let left = quick ? 300 : Number.POSITIVE_INFINITY
      for await (const { text } of readDocuments([`${dataFolder()}/wiki/wiki-00.txt.br`], { documents: 'articles' })) {
        if (left-- <= 0) return
        yield text
      }
    }
    await (await trainWordPiece(texts(), { vocabulary: size })).save(out)
    return out
  }
  const known = tokenizers.get(size) ?? train()
  tokenizers.set(size, known)
  return known
}

function rowsOf(
  name: string,
  { settings, minutes }: { settings: Recipe; minutes: number },
  results: ReadonlyMap<string, Result>,
  quick: boolean,
): Row[] {
  const { vocabulary, optimizer = 'adamw', objective } = settings
  const { pretrained, right } = results.get(name)!
  const reference = results.get(shipped)
  return tasks.flatMap((task) => {
    const { steps, tokens, perplexity } = pretrained
    const config = {
      ...{ name, task, objective, optimizer, vocabulary, minutes, steps, tokens },
      ...(perplexity === undefined ? {} : { perplexity: Number(perplexity.toFixed(1)) }),
      ...adaptation,
    }
    const values = right[task].map(accuracyOf)
    const rows: Row[] = [{ bench, config, metric: 'valid_accuracy', unit: '%', ours: mean(values), seeds: values.length, sd: deviation(values) }]
    if (!reference || name === shipped || quick) return rows
    const difference = pairedBootstrap(right[task], reference.right[task], { seed: 1 })
    const interval = { low: 100 * difference.low, high: 100 * difference.high, verdict: verdict(difference) }
    rows.push({
      ...{ bench, config: { name: `${name} less ${shipped}`, task, ...interval }, metric: 'accuracy_difference', unit: 'points' },
      ...{ ours: 100 * difference.difference, seeds: values.length },
    })
    return rows
  })
}
