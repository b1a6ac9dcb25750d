// The runs of `thaw adapt`, one a seed: trained or resumed, evaluated, the best by validation saved; then the report over all of them.

import { existsSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type AdaptReport, type AdaptSettings, adapt, type Backbone } from '../adapt/index.js'
import { tfidfClassifier } from '../baseline/classifier.js'
import { evenSample } from '../data/even-sample.js'
import type { Example } from '../data/index.js'
import { count, duration } from '../log/format.js'
import { table } from '../log/table.js'
import { formatMeanDeviation } from '../metrics/deviation.js'
import { classification } from '../tasks/classification.js'
import { withDiskErrors } from '../train/disk-errors.js'
import { lockRun } from '../train/run-lock.js'
import { removeTrainingState } from '../train/state.js'
import type { AdaptData } from './adapt-data.js'
import { adaptScreen, describePlan } from './adapt-screen.js'
import { type Evaluation, evaluation, formatDetails, formatScores } from './evaluation.js'
import { interruptible } from './interrupt.js'
import { named, namedResult, percent, print, say, shellWord } from './screen.js'

export interface SeedsOptions {
  backbone: Backbone
  data: AdaptData
  settings: AdaptSettings
  seeds: number
  out: string
  resume: boolean
  /** The command that goes on with the run. */
  goOn: string
  /** The number of epochs was not given. */
  epochsChosen: boolean
  threads: number | undefined
  saveEvery: number | undefined
  mistakes: number
  baseline: boolean
  /** Bytes. */
  frozenCache?: number
  /** By path, for the recipe ewc. */
  fisher?: ReadonlyMap<string, Float32Array>
}

/** What is kept of a seed, as training/seed-N/result.json. */
interface SeedResult {
  seed: number
  report: AdaptReport
  valid: Evaluation
  test?: Evaluation
}

/** Runs all seeds and prints the report; saves the model that is best on the validation examples. */
export const adaptSeeds = (options: SeedsOptions): Promise<void> =>
  withDiskErrors(options.out, async () => {
    await using _ = await lockRun(options.out)
    await runSeeds(options)
  })

async function runSeeds(options: SeedsOptions): Promise<void> {
  const { settings, seeds, out, resume, goOn } = options
  const results: SeedResult[] = []
  const reportFile = join(out, 'training', 'report.json')
  if (resume && existsSync(reportFile)) say('this run is finished; there is nothing to resume')
  if (!resume) await rm(reportFile, { force: true })
  for (let i = 0; i < seeds; i++) {
    const seed = settings.seed + i
    const folder = join(out, 'training', `seed-${seed}`)
    const file = join(folder, 'result.json')
    if (!resume) await rm(folder, { recursive: true, force: true })
    const result = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as SeedResult) : await runSeed(options, seed, folder, results, i === 0)
    if (!result) {
      say(`stopped; everything is saved. Go on with\n  ${goOn}`)
      return
    }
    results.push(result)
    if (seeds > 1)
      say(
        named(
          `seed ${seed}`,
          `validation ${percent(result.report.valid.accuracy)}${result.test ? `, test ${percent(result.test.report.accuracy)}` : ''}`,
        ),
      )
  }
  const floor = options.baseline ? floorOf(options.data) : undefined
  await writeFile(reportFile, JSON.stringify({ results, floor }, undefined, 2))
  printReport(results, options, floor)
}

const bestOf = (results: readonly SeedResult[]): SeedResult | undefined =>
  results.reduce<SeedResult | undefined>((best, x) => (best && best.report.valid.accuracy >= x.report.valid.accuracy ? best : x), undefined)

/** One seed; undefined where it was stopped, after saving the best epoch so far if it is better than the seeds before. */
async function runSeed(
  options: SeedsOptions,
  seed: number,
  folder: string,
  before: readonly SeedResult[],
  first: boolean,
): Promise<SeedResult | undefined> {
  const { backbone, data, settings, seeds, out, threads, saveEvery, mistakes } = options
  const { train, valid, test, labels } = data
  const screen = adaptScreen(seeds > 1 ? `seed ${seed}` : 'adapt', (plan) => {
    interrupt.arm()
    if (first) for (const line of describePlan(plan, backbone, train.length, options.epochsChosen)) say(line)
  })
  using interrupt = interruptible((line) => screen.say(line))
  try {
    const { model, report } = await adapt(backbone, classification({ labels }), {
      ...settings,
      seed,
      train,
      valid,
      stateFolder: folder,
      resume: true,
      signal: interrupt.signal,
      onEvent: (event) => screen.event(event),
      ...(options.frozenCache === undefined ? {} : { frozenCache: options.frozenCache }),
      ...(options.fisher ? { fisher: options.fisher } : {}),
      ...(threads === undefined ? {} : { threads }),
      ...(saveEvery === undefined ? {} : { saveEvery }),
    })
    await using _ = model
    const kept = bestOf(before)
    const better = report.bestEpoch > 0 && (!kept || report.valid.accuracy > kept.report.valid.accuracy)
    screen.end()
    if (better) await model.save(out)
    if (report.stopped) {
      if (better) say(named('saved', `the best epoch so far (${report.bestEpoch}, validation ${percent(report.valid.accuracy)}): ${out}`))
      return undefined
    }
    const result: SeedResult = {
      seed,
      report,
      valid: await evaluation(model, valid, { mistakes }),
      ...(test ? { test: await evaluation(model, test, { mistakes, trained: [...train, ...valid] }) } : {}),
    }
    await writeFile(join(folder, 'result.json'), JSON.stringify(result, undefined, 2))
    await removeTrainingState(folder)
    return result
  } finally {
    screen.end()
  }
}

interface Floor {
  name: 'test' | 'validation'
  accuracy: number
  /** Training examples that it saw. */
  examples: number
}

/** Beyond so many examples × labels the floor takes longer than it is worth: it is fitted on a sample, with a fixed C and without words seen once. */
const floorBudget = 2_000_000

/** TF-IDF n-grams with a linear classifier, on the same examples: a pretrained model that does not beat it is not worth its minutes. */
function floorOf({ train, valid, test, labels }: AdaptData): Floor {
  const plain = (examples: AdaptData['train']) =>
    examples.map(({ text, pair, label }) => ({ text: pair === undefined ? text : `${text} ${pair}`, label: label! }))
  const all = plain(test ? [...train, ...valid] : train)
  const seen = evenSample(all, Math.min(20_000, Math.ceil(floorBudget / labels.length)))
  const large = seen.length * labels.length > floorBudget / 5
  const classifier = tfidfClassifier(seen, large ? { regularization: 30, minDocumentFrequency: 2 } : {})
  const asked = plain(test ?? valid)
  const right = asked.filter(({ text, label }) => classifier.predict(text)[0]!.label === label).length
  return { name: test ? 'test' : 'validation', accuracy: right / asked.length, examples: seen.length }
}

function printReport(results: readonly SeedResult[], { out, seeds, data }: SeedsOptions, floor: Floor | undefined): void {
  const best = bestOf(results)!
  const shown = best.test ?? best.valid
  print('')
  if (seeds > 1) print(`${seedTable(results)}\n`)
  const { report } = best
  print(
    namedResult(
      'kept',
      `${seeds > 1 ? `seed ${best.seed}, ` : ''}epoch ${report.bestEpoch} of ${report.epochs.length}, trained in ${duration(report.seconds)}: ${out}`,
    ),
  )
  print(formatScores('validation', best.valid))
  if (best.test) print(formatScores('test', best.test))
  if (floor) {
    const sampled = floor.examples < data.train.length ? `, from ${count(floor.examples)} of the training examples` : ''
    print(
      namedResult('floor', `accuracy ${percent(floor.accuracy)} on the ${floor.name} examples: TF-IDF n-grams with a linear classifier${sampled}`),
    )
  }
  print(`\non the ${best.test ? 'test' : 'validation'} examples\n\n${formatDetails(shown, process.stdout.columns ?? 100)}`)
  for (const line of nextCommands(out, (data.test ?? data.valid)[0]!)) say(line)
}

/** What to do with the classifier, as commands to copy. A text with quotes or line ends would be read otherwise by some shell: then another one is shown. */
function nextCommands(out: string, { text }: Example): string[] {
  const plain = /^[\p{L}\p{N} ,.?;:()-]+$/u.test(text) ? text.slice(0, 60) : 'some text'
  const folder = shellWord(out)
  return [
    '',
    named('try it', `thaw predict ${folder} "${plain}"`),
    named('', `thaw predict ${folder} --file new.csv --out labelled.csv`),
    named('ship it', `thaw export ${folder} --to onnx --dtype int8 --out ${shellWord(`${out}-onnx`)}`),
  ]
}

function seedTable(results: readonly SeedResult[]): string {
  const columns: [string, (x: SeedResult) => number | undefined][] = [
    ['validation', (x) => x.valid.report.accuracy],
    ['macro-F1', (x) => x.valid.report.macroF1],
    ['test', (x) => x.test?.report.accuracy],
    ['macro-F1', (x) => x.test?.report.macroF1],
  ]
  const there = columns.filter(([, of]) => of(results[0]!) !== undefined)
  const rows = results.map((x) => [
    String(x.seed),
    ...there.map(([, of]) => (100 * of(x)!).toFixed(1)),
    x.report.bestEpoch,
    duration(x.report.seconds),
  ])
  const means = there.map(([, of]) =>
    formatMeanDeviation(
      results.map((x) => of(x)!),
      { scale: 100 },
    ),
  )
  return table([...rows, ['mean ± deviation', ...means]], [{ title: 'seed', align: 'left' }, ...there.map(([title]) => title), 'epoch', 'time'])
}
