// Adapting a backbone to a task: the first scheme of the toolkit (the tutorial's hands-on 3) with its controls.

import { createExecutor, type Executor, linear, type Store, type Tensor } from '@thaw/tensor'
import { runLog } from '#run-log'
import { loadTrainingState, removeTrainingState, saveTrainingState } from '#training-state'
import type { TextLike } from '../tasks/form.js'
import { hasLabels, type Task } from '../tasks/task.js'
import { runLoop, type StepReport } from '../train/loop.js'
import type { Backbone } from './backbone.js'
import { trainingBatches } from './batches.js'
import { decideByThresholds } from './decisions.js'
import { outOfPatience } from './early-stopping.js'
import type { CacheReport } from './frozen-prefix.js'
import type { Kind, Models, Reports, Scores } from './kinds.js'
import type { PartialLoad } from './parameters.js'
import { describePlan } from './recipe/plan.js'
import { fingerprint, type Position, sameRun } from './same-run.js'
import { setUp } from './set-up.js'
import { type AdaptSettings, adaptationSettings } from './settings.js'
import { createModel, targetOf } from './targets.js'
import { headValidator, modelValidator, type Validator } from './validation.js'

/** An example: with one label, or with the list of all that fit it (multi-label), which may be empty. */
export type LabelledText = TextLike & { label?: string; labels?: readonly string[] }

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
  | {
      kind: 'epoch'
      epoch: number
      epochs: number
      step: number
      scores: Readonly<Record<string, number>>
      loss: number
      losses: Losses
      best: boolean
    }
  | { kind: 'saved'; step: number }

export interface AdaptOptions extends Partial<AdaptSettings> {
  train: readonly LabelledText[]
  /** Chooses the epoch that is kept, unless that is the last. */
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

export interface AdaptReport<K extends Kind = 'classification'> {
  settings: AdaptSettings
  load: PartialLoad
  steps: number
  stopped: boolean
  /** Elements that were trained, and all. */
  trained: number
  parameters: number
  /** In all sessions of the run. */
  seconds: number
  /** The epoch that was kept. */
  bestEpoch: number
  /** `score` is what chooses: accuracy, micro-F1 of several labels, or the mean of Pearson's and Spearman's correlation. */
  epochs: ({ epoch: number; score: number; loss: number; losses: Losses } & Scores[K])[]
  /** What was computed once, by stage. */
  cached: CacheReport[]
  /** Of the model that was kept, on the validation examples. */
  score: number
  valid: Reports[K]
  test?: Reports[K]
}

/**
 * Adapts a backbone to a task, keeps the best epoch by validation (accuracy, micro-F1 or correlation), and reports on the test examples once.
 *
 * ```ts
 * const { model, report } = await adapt(await load('./checkpoints/wiki-lm'), classification({ labels }), { train, valid, seed: 1 })
 * await model.predict('Who wrote Hamlet?')   // [{ label: 'HUM', score: 0.98 }, …]
 * ```
 */
export async function adapt<T extends Task>(
  backbone: Backbone,
  task: T,
  options: AdaptOptions,
): Promise<{ model: Models[T['kind']]; report: AdaptReport<T['kind']> }> {
  const { train, valid, test, threads, stateFolder, saveEvery, resume, signal, onEvent = () => {}, ...given } = options
  for (const [name, examples] of Object.entries({ train, valid })) if (examples.length === 0) throw new Error(`${name}: no examples`)
  for (const [name, examples] of Object.entries({ train, valid, test: test ?? [] }))
    examples.forEach((example, i) => {
      if (task.kind !== 'multi-label' && example.label === undefined) throw new Error(`${name}: example ${i + 1} has no label`)
      try {
        targetOf(task, example)
      } catch (error) {
        throw new Error(`${name}: example ${i + 1}: ${(error as Error).message}`)
      }
    })
  const settings = adaptationSettings({ ...(task.kind === 'multi-label' ? { thresholds: true } : {}), ...given }, backbone.config, train.length)
  const executor = await createExecutor(threads === undefined ? {} : { threads })
  try {
    const { model, report } = await run(executor, backbone, task, settings, { ...options, onEvent })
    return { model: model as Models[T['kind']], report: report as AdaptReport<T['kind']> }
  } catch (error) {
    await executor[Symbol.asyncDispose]()
    throw error
  }
}

async function run(
  executor: Executor,
  backbone: Backbone,
  task: Task,
  settings: AdaptSettings,
  options: AdaptOptions & { onEvent(event: AdaptEvent): void },
) {
  const { train, valid, test, stateFolder, saveEvery = 30, resume, signal, onEvent } = options
  const started = performance.now()
  const { recipe } = settings
  const set = await setUp(executor, backbone, task, settings, {
    train,
    ...(options.fisher ? { fisher: options.fisher } : {}),
    ...(options.frozenCache === undefined ? {} : { frozenCache: options.frozenCache }),
    onCache: (report) => onEvent({ kind: 'cache', ...report }),
  })
  const { params, config, details, tokenizer, encoded, trainer, trainable, trained, parameters, plan, perEpoch, total, row, load, mix } = set
  const model = await createModel(task, { config, tokenizer, details, executor, params, owns: true })

  const best = await executor.store('best')
  // only what trains has to be kept
  const partial = settings.scheme === 'frozen' || recipe !== undefined
  await best.declare(partial ? trainable : await params.describe())
  const stores = { params: partial ? await subset(executor, trainable) : params, optimizer: trainer.optimizer, best }
  const position: Position = { step: 0, bestEpoch: 0, epochs: [], seconds: 0, sums: {}, settings, data: fingerprint(train, valid, task) }
  if (stateFolder && resume) Object.assign(position, sameRun(await loadTrainingState<Position>(stateFolder, stores), position, stateFolder))
  else if (stateFolder) await removeTrainingState(stateFolder)
  if (partial && position.step > 0) await stores.params.copyTo(params)
  const from = position.step
  const truncated = encoded.rows.filter((rows) => rows.some((row) => row.truncated)).length
  onEvent({ kind: 'plan', settings, steps: total, from, trained, parameters, truncated, load, stages: plan ? describePlan(plan, settings.rate) : [] })
  const secondsSoFar = () => position.seconds + (performance.now() - started) / 1000

  const schedule = recipe?.ingredients.some(({ kind }) => kind === 'schedule') ? plan!.schedule : linear({ warmup: settings.warmup, total })
  const validator: Validator =
    mix && hasLabels(task)
      ? await headValidator(executor, config, params, await set.featuresOf(valid), valid, task, settings.thresholds)
      : modelValidator(task, model, valid, settings.thresholds)
  const feedsOf = await set.feeds(from)
  if (mix) onEvent({ kind: 'features', texts: train.length + valid.length, seconds: secondsSoFar() - position.seconds })
  using log = stateFolder ? runLog(stateFolder, from > 0 ? { resumeFrom: from } : {}) : undefined
  const lastStage = plan ? Math.floor(plan.stages.at(-1)!.from / perEpoch) : 0
  const exhausted = () =>
    settings.patience !== undefined &&
    outOfPatience(
      position.epochs.map(({ score }) => score),
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
    batches: trainingBatches(encoded.rows, settings, from, feedsOf, (more) => {
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
        const { score, scores, loss } = await validator.run()
        const epoch = step / perEpoch
        // a tie goes to the later epoch, which has seen more
        const isBest = position.epochs.every((other) => other.score <= score)
        const losses = Object.fromEntries(Object.entries(position.sums).map(([name, sum]) => [name, sum / perEpoch]))
        position.sums = {}
        position.epochs.push({ epoch, score, ...scores, loss, losses })
        if (isBest || settings.keep === 'last') {
          position.bestEpoch = epoch
          await keep(params, best, partial, trainable)
        }
        log?.write(step, {
          validLoss: loss,
          ...Object.fromEntries(Object.entries(scores).map(([name, value]) => [`valid${name[0]!.toUpperCase()}${name.slice(1)}`, value])),
        })
        onEvent({
          kind: 'epoch',
          epoch,
          epochs: settings.epochs,
          step,
          scores,
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
  const decided = settings.thresholds && !end.stopped ? await decideByThresholds(task, model, valid) : undefined
  const { report: validReport, score: validScore } = decided ?? (await validator.run())
  const report: AdaptReport<Kind> = {
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
    score: validScore,
    valid: validReport,
    ...(test && !end.stopped ? { test: (await model.evaluate(test as never)).report } : {}),
  }
  await set.caches?.[Symbol.asyncDispose]()
  await trainer.dispose()
  await best.dispose()
  await validator.dispose()
  return { model, report }
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
