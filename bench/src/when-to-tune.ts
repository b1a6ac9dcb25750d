// When tuning pays over a frozen model (Peters, Ruder & Smith 2019): five tasks of equal size, how near each one's text is to the pretraining text, and what full
// fine-tuning of packages/wiki-masked brings over its frozen layers with a linear classifier. 2,000 training and 400 validation examples a task, at most 1,000
// test examples, three seeds; rates are the defaults of the schemes. CoLA's test labels are not public: its development set stands in, at which nothing was chosen.
// Runs are processes of one thread each, two at a time, and are kept in bench/.cache/when-to-tune.

import { join } from 'node:path'
import { type Example, readExamples, readSst2, readTrec, spearman, subset, type TradeOffReport, tradeOffs } from 'thaw'
import { accuracyOf, outcome, tfidfRight } from './adapted.js'
import type { BenchOptions } from './benchmark.js'
import { dataFolder, heldOutWikipedia } from './data.js'
import { packaged } from './folders.js'
import type { Row } from './row.js'
import { cacheFolder, limited } from './runs.js'

export const about = 'what fine-tuning brings over a frozen model, beside how near the task is to the pretraining text, on five tasks (resumable)'

/** In the README's table. */
export const headline = ({ config, metric }: Row): string | undefined =>
  metric === 'tuned_over_frozen'
    ? `What full fine-tuning brings on ${String(config.task)} (divergence from the pretraining text: ${String(config.jensenShannon)} bits)`
    : undefined

const bench = 'when-to-tune'
const sizes = { train: 2000, valid: 400, test: 1000 }

interface Task {
  labels: string[]
  train: Example[]
  test: Example[]
}

const read = (file: string, options: Parameters<typeof readExamples>[1]) => readExamples(join(dataFolder(), file), options)

/** The longest texts first, so that neither of the two runs at a time waits long for the other at the end. */
const tasks: Record<string, () => Promise<Task>> = {
  async IMDB() {
    const { labels, examples: train } = await read('imdb/train.jsonl.br', { text: ['text'], label: 'label' })
    return { labels, train, test: (await read('imdb/test.jsonl.br', { text: ['text'], label: 'label' })).examples }
  },
  async 'TREC-6'() {
    const { labels, train, valid, test } = await readTrec(join(dataFolder(), 'trec'))
    return { labels, train: [...train, ...valid], test }
  },
  'SST-2': () => readSst2(join(dataFolder(), 'sst2')),
  async 'AG News'() {
    const { labels, examples } = await read('ag-news/test.csv', { format: 'csv', text: ['2', '3'], label: '1' })
    const shuffled = subset(examples, examples.length, 1)
    return { labels, train: shuffled.slice(sizes.test), test: shuffled.slice(0, sizes.test) }
  },
  async CoLA() {
    const columns = { format: 'tsv', text: ['4'], label: '2' } as const
    const { labels, examples: train } = await read('glue/CoLA/train.tsv', columns)
    return { labels, train, test: (await read('glue/CoLA/dev.tsv', columns)).examples }
  },
}

export async function run({ quick, only, log }: BenchOptions): Promise<Row[]> {
  const names = Object.keys(tasks).filter((name) => only.length === 0 || only.includes(name))
  const pretraining = await heldOutWikipedia(quick ? 20_000 : 2_000_000)
  const inTurn = limited(2)
  const studied = names.slice(0, quick ? 1 : undefined).map((name) =>
    inTurn(async () => {
      const { labels, train, test } = await tasks[name]!()
      const cut = quick ? { train: 40, valid: 20, test: 40 } : sizes
      const some = subset(train, cut.train + cut.valid, 1)
      const data = { labels, train: some.slice(0, cut.train), valid: some.slice(cut.train), test: subset(test, Math.min(test.length, cut.test), 1) }
      const report = await tradeOffs({
        ...{ ...data, checkpoint: packaged.masked, out: join(cacheFolder, quick ? `${bench}-quick` : bench, name), pretraining, threads: 1 },
        ...{ schemes: ['frozen', 'full'], seeds: quick ? [1] : [1, 2, 3], settings: { pooling: 'mean', ...(quick ? { epochs: 1 } : {}) } },
        onRun: ({ scheme, seed, result }) => log(`${name}, ${scheme}, seed ${seed}: ${outcome(result, 'test')}`),
      })
      return { task: name, report, floor: accuracyOf(tfidfRight([...data.train, ...data.valid], data.test).right) }
    }),
  )
  const studies = await Promise.all(studied)
  const rows = studies.flatMap(rowsOf)
  if (studies.length < 4) return rows
  const distances = studies.map(({ report }) => report.task!.jensenShannon)
  const gaps = studies.map(({ report }) => report.gap!)
  rows.push({ bench, config: { name: 'divergence and gap', tasks: studies.length }, metric: 'spearman', unit: '', ours: spearman(distances, gaps) })
  return rows
}

function rowsOf({ task, report, floor }: { task: string; report: TradeOffReport; floor: number }): Row[] {
  const { jensenShannon, vocabularyOverlap, knownWords, loss } = report.task!
  const round = (value: number) => Number(value.toFixed(3))
  const config = {
    ...{ task, ...report.examples, jensenShannon: round(jensenShannon), vocabularyOverlap: round(vocabularyOverlap), knownWords: round(knownWords) },
    ...(loss === undefined || report.loss === undefined ? {} : { lossOnTask: round(loss), lossOnPretraining: round(report.loss) }),
  }
  const seeds = report.seeds.length
  const accuracies = report.rows.map(
    ({ scheme, rate, test }): Row => ({
      ...{ bench, config: { ...config, scheme, rate }, metric: 'test_accuracy', unit: '%', ours: 100 * test!.mean, seeds, sd: 100 * test!.deviation },
      ...{ peer: floor, peerName: 'TF-IDF + linear' },
    }),
  )
  return [...accuracies, { bench, config, metric: 'tuned_over_frozen', unit: 'points', ours: 100 * report.gap!, seeds }]
}
