// Pretraining: text in, a checkpoint folder out. Tokenizer, corpus, model and loop in order; every stage says what it does, and a run that was
// stopped or killed goes on with `resume`.

import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { createExecutor, type Executor, type Store } from '@thaw/tensor'
import { writeCheckpoint } from '../hub/checkpoint.js'
import type { LoadReport } from '../hub/load-into.js'
import { settleFolder } from '../hub/replace-folder.js'
import { runLog } from '../log/run-log.js'
import type { TransformerConfig } from '../models/config.js'
import { configOf } from '../models/sizes.js'
import { Scope } from '../nn/scope.js'
import { readDocuments, type TokenCache, tokenizeCorpus } from '../text/corpus/index.js'
import { loadTokenizer, type Tokenizer, type TokenizerKind } from '../text/tokenizer/index.js'
import { withDiskErrors } from '../train/disk-errors.js'
import { initialise } from '../train/initialise.js'
import { runLoop, type StepReport } from '../train/loop.js'
import { lockRun } from '../train/run-lock.js'
import { loadTrainingState, removeTrainingState, saveTrainingState } from '../train/state.js'
import { createTrainer, type Trainer } from '../train/trainer.js'
import { type HeldOut, heldOutEnd, heldOutText } from './held-out.js'
import { objectiveKinds } from './objectives/index.js'
import type { BatchSource, Objective } from './objectives/objective.js'
import type { PerplexityReport } from './perplexity.js'
import { plannedSteps, scheduleOf, validationInterval, warmupSteps } from './plan.js'
import { type PretrainSettings, pretrainSettings } from './settings.js'
import { copyStandardInput, type StandardInput } from './standard-input.js'
import { fillFrom, optimizerOf, startFrom } from './start.js'
import { stepBatches, stepsPerEpoch } from './steps.js'
import { teacherVectors } from './teacher.js'
import { readVectors, startFromVectors } from './word-vectors.js'

/** What happens, for whoever shows it. */
export type PretrainEvent =
  /** Files being read; the total is unknown for standard input. */
  | { kind: 'read'; purpose: 'tokenizer' | 'corpus' | 'validation'; bytesRead: number; bytesTotal: number | undefined }
  | { kind: 'tokenizer'; tokenizerKind: TokenizerKind; size: number; trained: boolean }
  /** Token embeddings that started from word vectors. */
  | { kind: 'vectors'; found: number; of: number; dimensions: number }
  /** What a checkpoint gave a run that goes on from it. */
  | { kind: 'loaded'; from: string; report: LoadReport }
  | { kind: 'corpus'; tokens: number; words: number; documents: number }
  | { kind: 'model'; parameters: number; config: TransformerConfig }
  | {
      kind: 'plan'
      settings: PretrainSettings
      steps: number
      from: number
      warmup: number
      epochs: number
      tokensPerStep: number
      secondsPerStep: number
    }
  | ({ kind: 'step'; tokens: number } & StepReport)
  | { kind: 'validating' }
  | { kind: 'validation'; step: number; report: PerplexityReport }
  | { kind: 'saved'; step: number }

export interface PretrainOptions {
  /** The checkpoint's folder. */
  out: string
  /** Default: the machine's cores, at most 8; with a teacher one fewer. */
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
  /** Tokens that were trained on, in all sessions of the run. */
  tokens: number
  /** Seconds of training, in all sessions of the run. */
  seconds: number
  /** The last validation: of the end, unless the run was stopped. */
  validation: PerplexityReport | undefined
  heldOut: HeldOut
  tokenizer: { kind: TokenizerKind; size: number }
}

interface Position {
  step: number
  total: number
  /** Of the corpus: a run goes on with the text it began with. */
  tokens?: number
  seconds?: number
}

/**
 * Pretrains a language model.
 *
 * ```ts
 * await pretrain({ text: ['wiki/*.txt'], size: 'tiny', minutes: 30 }, { out: 'checkpoints/wiki' })
 * ```
 */
export async function pretrain(given: Partial<PretrainSettings> & { text: string[] }, options: PretrainOptions): Promise<PretrainReport> {
  return await withDiskErrors(options.out, async () => {
    await using _ = await lockRun(options.out)
    return await pretrainIn(given, options)
  })
}

async function pretrainIn(given: Partial<PretrainSettings> & { text: string[] }, options: PretrainOptions): Promise<PretrainReport> {
  const { out, onEvent = () => {}, signal } = options
  const folder = join(out, 'training')
  const resume = options.resume ?? false
  if (resume) await settleFolder(out)
  const stored = resume ? await readSettings(folder) : undefined
  const done = resume ? await readReport(folder) : undefined
  if (done) return done
  const start = await startFrom(stored ? stored.from && out : given.from)
  const settings = stored ?? pretrainSettings(given, start?.config)
  await using input = await copyStandardInput(settings.text)
  // the teacher reads on a thread of its own
  const threads = options.threads ?? (settings.teacher ? Math.min(8, Math.max(1, availableParallelism() - 1)) : undefined)
  await using executor = await createExecutor(threads === undefined ? {} : { threads })
  const tokenizer = resume ? await loadTokenizer(out) : await tokenizerFor({ ...settings, text: input.files }, onEvent)
  onEvent({ kind: 'tokenizer', tokenizerKind: tokenizer.kind, size: tokenizer.size, trained: !resume && settings.tokenizer === undefined && !start })
  return await run({ ...(start ? { start } : {}), settings, out, folder, tokenizer, executor, onEvent, resume, input, ...(signal ? { signal } : {}) })
}

interface Run {
  settings: PretrainSettings
  /** The model to go on from. */
  start?: { folder: string; config: TransformerConfig }
  out: string
  /** Where the run keeps what only it needs. */
  folder: string
  tokenizer: Tokenizer
  executor: Executor
  onEvent: (event: PretrainEvent) => void
  resume: boolean
  input: StandardInput
  signal?: AbortSignal
}

async function run(context: Run): Promise<PretrainReport> {
  const { out, folder, tokenizer, executor, onEvent, resume, input, start } = context
  let { settings } = context
  const kind = objectiveKinds[settings.objective]
  const config = start
    ? { ...start.config, causal: settings.objective === 'causal', vocabulary: tokenizer.size }
    : configOf(settings.size, { ...kind.config(settings), ...settings.config, vocabulary: tokenizer.size })
  if (config.causal && !(start?.config.causal ?? true))
    throw new Error(`from ${start!.folder}: a bidirectional model; give it the objective masked or replaced, not causal`)
  const objective = await kind.create({ settings, config, tokenizer })
  const { shapes } = objective
  const params = await executor.store('params')
  await params.declare([...shapes].map(([path, shape]) => ({ path, shape, dtype: 'f32' })))
  await initialise(params, shapes, settings.seed)
  // a run that was killed before its first save finds what it began with in its own checkpoint
  const { vectors, teacher } = settings
  if (resume && (settings.from || vectors || teacher)) await fillFrom(out, params, shapes)
  else if (start) onEvent({ kind: 'loaded', from: start.folder, report: await fillFrom(start.folder, params, shapes) })
  else if (vectors || teacher) {
    const { vectorsStd: std, seed } = settings
    const width = config.embedding ?? config.hidden
    const ofWords = vectors ? await readVectors(vectors, tokenizer) : await teacherVectors(teacher!, tokenizer, executor)
    const { found, dimensions } = await startFromVectors(params, ofWords, { width, std, seed })
    onEvent({ kind: 'vectors', found, of: tokenizer.size, dimensions })
  }
  const parameters = [...shapes.values()].reduce((total, shape) => total + shape.reduce((a, b) => a * b, 1), 0)
  onEvent({ kind: 'model', parameters, config })
  const model = { config, objective, params, parameters }
  if (!resume) {
    // in this order, so that a run that is killed in between finds nothing of an older one to go on from
    for (const file of [runFile(folder), reportFile(folder)]) await rm(file, { force: true })
    await removeTrainingState(folder)
    // the folder is a checkpoint from the start; that also refuses a folder that is something else
    await saveModel(out, model, tokenizer)
    await mkdir(folder, { recursive: true })
    await input.keep(folder)
    settings = { ...settings, text: input.files }
    await replaceFile(runFile(folder), JSON.stringify(settings, undefined, 2))
  }
  const endOfText = (tokenizer.special.eos ?? tokenizer.special.sep ?? tokenizer.special.bos)?.id
  const cacheOptions = {
    tokenizer,
    cacheFolder: join(folder, 'cache'),
    documents: settings.documents,
    ...(endOfText === undefined ? {} : { endOfText }),
  }
  const tokenize = (files: string[], purpose: 'corpus' | 'validation') =>
    tokenizeCorpus(files, { ...cacheOptions, onProgress: (progress) => onEvent({ kind: 'read', purpose, ...progress }) })
  await using cache = await tokenize(settings.text, 'corpus')
  onEvent({ kind: 'corpus', tokens: cache.tokens, words: cache.words, documents: cache.documents })
  const corpus = { cache, endOfText: endOfText ?? 0 }
  if (!settings.valid)
    return await train({ ...context, settings }, model, { ...corpus, validCache: cache, heldOut: await heldOutEnd(cache, tokenizer) })
  await using validCache = await tokenize(settings.valid, 'validation')
  return await train({ ...context, settings }, model, { ...corpus, validCache, heldOut: await heldOutText(validCache, tokenizer) })
}

interface Model {
  config: TransformerConfig
  objective: Objective
  params: Store
  parameters: number
}

interface Corpus {
  cache: TokenCache
  validCache: TokenCache
  heldOut: HeldOut
  endOfText: number
}

async function train(
  { settings, out, folder, tokenizer, executor, onEvent, signal }: Run,
  model: Model,
  { cache, validCache, heldOut, endOfText }: Corpus,
): Promise<PretrainReport> {
  const { objective, params, parameters } = model
  const { batch, time, microsteps, seed } = settings
  const scope = new Scope({ training: true })
  const trainer = await createTrainer(executor, {
    ...objective.graph(scope),
    trainable: [...scope.parameters.values()],
    optimizer: optimizerOf(settings),
    params,
    microsteps,
    shapes: [objective.sizes],
  })
  const stores = { params, optimizer: trainer.optimizer }
  const position = await loadTrainingState<Position>(folder, stores)

  if (position?.tokens !== undefined && position.tokens !== cache.tokens)
    throw new Error(
      `${out}: the text has changed: the run began with ${position.tokens} tokens, now there are ${cache.tokens}; bring the text back, or start a new run`,
    )
  const range = { from: 0, to: validCache === cache ? heldOut.from : cache.tokens }
  const source = await objective.batches(cache, range)
  const perEpoch = stepsPerEpoch(source, microsteps)
  const secondsPerStep = await timeOneStep(trainer, source, settings)
  const total = position?.total ?? plannedSteps(settings, perEpoch, secondsPerStep)
  const from = position?.step ?? 0
  const began = performance.now()
  const positionAt = (step: number): Position => ({
    step,
    total,
    tokens: cache.tokens,
    seconds: (position?.seconds ?? 0) + (performance.now() - began) / 1000,
  })
  // a run that is killed before its first save goes on with the same number of steps
  if (!position) await saveTrainingState(folder, stores, positionAt(0))
  onEvent({
    kind: 'plan',
    settings,
    steps: total,
    from,
    warmup: warmupSteps(settings, total),
    epochs: total / perEpoch,
    tokensPerStep: batch * time * microsteps,
    secondsPerStep,
  })

  const evaluator = await objective.evaluator(executor, params)
  const log = runLog(folder, from > 0 ? { resumeFrom: from } : {})
  let validation: PerplexityReport | undefined
  const schedule = scheduleOf(settings, total)
  try {
    const end = await runLoop({
      trainer,
      total,
      from,
      seed,
      rate: (step) => settings.rate * schedule(step),
      batches: stepBatches(source, microsteps, from),
      onStep(report) {
        const tokens = (report.step - from) * batch * time * microsteps
        log.write(report.step, { loss: report.loss, rate: report.rate, gradientNorm: report.gradientNorm, ...report.outputs })
        onEvent({ kind: 'step', tokens, ...report })
      },
      validate: {
        every: validationInterval(settings, total, heldOut.to - heldOut.from),
        async run(step) {
          onEvent({ kind: 'validating' })
          validation = await evaluator.evaluate(validCache, { ...heldOut, first: endOfText })
          log.write(step, {
            validLoss: validation.loss / validation.tokens,
            validPerplexity: validation.perToken,
            validWordPerplexity: validation.perWord,
            ...validation.others,
          })
          onEvent({ kind: 'validation', step, report: validation })
        },
      },
      save: {
        seconds: settings.saveEvery,
        async run(step) {
          await saveTrainingState(folder, stores, positionAt(step))
          onEvent({ kind: 'saved', step })
        },
      },
      ...(signal ? { signal } : {}),
    })
    // a run that was killed after its last step has not validated its end in this session
    if (!end.stopped) validation ??= await evaluator.evaluate(validCache, { ...heldOut, first: endOfText })
    await saveModel(out, model, tokenizer)
    const tokens = end.step * batch * time * microsteps
    const { seconds = 0 } = positionAt(end.step)
    const report = {
      steps: end.step,
      stopped: end.stopped,
      parameters,
      tokens,
      seconds,
      validation,
      heldOut,
      tokenizer: { kind: tokenizer.kind, size: tokenizer.size },
    }
    if (!end.stopped) {
      await replaceFile(reportFile(folder), JSON.stringify(report, undefined, 2))
      await removeTrainingState(folder)
    }
    return report
  } finally {
    log.close()
    await source.dispose?.()
    await evaluator.dispose()
    await trainer.dispose()
  }
}

/**
 * Seconds a step will take, with the wait for its batch: a teacher may be slower than the model that learns. Some steps are rehearsed, which changes
 * nothing; the first ones warm up, and use up what the teacher has read ahead.
 */
async function timeOneStep(trainer: Trainer, source: BatchSource, { microsteps, teacher }: PretrainSettings): Promise<number> {
  const rehearsals = teacher ? { warm: 3, timed: 3 } : { warm: 2, timed: 1 }
  let done = 0
  let start = 0
  for await (const [feeds] of stepBatches(source, microsteps, 0)) {
    if (done === rehearsals.warm) start = performance.now()
    await trainer.rehearse(feeds!)
    if (++done === rehearsals.warm + rehearsals.timed) break
  }
  return (1.05 * (performance.now() - start)) / 1000 / rehearsals.timed
}

async function tokenizerFor(settings: PretrainSettings, onEvent: (event: PretrainEvent) => void): Promise<Tokenizer> {
  const kind = objectiveKinds[settings.objective]
  const known = settings.tokenizer ?? settings.from
  if (known) {
    const tokenizer = await loadTokenizer(known)
    kind.addTokens?.(tokenizer)
    return tokenizer
  }
  async function* texts() {
    const onProgress = (bytesRead: number, bytesTotal: number | undefined) => onEvent({ kind: 'read', purpose: 'tokenizer', bytesRead, bytesTotal })
    for await (const { text } of readDocuments(settings.text, { documents: settings.documents, onProgress })) yield text
  }
  return kind.trainTokenizer(texts(), settings.vocabulary)
}

async function saveModel(out: string, { config, objective: { shapes, saved }, params }: Model, tokenizer: Tokenizer): Promise<void> {
  const parameters = []
  for (const path of saved) parameters.push({ path, shape: shapes.get(path)!, data: (await params.read(path)) as Float32Array })
  await writeCheckpoint(out, { config: { model: config }, parameters, tokenizer })
}

const runFile = (folder: string): string => join(folder, 'run.json')

/** The settings of a run that was started in a checkpoint's `training` folder. */
export async function readSettings(folder: string): Promise<PretrainSettings> {
  const out = dirname(folder)
  const text = await readFile(runFile(folder), 'utf8').catch((cause: unknown) => {
    throw new Error(`${out}: no run was started here, so there is none to resume; start a new one`, { cause })
  })
  const settings = JSON.parse(text) as PretrainSettings
  if (!Array.isArray(settings.text))
    throw new Error(`${out}: the run in this folder is no pretraining run; go on with it by the command that started it`)
  return pretrainSettings(settings)
}

const reportFile = (folder: string): string => join(folder, 'report.json')

/** What a finished run reported; undefined where it is not finished. */
export async function readReport(folder: string): Promise<PretrainReport | undefined> {
  const text = await readFile(reportFile(folder), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as PretrainReport)
}

async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.tmp`, text)
  await rename(`${path}.tmp`, path)
}
