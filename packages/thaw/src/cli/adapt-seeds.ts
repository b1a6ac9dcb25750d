// The runs of `thaw adapt`, one a seed: trained or resumed, evaluated, the best by validation saved; then the report over all of them.

import { existsSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type AdaptReport, type AdaptSettings, adapt, type Backbone } from '../adapt/index.js'
import type { Kind } from '../adapt/kinds.js'
import { addOnnxFile } from '../export/index.js'
import { withDiskErrors } from '../train/disk-errors.js'
import { lockRun } from '../train/run-lock.js'
import { removeTrainingState } from '../train/state.js'
import type { AdaptData } from './adapt-data.js'
import { printReport } from './adapt-report.js'
import { adaptScreen, describePlan } from './adapt-screen.js'
import { floorOf } from './floor.js'
import { interruptible } from './interrupt.js'
import { named, say } from './screen.js'
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
export interface SeedResult {
  seed: number
  report: AdaptReport<Kind>
  valid: TaskEvaluation
  test?: TaskEvaluation
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
    if (seeds > 1) say(named(`seed ${seed}`, `validation ${mainScore(result.valid)}${result.test ? `, test ${mainScore(result.test)}` : ''}`))
  }
  const floor = options.baseline ? floorOf(options.data) : undefined
  await writeFile(reportFile, JSON.stringify({ results, floor }, undefined, 2))
  const onnx = await addOnnxFile(out)
  printReport(results, bestOf(results)!, options, floor)
  if (onnx !== undefined)
    say(named('files', `safetensors and tokenizer, and onnx/model.onnx (fp32, ${(onnx / 1e6).toFixed(1)} MB) for any ONNX runtime`))
}

const bestOf = (results: readonly SeedResult[]): SeedResult | undefined =>
  results.reduce<SeedResult | undefined>((best, x) => (best && best.report.score >= x.report.score ? best : x), undefined)

/** One seed; undefined where it was stopped, after saving the best epoch so far if it is better than the seeds before. */
async function runSeed(
  options: SeedsOptions,
  seed: number,
  folder: string,
  before: readonly SeedResult[],
  first: boolean,
): Promise<SeedResult | undefined> {
  const { backbone, data, settings, seeds, out, threads, saveEvery, mistakes } = options
  const { train, valid, test, task } = data
  const screen = adaptScreen(seeds > 1 ? `seed ${seed}` : 'adapt', (plan) => {
    interrupt.arm()
    if (first) for (const line of describePlan(plan, backbone, train.length, options.epochsChosen)) say(line)
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
      onEvent: (event) => screen.event(event),
      ...(options.frozenCache === undefined ? {} : { frozenCache: options.frozenCache }),
      ...(options.fisher ? { fisher: options.fisher } : {}),
      ...(threads === undefined ? {} : { threads }),
      ...(saveEvery === undefined ? {} : { saveEvery }),
    })
    await using _ = model
    const kept = bestOf(before)
    const better = report.bestEpoch > 0 && (!kept || report.score > kept.report.score)
    screen.end()
    if (better) await model.save(out)
    if (report.stopped) {
      if (better)
        say(
          named(
            'saved',
            `the best epoch so far (${report.bestEpoch}, validation ${mainScore(await evaluateTask(task, model, valid, { mistakes: 0 }))}): ${out}`,
          ),
        )
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
