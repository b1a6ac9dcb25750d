// Adapting a backbone to a task: the first scheme of the toolkit (the tutorial's hands-on 3) with its controls.

import { adamw, createExecutor, type Executor, linear, type Store, type Tensor } from '@thaw/tensor'
import { runLog } from '#run-log'
import { loadTrainingState, removeTrainingState, saveTrainingState } from '#training-state'
import type { TransformerConfig } from '../models/config.js'
import { parameterShapes } from '../models/shapes.js'
import { exampleRows, rowsPerExample, type TextLike } from '../tasks/form.js'
import { type EncodedText, textEncoder } from '../tasks/inputs.js'
import { rowsOf, type Task } from '../tasks/task.js'
import { runLoop, type StepReport } from '../train/loop.js'
import { createStagedTrainer } from '../train/staged-trainer.js'
import { createTrainer } from '../train/trainer.js'
import { anchorStores } from './anchors.js'
import type { Backbone } from './backbone.js'
import { type EncodedData, featureFeeds, frozenFeatures, tokenFeeds, trainingBatches } from './batches.js'
import type { CacheReport } from './frozen-prefix.js'
import type { Kind, Models, Reports, Scores } from './kinds.js'
import { checkSignals, languageFeeds, signalsOf } from './language.js'
import { buildNetwork, readsMix } from './network.js'
import { addedRow, fill, type PartialLoad, tokenTable, withClf } from './parameters.js'
import { describePlan, planRecipe } from './recipe/plan.js'
import { fingerprint, type Position, sameRun } from './same-run.js'
import { type AdaptSettings, adaptationSettings } from './settings.js'
import { stageCaches } from './stage-caches.js'
import { createModel, detailsOf, targetOf } from './targets.js'
import { headValidator, modelValidator, type Validator } from './validation.js'

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
  bestEpoch: number
  /** `score` is what chooses: accuracy, or the mean of Pearson's and Spearman's correlation. */
  epochs: ({ epoch: number; score: number; loss: number; losses: Losses } & Scores[K])[]
  /** What was computed once, by stage. */
  cached: CacheReport[]
  /** Of the model that was kept, on the validation examples. */
  score: number
  valid: Reports[K]
  test?: Reports[K]
}

const defaultFrozenCache = 512 * 2 ** 20

/**
 * Adapts a backbone to a task, keeps the best epoch by validation (accuracy, or correlation), and reports on the test examples once.
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
      if (example.label === undefined) throw new Error(`${name}: example ${i + 1} has no label`)
      targetOf(task, example)
    })
  const settings = adaptationSettings(given, backbone.config, train.length)
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
  const { tokenizer, config, clf } = withClf(backbone, settings)
  const frozen = settings.scheme === 'frozen'
  const mix = readsMix(settings, task)
  const { recipe } = settings
  const rowsOfExample = rowsOf(task)
  const segments = feedsSegments(task, config, train)
  const details = {
    ...detailsOf(task),
    ...(train.some(({ pair }) => pair !== undefined) ? ({ pairs: true } as const) : {}),
    ...(segments ? ({ segments: true } as const) : {}),
    pooling: settings.pooling,
    mix,
    maxLength: settings.maxLength,
    ...(settings.scheme === 'scratch' ? {} : { base: backbone.source }),
    ...(recipe ? { recipe } : {}),
  }
  const signals = signalsOf(recipe)
  checkSignals(signals, backbone)
  const network = buildNetwork(config, settings, task, clf, { segments })
  const { scope, loss, old, added } = network
  const shapes = new Map<string, readonly number[]>([
    ...parameterShapes(config),
    ...[...scope.parameters].map(([path, x]) => [path, x.shape as number[]] as const),
  ])
  const params = await executor.store('params')
  await params.declare([...shapes].map(([path, shape]) => ({ path, shape, dtype: 'f32' })))
  const load = await fill(params, shapes, backbone, settings, clf)
  const perEpoch = Math.ceil(train.length / settings.batch)
  const total = perEpoch * settings.epochs
  // the table has the row's first values, and gets those of each epoch
  const row = await addedRowStore(params, added, config.hidden)
  // what the graph does not reach (a pooler, say) is kept as it is
  const reached = new Map([...scope.parameters, ...(added ? [[addedRow, added.row] as const] : [])])
  const plan = recipe && planRecipe(recipe, { paths: [...reached.keys()], fresh: new Set([...load.fresh, addedRow]) }, { steps: total, perEpoch })
  const trains = plan ? new Set(plan.stages.flatMap((stage) => stage.trained)) : undefined
  const trainable = [...reached]
    .filter(([path]) => trains?.has(path) ?? (!frozen || path.startsWith('heads.') || path === addedRow))
    .map(([, tensor]) => tensor)
  if (trainable.length === 0)
    throw new Error(`scheme ${settings.scheme}: nothing would be trained: two towers compared by their cosine have no head; take the scheme full`)
  const headFactor = (path: string) => (path.startsWith('heads.') ? settings.headFactor : 1)
  const optimizer = adamw({ weightDecay: settings.weightDecay, ...(settings.clip > 0 ? { clip: settings.clip } : {}) })
  const encode = textEncoder(tokenizer, settings.maxLength, clf)
  const encoded: EncodedData = {
    rows: train.map((example) => exampleRows(rowsOfExample, example).map(({ text, pair }) => encode(text, pair))),
    targets: train.map((example) => targetOf(task, example)),
    targetType: task.kind === 'regression' ? 'f32' : 'i32',
    pad: tokenizer.special.pad?.id ?? 0,
    segments,
  }
  const cached: CacheReport[] = []
  const caches =
    plan &&
    stageCaches({
      ...{ executor, params, plan, perEpoch, network, seed: settings.seed },
      plain: buildNetwork(config, settings, task, clf, { segments, training: false }),
      lengths: encoded.rows.map(([row]) => row!.ids.length),
      // an activation is kept for a text, not for several
      memory: rowsPerExample(rowsOfExample) > 1 ? 0 : (options.frozenCache ?? defaultFrozenCache),
      onCache(report) {
        cached.push(report)
        onEvent({ kind: 'cache', ...report })
      },
    })
  const trainer = caches
    ? await createStagedTrainer(executor, {
        ...{ params, optimizer, pullOf: plan.pullOf, rateOf: (path: string) => plan.factorOf(path) * headFactor(path) },
        stages: caches.stages,
        stores: await anchorStores(executor, params, plan, { reached, old, fisher: options.fisher }),
      })
    : await createTrainer(executor, { loss, trainable, optimizer, rateOf: headFactor, params })
  const model = await createModel(task, { config, tokenizer, details, executor, params, owns: true })

  const count = (tensors: Iterable<readonly number[]>) => [...tensors].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0)
  const trained = count(trainable.map((x) => x.shape as number[]))
  const parameters = count(shapes.values())

  const best = await executor.store('best')
  // only what trains has to be kept
  const partial = frozen || recipe !== undefined
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
  const featuresOf = (some: EncodedText[]) =>
    frozenFeatures(executor, config, params, some, { pad: encoded.pad, maxLength: settings.maxLength, segments })
  const validTexts = () => valid.map(({ text, pair }) => encode(text, pair))
  const validator: Validator =
    mix && task.kind === 'classification'
      ? await headValidator(executor, config, params, await featuresOf(validTexts()), valid, task.labels)
      : modelValidator(task, model, valid)
  const tokens = tokenFeeds(encoded, settings)
  const wholeFeeds = mix
    ? featureFeeds(await featuresOf(from < total ? encoded.rows.map(([row]) => row!) : []), encoded)
    : languageFeeds(tokens, { signals, tokenizer, causal: config.causal, seed: settings.seed, steps: total, clf })
  const feedsOf = caches ? caches.feedsOf(wholeFeeds, (some) => tokens(some, 0)) : wholeFeeds
  if (mix) onEvent({ kind: 'features', texts: train.length + valid.length, seconds: secondsSoFar() - position.seconds })
  using log = stateFolder ? runLog(stateFolder, from > 0 ? { resumeFrom: from } : {}) : undefined
  let seen = 0
  const end = await runLoop({
    trainer,
    total,
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
        if (isBest) {
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
  const { report: validReport, score: validScore } = await validator.run()
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
    cached,
    score: validScore,
    valid: validReport,
    ...(test && !end.stopped ? { test: (await model.evaluate(test as never)).report } : {}),
  }
  await caches?.[Symbol.asyncDispose]()
  await trainer.dispose()
  await best.dispose()
  await validator.dispose()
  return { model, report }
}

/** The row of an added token that is trained on its own: it takes its first values from the table, and is put back into it. */
async function addedRowStore(
  params: Store,
  added: { id: number } | undefined,
  width: number,
): Promise<{ toTable(): Promise<void>; remove(): Promise<void> }> {
  if (!added) return { toTable: async () => {}, remove: async () => {} }
  const at = added.id * width
  await params.declare([{ path: addedRow, shape: [1, width], dtype: 'f32' }])
  await params.write(addedRow, (await params.read(tokenTable)).subarray(at, at + width))
  return {
    toTable: async () => params.write(tokenTable, await params.read(addedRow), at),
    remove: () => params.remove(addedRow),
  }
}

/** Whether token types are fed: BERT's are, where there are pairs that are read as one text. */
const feedsSegments = (task: Task, { segments }: TransformerConfig, train: readonly LabelledText[]): boolean =>
  segments > 1 && (task.kind === 'multiple-choice' || (task.form === 'cross-encoder' && train.some(({ pair }) => pair !== undefined)))

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
