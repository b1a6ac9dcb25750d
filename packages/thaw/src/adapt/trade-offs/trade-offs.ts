// Schemes of adaptation side by side: what each costs (parameters, bytes a task, time, memory) and what it brings (accuracy, what the model still knows of its
// pretraining), over several seeds. Each run is a line of runs.jsonl, so a comparison that was stopped goes on where it stood.

import { existsSync } from 'node:fs'
import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type MeanDeviation, meanDeviation } from '../../metrics/deviation.js'
import { digest } from '../../train/state.js'
import type { LabelledText } from '../adapt.js'
import { type Backbone, load } from '../backbone.js'
import { fisherInformation } from '../fisher.js'
import { saveFisher } from '../fisher-file.js'
import { weighsByFisher } from '../recipe/regularizers.js'
import type { AdaptSettings } from '../settings.js'
import { type Nearness, nearness } from './nearness.js'
import { pretrainingLoss } from './pretraining-loss.js'
import { type Diverged, type RunData, runApart, type TradeOffRun } from './run.js'
import { defaultSchemes, schemeSettings } from './schemes.js'

export interface TradeOffOptions {
  /** Folder or name of the pretrained checkpoint. */
  checkpoint: string
  /** Where that is, where the name alone does not say it. */
  folder?: string
  labels: readonly string[]
  train: readonly LabelledText[]
  valid: readonly LabelledText[]
  test?: readonly LabelledText[]
  /** Where runs.jsonl is kept. */
  out: string
  /** Names: `full`, `frozen`, `scratch`, and those of `recipes`. */
  schemes?: readonly string[]
  seeds?: readonly number[]
  /** Settings that all schemes share. */
  settings?: Partial<Omit<AdaptSettings, 'scheme' | 'recipe' | 'rate' | 'seed'>>
  /** Peak rates by scheme, where the defaults do not do. */
  rates?: Readonly<Record<string, number>>
  /** Of regularizers, by scheme (`ewc`, `l2-sp`), where the defaults do not do. */
  strengths?: Readonly<Record<string, number>>
  /** Text like that of the pretraining: for forgetting, and for how near the task's text is to it. */
  pretraining?: readonly string[]
  /** Text that the checkpoint was pretrained on: the scheme `ewc` weighs its pull by the Fisher information on it. The time it takes is not counted. */
  fisherText?: readonly string[]
  threads?: number
  signal?: AbortSignal
  onRun?: (run: { scheme: string; seed: number; done: number; of: number; result: TradeOffRun | Diverged }) => void
}

/** A scheme over those of its seeds that did not diverge. Shares and accuracies are fractions. */
export interface TradeOffRow {
  scheme: string
  trained: number
  parameters: number
  bytes: number
  peakMemory: number
  seconds: MeanDeviation
  valid: MeanDeviation
  test?: MeanDeviation
  /** Pretraining loss after less before, in nats a token. */
  forgetting?: MeanDeviation
  rate: number
  /** Of the regularizer, where the scheme has one. */
  strength?: number
  runs: TradeOffRun[]
}

export interface TradeOffReport {
  checkpoint: string
  seeds: readonly number[]
  examples: { train: number; valid: number; test: number }
  /** None of a scheme that diverged with every seed. */
  rows: TradeOffRow[]
  diverged: { scheme: string; seed: number; message: string }[]
  /** Pretraining loss of the checkpoint itself, in nats a token. */
  loss?: number
  /** Of the task's text; `loss` is the checkpoint's on it. */
  task?: Nearness & { loss?: number }
  /** Accuracy of full fine-tuning less that of the frozen model, where both were run: of the test examples if there are some. */
  gap?: number
}

/**
 * Runs schemes over seeds and puts their costs and results side by side. A run that diverges is named in the report, and the others go on.
 *
 * @throws where a scheme has no such name or lacks the text that it needs, where a rate or strength is for another scheme, and with its message where a run fails.
 */
export async function tradeOffs(options: TradeOffOptions): Promise<TradeOffReport> {
  const { checkpoint, folder = checkpoint, out, labels, train, valid, test, pretraining, fisherText, threads, signal, onRun } = options
  const { schemes = defaultSchemes, seeds = [1, 2, 3] } = options
  const backbone = await load(folder)
  const { settings: shared = {}, rates = {}, strengths = {} } = options
  for (const [what, named] of Object.entries({ rates, strengths })) {
    const other = Object.keys(named).find((name) => !schemes.includes(name))
    if (other) throw new Error(`${what}: ${JSON.stringify(other)} is none of the schemes that are compared: ${schemes.join(', ')}`)
  }
  const settingsOf = (scheme: string) => schemeSettings(scheme, shared, { rates, strengths }, backbone.config, train.length)
  const planned = schemes.map((scheme) => ({ scheme, settings: settingsOf(scheme) }))
  const weighed = planned.find(({ settings }) => weighsByFisher(settings.recipe))
  if (weighed && !fisherText)
    throw new Error(`scheme ${weighed.scheme}: what did the model learn from? Give some of that text as fisherText, --fisher-text FILE`)
  if (!weighed && fisherText) throw new Error('fisherText: only the scheme ewc uses it; leave it out, or add that scheme')
  await mkdir(out, { recursive: true })
  const once = await keptLines(join(out, 'runs.jsonl'))
  const plain = (examples: readonly LabelledText[]) =>
    examples.map(({ text, pair, label }) => ({ text, ...(pair === undefined ? {} : { pair }), label: label! }))
  const data: RunData = {
    checkpoint: folder,
    labels,
    train: plain(train),
    valid: plain(valid),
    ...(test ? { test: plain(test) } : {}),
    ...(pretraining ? { pretraining } : {}),
  }
  const counts = { train: train.length, valid: valid.length, test: test?.length ?? 0 }
  // other examples or texts under the same names make other runs
  const examples = digest(JSON.stringify([labels, data.train, data.valid, data.test]))
  const texts = pretraining && digest(JSON.stringify(pretraining))
  const fisherFile = fisherText && `fisher-${digest(JSON.stringify([checkpoint, fisherText])).slice(0, 12)}.safetensors`
  const file = join(out, 'data.json')
  await writeFile(file, JSON.stringify(data))
  try {
    const some = threads === undefined ? {} : { threads }
    const before =
      pretraining && (await once({ loss: 'before', checkpoint, texts }, async () => (await pretrainingLoss(backbone, pretraining, some)) ?? null))
    const near = pretraining && (await once({ nearness: examples, texts }, async () => taskNearness(data, pretraining)))
    const taskLoss =
      near &&
      (await once(
        { loss: 'task', checkpoint, examples },
        async () =>
          (await pretrainingLoss(
            backbone,
            data.train.map(({ text }) => text),
            some,
          ).catch(() => undefined)) ?? null,
      ))
    const rows: TradeOffRow[] = []
    const diverged: TradeOffReport['diverged'] = []
    let done = 0
    for (const { scheme, settings } of planned) {
      const runs: TradeOffRun[] = []
      for (const seed of seeds) {
        signal?.throwIfAborted()
        const request = { data: file, settings: { ...settings, seed }, folder: join(out, `run-${process.pid}`), ...some }
        const fisher = weighsByFisher(settings.recipe) ? fisherFile : undefined
        const result = await once({ scheme, checkpoint, examples, texts, fisher, settings: request.settings }, async () => {
          const known = fisher ? { fisher: await fisherIn(join(out, fisher), backbone, fisherText!, some) } : {}
          return runApart({ ...request, ...known }, signal).catch((error: Error) => {
            throw new Error(`${scheme}, seed ${seed}: ${error.message}`, { cause: error })
          })
        })
        if ('diverged' in result) diverged.push({ scheme, seed, message: result.diverged })
        else runs.push(result)
        done++
        onRun?.({ scheme, seed, done, of: schemes.length * seeds.length, result })
      }
      if (runs.length > 0) rows.push(rowOf(scheme, settings, runs, before ?? undefined))
    }
    const accuracy = (scheme: string) => {
      const row = rows.find((row) => row.scheme === scheme)
      return row && (row.test ?? row.valid).mean
    }
    const [full, frozen] = [accuracy('full'), accuracy('frozen')]
    return {
      ...{ checkpoint, seeds, examples: counts, rows, diverged },
      ...(typeof before === 'number' ? { loss: before } : {}),
      ...(near ? { task: { ...near, ...(typeof taskLoss === 'number' ? { loss: taskLoss } : {}) } } : {}),
      ...(full !== undefined && frozen !== undefined ? { gap: full - frozen } : {}),
    }
  } finally {
    await rm(file, { force: true })
  }
}

/** Computes the Fisher information where the file is not there yet. */
async function fisherIn(file: string, backbone: Backbone, texts: readonly string[], options: { threads?: number }): Promise<string> {
  if (!existsSync(file)) await saveFisher(file, await fisherInformation(backbone, texts, options), backbone)
  return file
}

const taskNearness = ({ train }: RunData, pretraining: readonly string[]): Nearness =>
  nearness(
    train.map(({ text, pair }) => (pair === undefined ? text : `${text} ${pair}`)),
    pretraining,
  )

function rowOf(scheme: string, { rate, recipe }: AdaptSettings, runs: TradeOffRun[], before: number | undefined): TradeOffRow {
  const over = (of: (run: TradeOffRun) => number) => meanDeviation(runs.map(of))
  const [first] = runs as [TradeOffRun]
  const strength = recipe?.ingredients.find((ingredient) => ingredient.kind === 'regularizer')?.strength
  return {
    ...{ scheme, rate, runs, trained: first.trained, parameters: first.parameters, bytes: first.bytes },
    ...(strength === undefined ? {} : { strength }),
    peakMemory: Math.max(...runs.map((run) => run.peakMemory)),
    seconds: over((run) => run.seconds),
    valid: over((run) => run.valid),
    ...(first.test === undefined ? {} : { test: over((run) => run.test!) }),
    ...(before === undefined || first.loss === undefined ? {} : { forgetting: over((run) => run.loss! - before) }),
  }
}

/** Results by key, a line each: what is there is not computed again. Half a line at the end, of a run that was killed, is passed over. */
async function keptLines(path: string): Promise<<T>(key: unknown, work: () => Promise<T>) => Promise<T>> {
  const known = new Map<string, unknown>()
  const text = await readFile(path, 'utf8').catch(() => '')
  for (const line of text.split('\n')) {
    try {
      const { key, result } = JSON.parse(line) as { key: unknown; result: unknown }
      known.set(JSON.stringify(key), result)
    } catch {} // the rest of a line that was cut off
  }
  if (text !== '' && !text.endsWith('\n')) await appendFile(path, '\n')
  return async <T>(key: unknown, work: () => Promise<T>) => {
    const id = JSON.stringify(key)
    if (!known.has(id)) {
      const result = await work()
      await appendFile(path, `${JSON.stringify({ key, result })}\n`)
      known.set(id, result)
    }
    return known.get(id) as T
  }
}
