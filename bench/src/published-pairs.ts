// Pairs of sentences with all-MiniLM-L6-v2, as one text (cross-encoder) and as two vectors (two towers): STS-B's similarity (Cer et al. 2017), of which the encoder
// has seen the like in its pretraining, and MRPC's paraphrases (Dolan & Brockett 2005). Three seeds; the rate (seed 1) and the epoch are chosen on held-out
// pairs, STS-B's development set and a tenth of MRPC's training set, and the test pairs are looked at once. Controls: the encoder's cosine as it was published,
// and the more frequent label. Two runs of one thread each at a time, kept in bench/.cache/published-pairs.jsonl.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type AdaptOptions,
  adapt,
  type Backbone,
  classification,
  classificationReport,
  type Example,
  type Form,
  load,
  pearson,
  regression,
  spearman,
  split,
  taskModelFrom,
} from 'thaw'
import type { BenchOptions } from './benchmark.js'
import { dataFolder, modelsFolder } from './data.js'
import type { Row } from './row.js'
import { keptRuns, limited } from './runs.js'
import { best, deviation, mean } from './statistics.js'

export const about =
  'pairs as cross-encoder and two towers: STS-B (Pearson, Spearman), MRPC (accuracy, F1); sts-b, mrpc (three seeds, hours, resumable)'

/** In the README's table. */
export const headline = ({ config, metric }: Row): string | undefined =>
  metric === 'test_spearman' || metric === 'test_accuracy'
    ? `${String(config.name).toUpperCase()} with all-MiniLM-L6-v2, ${metric.slice('test_'.length)}: ${String(config.form)}`
    : undefined

const bench = 'published-pairs'
const settings = { pooling: 'mean', epochs: 4, batch: 32, maxLength: 128, threads: 1 } as const
const rates = [1e-4, 2e-4]

interface Data {
  train: Example[]
  valid: Example[]
  test: Example[]
}

interface PairRun {
  /** Of the epoch that was kept, on the held-out pairs: what chooses. */
  valid: number
  /** For each test pair the predicted similarity, or the place of the predicted label. */
  predicted: number[]
  seconds: number
}

interface Configuration {
  /** What has to be said of the data. */
  note?: string
  read(): Data
  learn(backbone: Backbone, form: Form, data: Data, options: Partial<AdaptOptions>): Promise<PairRun>
  /** In percent: metrics of what was predicted for the test pairs. */
  scores(test: readonly Example[], predicted: readonly number[]): Record<string, number>
  /** What one has without any training. */
  control(backbone: Backbone, data: Data): Promise<{ name: string; predicted: number[] }>
}

const range = [0, 5] as const
const labels = ['0', '1']

/** The lines of a table of GLUE: no quoting, whatever stands in a cell. */
const lines = (...path: string[]): string[][] =>
  readFileSync(join(dataFolder(), 'glue', ...path), 'utf8')
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .filter((line) => line !== '')
    .map((line) => line.split('\t'))

const example = (text: string | undefined, pair: string | undefined, label: string | undefined, at: number): Example => {
  if (text === undefined || pair === undefined || label === undefined) throw new Error(`${bench}: line ${at + 1} has fewer columns than expected`)
  return { text, pair, label, line: at + 1 }
}

const configurations: Record<string, Configuration> = {
  'sts-b': {
    note: 'seen similar data in pretraining',
    read() {
      const read = (part: string) => lines('STS-B', `sts-${part}.tsv`).map((cells, i) => example(cells[5], cells[6], cells[4], i))
      return { train: read('train'), valid: read('dev'), test: read('test') }
    },
    async learn(backbone, form, { train, valid, test }, options) {
      const { model, report } = await adapt(backbone, regression({ range, form }), { ...options, train, valid })
      await using _ = model
      return { valid: report.score, predicted: rounded(await model.predict(test)), seconds: report.seconds }
    },
    scores(test, predicted) {
      const truth = test.map(({ label }) => Number(label))
      return { test_pearson: 100 * pearson(truth, predicted), test_spearman: 100 * spearman(truth, predicted) }
    },
    async control(backbone, { test }) {
      const thaw = { task: 'regression', form: 'two-tower', range, pooling: 'mean', maxLength: settings.maxLength, pairs: true }
      const loaded = await taskModelFrom({ ...backbone, details: { ...backbone.details, thaw } as never }, { threads: settings.threads })
      await using model = loaded.model
      return {
        name: 'its cosine as published, no training',
        predicted: rounded(await (model.predict as (x: typeof test) => Promise<number[]>)(test)),
      }
    },
  },
  mrpc: {
    read() {
      const read = (part: string) =>
        lines('MRPC', `msr_paraphrase_${part}.txt`)
          .slice(1)
          .map((cells, i) => example(cells[3], cells[4], cells[0], i + 1))
      return { ...split(read('train'), { fraction: 0.1, seed: 1 }), test: read('test') }
    },
    async learn(backbone, form, { train, valid, test }, options) {
      const { model, report } = await adapt(backbone, classification({ labels, form }), { ...options, train, valid })
      await using _ = model
      const rows = await model.probabilities(test)
      return { valid: report.score, predicted: rows.map((row) => row.indexOf(Math.max(...row))), seconds: report.seconds }
    },
    scores(test, predicted) {
      const truth = test.map(({ label }) => labels.indexOf(label!))
      const { accuracy, classes } = classificationReport(truth, predicted, labels)
      return { test_accuracy: 100 * accuracy, test_f1: 100 * classes[1]!.f1 }
    },
    async control(_, { train, test }) {
      const ones = train.filter(({ label }) => label === '1').length
      return { name: 'the more frequent label', predicted: test.map(() => Number(2 * ones > train.length)) }
    },
  },
}

const rounded = (values: readonly number[]): number[] => values.map((value) => Number(value.toFixed(5)))

export async function run({ quick, only, log }: BenchOptions): Promise<Row[]> {
  const backbone = await load(join(modelsFolder(), 'all-MiniLM-L6-v2'))
  const once = keptRuns(quick ? `${bench}-quick` : bench)
  const inTurn = limited(2)
  const rows: Row[] = []
  for (const [name, configuration] of Object.entries(configurations)) {
    if (only.length > 0 && !only.includes(name)) continue
    const all = configuration.read()
    const few = (examples: Example[]) => examples.slice(0, 48)
    const data = quick ? { train: few(all.train), valid: few(all.valid), test: few(all.test) } : all
    const sizes = { train: data.train.length, valid: data.valid.length, test: data.test.length }
    const described = { name, ...(configuration.note ? { note: configuration.note } : {}), ...sizes }
    const rowsOf = (config: Record<string, unknown>, runs: readonly { predicted: number[] }[], seeds?: number) => {
      const scores = runs.map(({ predicted }) => configuration.scores(data.test, predicted))
      for (const metric of Object.keys(scores[0]!)) {
        const values = scores.map((score) => score[metric]!)
        rows.push({
          ...{ bench, config: { ...described, ...config }, metric, unit: metric.includes('accuracy') ? '%' : '', ours: mean(values) },
          ...(seeds ? { seeds, sd: deviation(values) } : {}),
        })
      }
    }
    const control = await configuration.control(backbone, data)
    rowsOf({ form: control.name }, [control])
    for (const form of ['cross-encoder', 'two-tower'] as const) {
      const learnt = (rate: number, seed: number) =>
        once({ name, form, ...settings, ...sizes, rate, seed }, () =>
          inTurn(async () => {
            const options = { ...settings, ...(quick ? { epochs: 1 } : {}), rate, seed }
            const result = await configuration.learn(backbone, form, data, options)
            log(`${name}, ${form}, rate ${rate}, seed ${seed}: validation ${result.valid.toFixed(3)}, ${result.seconds.toFixed(0)} s`)
            return result
          }),
        )
      const tried = quick ? rates.slice(0, 1) : rates
      const first = await Promise.all(tried.map((rate) => learnt(rate, 1)))
      const rate = best(
        tried,
        first.map(({ valid }) => valid),
      )
      const runs = await Promise.all((quick ? [1] : [1, 2, 3]).map((seed) => learnt(rate, seed)))
      const seconds = Math.round(mean(runs.map((x) => x.seconds)))
      rowsOf({ form, ...settings, rate, seconds, valid_score: mean(runs.map(({ valid }) => valid)) }, runs, runs.length)
    }
  }
  return rows
}
