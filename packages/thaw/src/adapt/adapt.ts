// Adapting a backbone to a task: the first scheme of the toolkit (the tutorial's hands-on 3) with its controls.

import { createExecutor, type Executor, linear, type Store, type Tensor } from '@thaw/tensor'
import { runLog } from '#run-log'
import { digest, loadTrainingState, removeTrainingState, saveTrainingState } from '#training-state'
import { type ClassificationReport, classificationReport } from '../metrics/classification.js'
import { classThresholds } from '../metrics/thresholds.js'
import type { ClassificationTask } from '../tasks/classification.js'
import { runLoop, type StepReport } from '../train/loop.js'
import type { Backbone } from './backbone.js'
import { trainingBatches } from './batches.js'
import { type Classifier, createClassifier, labelId, type TextLike } from './classifier.js'
import { outOfPatience } from './early-stopping.js'
import type { CacheReport } from './frozen-prefix.js'
import type { PartialLoad } from './parameters.js'
import { describePlan } from './recipe/plan.js'
import { setUp } from './set-up.js'
import { type AdaptSettings, adaptationSettings } from './settings.js'
import { headValidator, modelValidator } from './validation.js'

export type LabelledText = TextLike & { label?: string }

/** The parts of the training loss by name, each the mean of an epoch's steps; empty where the loss is the task's alone. */
export type Losses = Readonly<Record<string, number>>

export type AdaptEvent =
  | {
      kind: 'plan'
      settings: AdaptSettings
      steps: number
      from: number
      trained: number
      parameters: number
      truncated: number
      load: PartialLoad
      /** What a recipe does, a line a stage. */
      stages: string[]
    }
  /** The frozen part of a stage has been computed once for all texts. */
  | ({ kind: 'cache' } & CacheReport)
  | { kind: 'features'; texts: number; seconds: number }
  | ({ kind: 'step'; total: number; tokens: number } & StepReport)
  | { kind: 'epoch'; epoch: number; epochs: number; step: number; accuracy: number; macroF1: number; loss: number; losses: Losses; best: boolean }
  | { kind: 'saved'; step: number }

export interface AdaptOptions extends Partial<AdaptSettings> {
  train: readonly LabelledText[]
  /** Chooses the epoch that is kept. */
  valid: readonly LabelledText[]
  /** Looked at once, at the end. */
  test?: readonly LabelledText[]
  threads?: number
  /** Diagonal of the Fisher information by path, for a recipe with `ewc()`. */
  fisher?: ReadonlyMap<string, Float32Array>
  /** A folder for the run's state and metrics: a run that was stopped or killed goes on from there with `resume`. */
  stateFolder?: string
  /** Bytes of memory for what frozen layers make of the texts; more goes into a temporary file. 0: computed anew at each step. Default 512 MB. */
  frozenCache?: number
  /** Seconds between saves of the state; default 30. */
  saveEvery?: number
  resume?: boolean
  signal?: AbortSignal
  onEvent?: (event: AdaptEvent) => void
}

export interface AdaptReport {
  settings: AdaptSettings
  load: PartialLoad
  steps: number
  stopped: boolean
  /** Elements that were trained, and all. */
  trained: number
  parameters: number
  /** In all sessions of the run. */
  seconds: number
  bestEpoch: number
  epochs: { epoch: number; accuracy: number; macroF1: number; loss: number; losses: Losses }[]
  /** What was computed once, by stage. */
  cached: CacheReport[]
  valid: ClassificationReport
  test?: ClassificationReport
}

interface Position {
  step: number
  bestEpoch: number
  epochs: AdaptReport['epochs']
  seconds: number
  /** Of the losses' parts, since the last validation. */
  sums: Record<string, number>
  /** What the run was started with: it goes on with the same. */
  settings: AdaptSettings
  data: string
}

/**
 * Adapts a backbone to a classification task, keeps the best epoch by validation accuracy, and reports on the test texts once.
 *
 * ```ts
 * const { model, report } = await adapt(await load('./checkpoints/wiki-lm'), classification({ labels }), { train, valid, seed: 1 })
 * await model.predict('Who wrote Hamlet?')   // [{ label: 'HUM', score: 0.98 }, …]
 * ```
 */
export async function adapt(
  backbone: Backbone,
  task: ClassificationTask,
  options: AdaptOptions,
): Promise<{ model: Classifier; report: AdaptReport }> {
  const { train, valid, test, threads, stateFolder, saveEvery, resume, signal, onEvent = () => {}, ...given } = options
  for (const [name, examples] of Object.entries({ train, valid })) if (examples.length === 0) throw new Error(`${name}: no examples`)
  for (const [name, examples] of Object.entries({ train, valid, test: test ?? [] }))
    examples.forEach((example, i) => {
      if (example.label === undefined) throw new Error(`${name}: example ${i + 1} has no label`)
      labelId(task.labels, example.label)
    })
  const settings = adaptationSettings(given, backbone.config, train.length)
  const executor = await createExecutor(threads === undefined ? {} : { threads })
  try {
    const { model, report } = await run(executor, backbone, task, settings, { ...options, onEvent })
    return { model, report }
  } catch (error) {
    await executor[Symbol.asyncDispose]()
    throw error
  }
}

async function run(
  executor: Executor,
  backbone: Backbone,
  task: ClassificationTask,
  settings: AdaptSettings,
  options: AdaptOptions & { onEvent(event: AdaptEvent): void },
) {
  const { train, valid, test, stateFolder, saveEvery = 30, resume, signal, onEvent } = options
  const started = performance.now()
  const { labels } = task
  const { recipe } = settings
  const set = await setUp(executor, backbone, task, settings, {
    train,
    ...(options.fisher ? { fisher: options.fisher } : {}),
    ...(options.frozenCache === undefined ? {} : { frozenCache: options.frozenCache }),
    onCache: (report) => onEvent({ kind: 'cache', ...report }),
  })
  const { params, config, details, tokenizer, texts, trainer, trainable, trained, parameters, plan, perEpoch, total, row, load, mix } = set
  const model = await createClassifier({ config, tokenizer, details, executor, params, owns: true })

  const best = await executor.store('best')
  // only what trains has to be kept
  const partial = settings.scheme === 'frozen' || recipe !== undefined
  await best.declare(partial ? trainable : await params.describe())
  const stores = { params: partial ? await subset(executor, trainable) : params, optimizer: trainer.optimizer, best }
  const position: Position = { step: 0, bestEpoch: 0, epochs: [], seconds: 0, sums: {}, settings, data: fingerprint(train, valid, labels) }
  if (stateFolder && resume) Object.assign(position, sameRun(await loadTrainingState<Position>(stateFolder, stores), position, stateFolder))
  else if (stateFolder) await removeTrainingState(stateFolder)
  if (partial && position.step > 0) await stores.params.copyTo(params)
  const from = position.step
  const truncated = texts.filter((x) => x.truncated).length
  onEvent({ kind: 'plan', settings, steps: total, from, trained, parameters, truncated, load, stages: plan ? describePlan(plan, settings.rate) : [] })
  const secondsSoFar = () => position.seconds + (performance.now() - started) / 1000

  const schedule = recipe?.ingredients.some(({ kind }) => kind === 'schedule') ? plan!.schedule : linear({ warmup: settings.warmup, total })
  const validator = mix ? await headValidator(executor, config, params, await set.featuresOf(valid), valid, labels) : modelValidator(model, valid)
  const feedsOf = await set.feeds(from)
  if (mix) onEvent({ kind: 'features', texts: texts.length + valid.length, seconds: secondsSoFar() - position.seconds })
  using log = stateFolder ? runLog(stateFolder, from > 0 ? { resumeFrom: from } : {}) : undefined
  const lastStage = plan ? Math.floor(plan.stages.at(-1)!.from / perEpoch) : 0
  const exhausted = () =>
    settings.patience !== undefined &&
    outOfPatience(
      position.epochs.map(({ accuracy }) => accuracy),
      settings.patience,
      lastStage,
    )
  let seen = 0
  const end = await runLoop({
    trainer,
    // a run that had ended early is not gone on with
    total: exhausted() ? from : total,
    from,
    seed: settings.seed,
    rate: (step) => settings.rate * schedule(step),
    batches: trainingBatches(texts, settings, from, feedsOf, (more) => {
      seen += more
    }),
    onStep(report) {
      log?.write(report.step, { loss: report.loss, rate: report.rate, gradientNorm: report.gradientNorm, ...report.outputs })
      for (const [name, value] of Object.entries(report.outputs)) position.sums[name] = (position.sums[name] ?? 0) + value
      onEvent({ kind: 'step', total, tokens: seen, ...report })
    },
    validate: {
      every: perEpoch,
      async run(step) {
        await row.toTable()
        const { report, loss } = await validator.run()
        const epoch = step / perEpoch
        // a tie goes to the later epoch, which has seen more
        const isBest = position.epochs.every((other) => other.accuracy <= report.accuracy)
        const losses = Object.fromEntries(Object.entries(position.sums).map(([name, sum]) => [name, sum / perEpoch]))
        position.sums = {}
        position.epochs.push({ epoch, accuracy: report.accuracy, macroF1: report.macroF1, loss, losses })
        if (isBest) {
          position.bestEpoch = epoch
          await keep(params, best, partial, trainable)
        }
        log?.write(step, { validLoss: loss, validAccuracy: report.accuracy, validMacroF1: report.macroF1 })
        onEvent({
          kind: 'epoch',
          epoch,
          epochs: settings.epochs,
          step,
          accuracy: report.accuracy,
          macroF1: report.macroF1,
          loss,
          losses,
          best: isBest,
        })
        return exhausted() ? 'stop' : undefined
      },
    },
    ...(stateFolder
      ? {
          save: {
            seconds: saveEvery,
            async run(step: number) {
              if (partial) await keep(params, stores.params, true, trainable)
              await saveTrainingState(stateFolder, stores, { ...position, step, seconds: secondsSoFar() })
              onEvent({ kind: 'saved', step })
            },
          },
        }
      : {}),
    ...(signal ? { signal } : {}),
  })
  if (position.bestEpoch > 0) await best.copyTo(params)
  await row.toTable()
  await row.remove()
  if (settings.thresholds && !end.stopped) {
    const wanted = valid.map(({ label }) => labelId(labels, label))
    const rows = await model.probabilities(valid)
    model.thresholds = classThresholds(rows, labels.length, (predicted) => classificationReport(wanted, predicted, labels).macroF1)
  }
  const { report: validReport } = settings.thresholds ? await model.evaluate(valid as never) : await validator.run()
  const report: AdaptReport = {
    settings,
    load,
    steps: end.step,
    stopped: end.stopped,
    trained,
    parameters,
    seconds: secondsSoFar(),
    bestEpoch: position.bestEpoch,
    epochs: position.epochs,
    cached: set.cached,
    valid: validReport,
    ...(test && !end.stopped ? { test: (await model.evaluate(test as never)).report } : {}),
  }
  await set.caches?.[Symbol.asyncDispose]()
  await trainer.dispose()
  await best.dispose()
  await validator.dispose()
  return { model, report }
}

/** What a run was made from, as one short text. */
const fingerprint = (train: readonly LabelledText[], valid: readonly LabelledText[], labels: readonly string[]): string => {
  const plain = (examples: readonly LabelledText[]) => examples.map(({ text, pair, label }) => [text, pair, label])
  return digest(JSON.stringify([plain(train), plain(valid), labels]))
}

/** The saved position, if it belongs to this run. @throws saying what differs. */
function sameRun(saved: Position | undefined, now: Position, folder: string): Position | undefined {
  if (!saved) return undefined
  if (saved.data !== now.data) throw new Error(`${folder}: the run was started with other texts or labels; bring those back, or start a new run`)
  for (const [name, value] of Object.entries(now.settings)) {
    const was = saved.settings[name as keyof AdaptSettings]
    const text = (setting: unknown) => (typeof setting === 'object' ? JSON.stringify(setting) : String(setting))
    if (text(was) !== text(value))
      throw new Error(`${folder}: the run was started with ${name} ${text(was)}, now it is ${text(value)}; a resumed run keeps its settings`)
  }
  return saved
}

/** A store of the trainable tensors alone: what a frozen run has to keep. */
async function subset(executor: Executor, tensors: readonly Tensor[]): Promise<Store> {
  const store = await executor.store('trained')
  await store.declare(tensors)
  return store
}

/** Copies the trained tensors (all, or only those of a head) into another store. */
async function keep(from: Store, to: Store, some: boolean, tensors: readonly Tensor[]): Promise<void> {
  if (!some) return from.copyTo(to)
  for (const tensor of tensors) {
    const path = tensor.node.attributes.path as string
    await to.write(path, await from.read(path))
  }
}
