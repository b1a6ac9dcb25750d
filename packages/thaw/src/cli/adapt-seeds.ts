// The runs of `thaw adapt`, one a seed: trained or resumed, evaluated, the best by validation saved; then the report over all of them.

import { existsSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type AdaptReport, type AdaptSettings, adapt, type Backbone, loadTaskModel } from '../adapt/index.js'
import type { Kind } from '../adapt/kinds.js'
import { addOnnxFiles } from '../export/index.js'
import { withDiskErrors } from '../train/disk-errors.js'
import { lockRun } from '../train/run-lock.js'
import { removeTrainingState } from '../train/state.js'
import { adaptCard, type CardSource } from './adapt-card.js'
import type { AdaptData } from './adapt-data.js'
import { runInParallel, tellParent, usefulJobs } from './adapt-parallel.js'
import { failuresOf, printReport } from './adapt-report.js'
import { adaptScreen, describePlan, type Plan } from './adapt-screen.js'
import { floorOf } from './floor.js'
import { interruptible } from './interrupt.js'
import { calledAs, named, say, shellWord } from './screen.js'
import { evaluateTask, mainScore, type TaskEvaluation } from './task-evaluation.js'

export interface SeedsOptions {
  backbone: Backbone
  data: AdaptData
  settings: AdaptSettings
  seeds: number
  out: string
  resume: boolean
  /** The command that goes on with the run. */
  goOn: string
  /** What the model's card says beside the results. */
  card: CardSource
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
export interface SeedResult {
  seed: number
  report: AdaptReport<Kind>
  valid: TaskEvaluation
  test?: TaskEvaluation
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
  const finished = resume && existsSync(reportFile)
  if (finished) say('this run is finished; there is nothing to resume')
  if (!resume) await rm(reportFile, { force: true })
  const all = Array.from({ length: seeds }, (_, i) => settings.seed + i)
  if (!resume) for (const seed of all) await rm(placeOf(out, seed).folder, { recursive: true, force: true })
  const open = all.filter((seed) => !existsSync(placeOf(out, seed).result))
  // one seed of several that is still open has a process of one thread as well: it goes on as it began
  const jobs = open.length === 0 ? 1 : usefulJobs(options.jobs, all.length)
  if (options.jobs > jobs && open.length > jobs) say(named('seeds', `${options.jobs} jobs asked for; ${jobs} at a time, as many as there are cores`))
  const done = jobs > 1 ? await parallel(options, open, Math.min(jobs, open.length)) : await oneByOne(options, all)
  if (!done) {
    say(`stopped; everything is saved. Go on with\n  ${goOn}`)
    return
  }
  const results = all.map((seed) => readResult(placeOf(out, seed).result))
  await takeBest(options, results)
  const floor = options.baseline ? floorOf(options.data) : undefined
  const failures = failuresOf(results, options.data)
  await writeFile(reportFile, JSON.stringify({ results, floor, failures }, undefined, 2))
  const onnx = await addOnnxFiles(out)
  const best = bestOf(results)!
  // of a run that was finished before, the card may have been edited since
  if (!finished) await writeFile(join(out, 'README.md'), await adaptCard(options.card, options, results, best))
  printReport(results, best, options, { floor, failures })
  const size = onnx.reduce((sum, { bytes }) => sum + bytes, 0)
  const written = onnx.map(({ name }) => name).join(' and ')
  say(named('files', `safetensors and tokenizer, and ${written} (fp32, ${(size / 1e6).toFixed(1)} MB) for any ONNX runtime`))
  say(
    named(
      'card',
      `README.md: what it is, how it was made, how well it does; look through it before you share it: ${calledAs} hub push ${shellWord(out)} OWNER/NAME`,
    ),
  )
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

function parallel(options: SeedsOptions, seeds: readonly number[], jobs: number): Promise<boolean> {
  const { out, threads, saveEvery, mistakes } = options
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
    onPlan: (plan) => sayPlan(options, plan),
    onDone: (seed) => saySeed(readResult(placeOf(out, seed).result)),
  })
}

function sayPlan({ backbone, data, epochsChosen }: SeedsOptions, plan: Plan): void {
  for (const line of describePlan(plan, backbone, data.train.length, epochsChosen)) say(line)
}

const saySeed = ({ seed, valid, test }: SeedResult) =>
  say(named(`seed ${seed}`, `validation ${mainScore(valid)}${test ? `, test ${mainScore(test)}` : ''}`))

/** Of models that processes left beside their results the best goes to the run's folder; where it is there already (seeds one after the other), it stays. */
async function takeBest({ out }: SeedsOptions, results: readonly SeedResult[]): Promise<void> {
  const best = placeOf(out, bestOf(results)!.seed).model
  if (existsSync(best)) {
    const { model } = await loadTaskModel(best, { threads: 1 })
    await using _ = model
    await model.save(out)
  }
  for (const { seed } of results) await rm(placeOf(out, seed).model, { recursive: true, force: true })
}

const bestOf = (results: readonly SeedResult[]): SeedResult | undefined =>
  results.reduce<SeedResult | undefined>((best, x) => (best && best.report.score >= x.report.score ? best : x), undefined)

/** One seed; undefined where it was stopped, after saving the best epoch so far if it is better than the seeds before. */
async function runSeed(
  options: SeedsOptions,
  seed: number,
  folder: string,
  { before, first, saveTo }: { before: readonly SeedResult[]; first: boolean; saveTo: string },
): Promise<SeedResult | undefined> {
  const { backbone, data, settings, seeds, threads, saveEvery, mistakes } = options
  const { train, valid, test, task } = data
  const screen = adaptScreen(seeds > 1 ? `seed ${seed}` : 'adapt', (plan) => {
    interrupt.arm()
    if (first) sayPlan(options, plan)
  })
  using interrupt = interruptible((line) => screen.say(line))
  try {
    const { model, report } = await adapt(backbone, task, {
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
    const better = report.bestEpoch > 0 && (!kept || report.score > kept.report.score)
    screen.end()
    if (better) await model.save(saveTo)
    if (report.stopped) {
      if (better) {
        const kept = mainScore(await evaluateTask(task, model, valid, { mistakes: 0 }))
        const which = settings.keep === 'last' ? 'the last whole epoch' : 'the best epoch so far'
        say(named('saved', `${which} (${report.bestEpoch}, validation ${kept}): ${saveTo}`))
      }
      return undefined
    }
    const result: SeedResult = {
      seed,
      report,
      valid: await evaluateTask(task, model, valid, { mistakes }),
      ...(test ? { test: await evaluateTask(task, model, test, { mistakes, trained: [...train, ...valid] }) } : {}),
    }
    await writeFile(join(folder, 'result.json'), JSON.stringify(result, undefined, 2))
    await removeTrainingState(folder)
    return result
  } finally {
    screen.end()
  }
}
