// Pretraining: text in, a checkpoint folder out. Tokenizer, corpus, model and loop in order; every stage says what it does, and a run that was
// stopped or killed goes on with `resume`.

import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { adamw, constantSchedule, cosine, createExecutor, type Executor, inverseSquareRoot, linear, type Schedule, type Store } from '@thaw/tensor'
import { writeCheckpoint } from '../hub/checkpoint.js'
import { runLog } from '../log/run-log.js'
import type { TransformerConfig } from '../models/config.js'
import { parameterShapes } from '../models/shapes.js'
import { configOf } from '../models/sizes.js'
import { Scope } from '../nn/scope.js'
import { languageModelBatchCount, languageModelBatches, readDocuments, type TokenCache, tokenizeCorpus } from '../text/corpus/index.js'
import { loadTokenizer, type Tokenizer, trainByteLevelBpe } from '../text/tokenizer/index.js'
import { initialise } from '../train/initialise.js'
import { runLoop, type StepReport } from '../train/loop.js'
import { loadTrainingState, removeTrainingState, saveTrainingState } from '../train/state.js'
import { createTrainer, type Trainer } from '../train/trainer.js'
import { causalObjective } from './objectives/causal.js'
import { type PerplexityReport, perplexityEvaluator } from './perplexity.js'
import { type PretrainSettings, pretrainSettings } from './settings.js'

/** What happens, for whoever shows it. */
export type PretrainEvent =
  | { kind: 'tokenizer'; size: number; trained: boolean }
  | { kind: 'corpus'; tokens: number; words: number; documents: number }
  | { kind: 'model'; parameters: number; config: TransformerConfig }
  | { kind: 'plan'; steps: number; from: number; tokensPerStep: number; secondsPerStep: number }
  | ({ kind: 'step'; tokens: number } & StepReport)
  | { kind: 'validation'; step: number; report: PerplexityReport }
  | { kind: 'saved'; step: number }

export interface PretrainOptions {
  /** The checkpoint's folder. */
  out: string
  threads?: number
  /** Go on from the state in `out`, with the settings it was started with. */
  resume?: boolean
  onEvent?: (event: PretrainEvent) => void
  /** Stops after the current step, with everything saved. */
  signal?: AbortSignal
}

export interface PretrainReport {
  steps: number
  stopped: boolean
  parameters: number
  validation: PerplexityReport | undefined
}

interface Position {
  step: number
  total: number
}

/**
 * Pretrains a language model.
 *
 * ```ts
 * await pretrain({ text: ['wiki/*.txt'], size: 'tiny', minutes: 30 }, { out: 'checkpoints/wiki' })
 * ```
 */
export async function pretrain(given: Partial<PretrainSettings> & { text: string[] }, options: PretrainOptions): Promise<PretrainReport> {
  const { out, onEvent = () => {}, signal } = options
  const folder = join(out, 'training')
  const settings = options.resume ? await readSettings(folder) : pretrainSettings(given)
  const tokenizer = options.resume ? await loadTokenizer(out) : await tokenizerFor(settings)
  onEvent({ kind: 'tokenizer', size: tokenizer.size, trained: settings.tokenizer === undefined })
  const executor = await createExecutor(options.threads === undefined ? {} : { threads: options.threads })
  try {
    return await run({ settings, out, folder, tokenizer, executor, onEvent, resume: options.resume ?? false, ...(signal ? { signal } : {}) })
  } finally {
    await executor[Symbol.asyncDispose]()
  }
}

interface Run {
  settings: PretrainSettings
  out: string
  /** Where the run keeps what only it needs. */
  folder: string
  tokenizer: Tokenizer
  executor: Executor
  onEvent: (event: PretrainEvent) => void
  resume: boolean
  signal?: AbortSignal
}

async function run(context: Run): Promise<PretrainReport> {
  const { settings, out, folder, tokenizer, executor, onEvent, resume } = context
  const config = configOf(settings.size, { ...settings.config, vocabulary: tokenizer.size })
  const shapes = parameterShapes(config)
  const params = await executor.store('params')
  await params.declare([...shapes].map(([path, shape]) => ({ path, shape, dtype: 'f32' })))
  await initialise(params, shapes, settings.seed)
  const parameters = [...shapes.values()].reduce((total, shape) => total + shape.reduce((a, b) => a * b, 1), 0)
  onEvent({ kind: 'model', parameters, config })
  if (!resume) {
    // the folder is a checkpoint from the start; that also refuses a folder that is something else
    await saveModel(out, config, tokenizer, params)
    await mkdir(folder, { recursive: true })
    await removeTrainingState(folder)
    await replaceFile(join(folder, 'run.json'), JSON.stringify(settings, undefined, 2))
  }
  const endOfText = (tokenizer.special.eos ?? tokenizer.special.sep ?? tokenizer.special.bos)?.id
  const cacheOptions = {
    tokenizer,
    cacheFolder: join(folder, 'cache'),
    documents: settings.documents,
    ...(endOfText === undefined ? {} : { endOfText }),
  }
  await using cache = await tokenizeCorpus(settings.text, cacheOptions)
  onEvent({ kind: 'corpus', tokens: cache.tokens, words: cache.words, documents: cache.documents })
  const corpus = { cache, endOfText: endOfText ?? 0 }
  if (!settings.valid) return await train(context, config, params, parameters, { ...corpus, validCache: cache })
  await using validCache = await tokenizeCorpus(settings.valid, cacheOptions)
  return await train(context, config, params, parameters, { ...corpus, validCache })
}

interface Corpus {
  cache: TokenCache
  validCache: TokenCache
  endOfText: number
}

/** Tokens held out for validation where no text is given for it: 2 %, at most these. */
const heldOut = 60_000

async function train(
  { settings, out, folder, tokenizer, executor, onEvent, signal }: Run,
  config: TransformerConfig,
  params: Store,
  parameters: number,
  { cache, validCache, endOfText }: Corpus,
): Promise<PretrainReport> {
  const { batch, time, microsteps, seed } = settings
  const scope = new Scope({ training: true })
  const objective = causalObjective(scope, config)
  const trainer = await createTrainer(executor, {
    loss: objective.loss,
    trainable: [...scope.parameters.values()],
    optimizer: adamw({ weightDecay: settings.weightDecay, ...(settings.clip > 0 ? { clip: settings.clip } : {}) }),
    params,
    microsteps,
    shapes: [{ batch, time }],
  })
  const stores = { params, optimizer: trainer.optimizer }
  const position = await loadTrainingState<Position>(folder, stores)

  const range =
    validCache === cache ? { from: 0, to: cache.tokens - Math.min(heldOut, Math.floor(cache.tokens * 0.02)) } : { from: 0, to: cache.tokens }
  const perEpoch = Math.floor(languageModelBatchCount(cache, { batch, time, ...range }) / microsteps)
  const secondsPerStep = await timeOneStep(trainer, batch, time)
  const total = position?.total ?? plannedSteps(settings, perEpoch, secondsPerStep)
  const from = position?.step ?? 0
  onEvent({ kind: 'plan', steps: total, from, tokensPerStep: batch * time * microsteps, secondsPerStep })

  const evaluator = await perplexityEvaluator(executor, config, params, { batch, time })
  const log = runLog(folder, from > 0 ? { resumeFrom: from } : {})
  const held =
    validCache === cache ? { from: range.to, to: cache.tokens, words: Math.round((cache.words * (cache.tokens - range.to)) / cache.tokens) } : {}
  let validation: PerplexityReport | undefined
  const schedule = scheduleOf(settings, total)
  try {
    const end = await runLoop({
      trainer,
      total,
      from,
      seed,
      rate: (step) => settings.rate * schedule(step),
      batches: stepBatches(cache, { batch, time, microsteps, seed, perEpoch, range }, from),
      onStep(report) {
        const tokens = (report.step - from) * batch * time * microsteps
        log.write(report.step, { loss: report.loss, rate: report.rate, gradientNorm: report.gradientNorm })
        onEvent({ kind: 'step', tokens, ...report })
      },
      validate: {
        every: settings.validateEvery ?? Math.max(1, Math.ceil(total / 20)),
        async run(step) {
          validation = await evaluator.evaluate(validCache, { ...held, first: endOfText })
          log.write(step, {
            validLoss: validation.loss / validation.tokens,
            validPerplexity: validation.perToken,
            validWordPerplexity: validation.perWord,
          })
          onEvent({ kind: 'validation', step, report: validation })
        },
      },
      save: {
        seconds: settings.saveEvery,
        async run(step) {
          await saveTrainingState(folder, stores, { step, total } satisfies Position)
          onEvent({ kind: 'saved', step })
        },
      },
      ...(signal ? { signal } : {}),
    })
    await saveModel(out, config, tokenizer, params)
    return { steps: end.step, stopped: end.stopped, parameters, validation }
  } finally {
    log.close()
    await evaluator.dispose()
    await trainer.dispose()
  }
}

const scheduleOf = (settings: PretrainSettings, total: number): Schedule => {
  const warmup = settings.warmup ?? Math.min(1000, Math.ceil(total * 0.02))
  switch (settings.schedule) {
    case 'cosine':
      return cosine({ warmup, total, floor: 0.05 })
    case 'linear':
      return linear({ warmup, total })
    case 'inverse-square-root':
      return inverseSquareRoot({ warmup: Math.max(1, warmup) })
    default:
      return constantSchedule()
  }
}

function plannedSteps(settings: PretrainSettings, perEpoch: number, secondsPerStep: number): number {
  if (settings.steps !== undefined) return settings.steps
  if (settings.minutes !== undefined) return Math.max(1, Math.floor((settings.minutes * 60) / secondsPerStep))
  return Math.max(1, Math.round((settings.epochs ?? 1) * perEpoch))
}

/** Seconds a step will take: the third of three rehearsals, which change nothing. */
async function timeOneStep(trainer: Trainer, batch: number, time: number): Promise<number> {
  const feed = { data: new Int32Array(batch * time), shape: [batch, time] }
  let seconds = 0
  for (let i = 0; i < 3; i++) {
    const start = performance.now()
    await trainer.rehearse({ ids: feed, targets: feed })
    seconds = (performance.now() - start) / 1000
  }
  return seconds * 1.05
}

interface Plan {
  batch: number
  time: number
  microsteps: number
  seed: number
  perEpoch: number
  range: { from: number; to: number }
}

/** The batches of each step, through as many epochs as it takes, from any step on. */
async function* stepBatches(cache: TokenCache, { batch, time, microsteps, seed, perEpoch, range }: Plan, from: number) {
  const shape = [batch, time]
  for (let epoch = Math.floor(from / perEpoch); ; epoch++) {
    const start = Math.max(0, from - epoch * perEpoch) * microsteps
    let step: { ids: { data: Int32Array; shape: number[] }; targets: { data: Int32Array; shape: number[] } }[] = []
    for await (const { inputs, targets, index } of languageModelBatches(cache, { batch, time, seed, epoch, start, ...range })) {
      if (index >= perEpoch * microsteps) break
      step.push({ ids: { data: inputs, shape }, targets: { data: targets, shape } })
      if (step.length < microsteps) continue
      yield step
      step = []
    }
  }
}

async function tokenizerFor(settings: PretrainSettings): Promise<Tokenizer> {
  if (settings.tokenizer) return loadTokenizer(settings.tokenizer)
  async function* texts() {
    for await (const { text } of readDocuments(settings.text, { documents: settings.documents })) yield text
  }
  return trainByteLevelBpe(texts(), { vocabulary: settings.vocabulary })
}

async function saveModel(out: string, config: TransformerConfig, tokenizer: Tokenizer, params: Store): Promise<void> {
  const parameters = []
  for (const [path, shape] of parameterShapes(config)) parameters.push({ path, shape, data: (await params.read(path)) as Float32Array })
  await writeCheckpoint(out, { config: { model: config }, parameters, tokenizer })
}

async function readSettings(folder: string): Promise<PretrainSettings> {
  const file = join(folder, 'run.json')
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Error(`${file}: cannot be read: there is no run to resume; start one without resume`, { cause })
  })
  return pretrainSettings(JSON.parse(text) as PretrainSettings)
}

async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.tmp`, text)
  await rename(`${path}.tmp`, path)
}
