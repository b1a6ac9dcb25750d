// The runs of `thaw adapt`, one a seed: trained or resumed, evaluated, the best by validation saved; then the report over all of them.

import { existsSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type AdaptReport, type AdaptSettings, adapt, type Backbone, loadClassifier } from '../adapt/index.js'
import { tfidfClassifier } from '../baseline/classifier.js'
import { evenSample } from '../data/even-sample.js'
import type { Example } from '../data/index.js'
import { count, duration } from '../log/format.js'
import { table } from '../log/table.js'
import { degenerateRuns, type Failure, majorityShare } from '../metrics/degenerate.js'
import { formatMeanDeviation } from '../metrics/deviation.js'
import { classification } from '../tasks/classification.js'
import { withDiskErrors } from '../train/disk-errors.js'
import { lockRun } from '../train/run-lock.js'
import { removeTrainingState } from '../train/state.js'
import type { AdaptData } from './adapt-data.js'
import { runInParallel, tellParent, usefulJobs } from './adapt-parallel.js'
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
  /** Processes beside each other. */
  jobs: number
  /** This process is one of several, for one seed. */
  onlySeed?: number
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
    const { out, onlySeed } = options
    // of several processes the first has the folder's lock, the others have those of their seeds' folders
    await using _ = await lockRun(onlySeed === undefined ? out : placeOf(out, onlySeed).folder)
    await runSeeds(options)
  })

async function runSeeds(options: SeedsOptions): Promise<void> {
  const { settings, seeds, out, resume, goOn, onlySeed } = options
  if (onlySeed !== undefined) {
    // one of several processes: its model stays beside its result until all are there
    const place = placeOf(out, onlySeed)
    await runSeed(options, onlySeed, place.folder, { before: [], first: false, saveTo: place.model })
    return
  }
  const reportFile = join(out, 'training', 'report.json')
  if (resume && existsSync(reportFile)) say('this run is finished; there is nothing to resume')
  if (!resume) await rm(reportFile, { force: true })
  const all = Array.from({ length: seeds }, (_, i) => settings.seed + i)
  if (!resume) for (const seed of all) await rm(placeOf(out, seed).folder, { recursive: true, force: true })
  const open = all.filter((seed) => !existsSync(placeOf(out, seed).result))
  const jobs = usefulJobs(options.jobs, open.length)
  if (options.jobs > jobs && open.length > jobs) say(named('seeds', `${options.jobs} jobs asked for; ${jobs} at a time, as many as there are cores`))
  const done = jobs > 1 ? await parallel(options, open, jobs) : await oneByOne(options, all)
  if (!done) {
    say(`stopped; everything is saved. Go on with\n  ${goOn}`)
    return
  }
  const results = all.map((seed) => readResult(placeOf(out, seed).result))
  await takeBest(options, results)
  const floor = options.baseline ? floorOf(options.data) : undefined
  const failures = failuresOf(results, options.data)
  await writeFile(reportFile, JSON.stringify({ results, floor, failures }, undefined, 2))
  printReport(results, options, floor, failures)
}

/** Where a seed keeps its things. */
const placeOf = (out: string, seed: number) => {
  const folder = join(out, 'training', `seed-${seed}`)
  return { folder, result: join(folder, 'result.json'), model: join(folder, 'model') }
}

const readResult = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as SeedResult

async function oneByOne(options: SeedsOptions, all: readonly number[]): Promise<boolean> {
  const results: SeedResult[] = []
  for (const [i, seed] of all.entries()) {
    const { folder, result: file } = placeOf(options.out, seed)
    const result = existsSync(file)
      ? readResult(file)
      : await runSeed(options, seed, folder, { before: results, first: i === 0, saveTo: options.out })
    if (!result) return false
    results.push(result)
    if (all.length > 1) saySeed(result)
  }
  return true
}

function parallel({ out, threads, saveEvery, mistakes }: SeedsOptions, seeds: readonly number[], jobs: number): Promise<boolean> {
  say(
    named(
      'seeds',
      `${seeds.length} to run, ${jobs} at a time in processes of one thread each${threads === undefined || threads === 1 ? '' : ' (--threads is for one after the other)'}`,
    ),
  )
  return runInParallel({
    ...{ out, seeds, jobs },
    more: ['--mistakes', String(mistakes), ...(saveEvery === undefined ? [] : ['--save-every', String(saveEvery)])],
    resultOf: (seed) => placeOf(out, seed).result,
    onDone: (seed) => saySeed(readResult(placeOf(out, seed).result)),
  })
}

const saySeed = ({ seed, report, test }: SeedResult) =>
  say(named(`seed ${seed}`, `validation ${percent(report.valid.accuracy)}${test ? `, test ${percent(test.report.accuracy)}` : ''}`))

/** Of models that processes left beside their results the best goes to the run's folder; where it is there already (seeds one after the other), it stays. */
async function takeBest({ out }: SeedsOptions, results: readonly SeedResult[]): Promise<void> {
  const best = placeOf(out, bestOf(results)!.seed).model
  if (existsSync(best)) {
    await using model = await loadClassifier(best, { threads: 1 })
    await model.save(out)
  }
  for (const { seed } of results) await rm(placeOf(out, seed).model, { recursive: true, force: true })
}

/** The runs that failed as a whole, by the examples that the report is about. */
function failuresOf(results: readonly SeedResult[], { valid, test }: AdaptData): (Failure | undefined)[] {
  if (results.length < 2) return results.map(() => undefined)
  const majority = majorityShare((test ?? valid).map(({ label }) => label))
  return degenerateRuns(
    results.map((x) => (x.test ?? x.valid).report.accuracy),
    majority,
  )
}

const bestOf = (results: readonly SeedResult[]): SeedResult | undefined =>
  results.reduce<SeedResult | undefined>((best, x) => (best && best.report.valid.accuracy >= x.report.valid.accuracy ? best : x), undefined)

/** One seed; undefined where it was stopped, after saving the best epoch so far if it is better than the seeds before. */
async function runSeed(
  options: SeedsOptions,
  seed: number,
  folder: string,
  { before, first, saveTo }: { before: readonly SeedResult[]; first: boolean; saveTo: string },
): Promise<SeedResult | undefined> {
  const { backbone, data, settings, seeds, threads, saveEvery, mistakes } = options
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
      onEvent(event) {
        if (options.onlySeed === undefined) screen.event(event)
        else {
          if (event.kind === 'plan') interrupt.arm()
          tellParent(event)
        }
      },
      ...(options.frozenCache === undefined ? {} : { frozenCache: options.frozenCache }),
      ...(options.fisher ? { fisher: options.fisher } : {}),
      ...(threads === undefined ? {} : { threads }),
      ...(saveEvery === undefined ? {} : { saveEvery }),
    })
    await using _ = model
    const kept = bestOf(before)
    const better = report.bestEpoch > 0 && (!kept || report.valid.accuracy > kept.report.valid.accuracy)
    screen.end()
    if (better) await model.save(saveTo)
    if (report.stopped) {
      if (better) say(named('saved', `the best epoch so far (${report.bestEpoch}, validation ${percent(report.valid.accuracy)}): ${saveTo}`))
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

function printReport(
  results: readonly SeedResult[],
  { out, seeds, data }: SeedsOptions,
  floor: Floor | undefined,
  failures: readonly (Failure | undefined)[],
): void {
  const best = bestOf(results)!
  const shown = best.test ?? best.valid
  print('')
  if (seeds > 1) print(`${seedTable(results, failures)}\n`)
  for (const line of describeFailures(results, failures, data)) print(line)
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

/** The failed runs by name, and what the others are in the mean. */
function describeFailures(results: readonly SeedResult[], failures: readonly (Failure | undefined)[], { valid, test }: AdaptData): string[] {
  const accuracy = (x: SeedResult) => (x.test ?? x.valid).report.accuracy
  const failed = results.filter((_, i) => failures[i])
  if (failed.length === 0) return []
  const majority = majorityShare((test ?? valid).map(({ label }) => label))
  const why = {
    majority: `not above that of always saying the commonest label (${percent(majority)})`,
    outlier: 'far below the others (more than 10 points and 3 deviations)',
  }
  const others = results.filter((_, i) => !failures[i]).map(accuracy)
  return [
    ...results.flatMap((x, i) =>
      failures[i] ? [namedResult(`seed ${x.seed}`, `failed: accuracy ${percent(accuracy(x))} is ${why[failures[i]!]}`)] : [],
    ),
    ...(others.length > 0 ? [namedResult('', `the ${others.length} others: accuracy ${formatMeanDeviation(others, { scale: 100 })} %`)] : []),
    namedResult('', 'such runs happen with some seeds; a lower rate, a longer warm-up or more seeds help'),
    '',
  ]
}

function seedTable(results: readonly SeedResult[], failures: readonly (Failure | undefined)[]): string {
  const columns: [string, (x: SeedResult) => number | undefined][] = [
    ['validation', (x) => x.valid.report.accuracy],
    ['macro-F1', (x) => x.valid.report.macroF1],
    ['test', (x) => x.test?.report.accuracy],
    ['macro-F1', (x) => x.test?.report.macroF1],
  ]
  const there = columns.filter(([, of]) => of(results[0]!) !== undefined)
  const rows = results.map((x, i) => [
    failures[i] ? `${x.seed} failed` : String(x.seed),
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
