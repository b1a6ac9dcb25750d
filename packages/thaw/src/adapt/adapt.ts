// Adapting a backbone to a task: the first scheme of the toolkit (the tutorial's hands-on 3) with its controls.

import { adamw, createExecutor, type Executor, type Feed, linear, type Store, type Tensor } from '@thaw/tensor'
import type { ClassificationReport } from '../metrics/classification.js'
import type { TransformerConfig } from '../models/config.js'
import { parameterShapes } from '../models/shapes.js'
import { Scope } from '../nn/scope.js'
import { type ClassificationTask, classifierInputs, classifierLogits, classifierLoss } from '../tasks/classification.js'
import { clfToken, type EncodedText, lengthGroupedBatches, padded, textEncoder } from '../tasks/inputs.js'
import { paddingSide } from '../tasks/pooling.js'
import { layerMeans, mixedLogits } from '../tasks/scalar-mix.js'
import { hash, random } from '../text/random.js'
import type { Tokenizer } from '../text/tokenizer/index.js'
import { tokenizerFromJSON } from '../text/tokenizer/index.js'
import { initialise } from '../train/initialise.js'
import { runLoop, type StepReport } from '../train/loop.js'
import { loadTrainingState, removeTrainingState, saveTrainingState } from '../train/state.js'
import { createTrainer } from '../train/trainer.js'
import type { Backbone } from './backbone.js'
import { type Classifier, type ClassifierDetails, createClassifier, labelId, type TextLike } from './classifier.js'
import { type AdaptSettings, defaultSettings } from './settings.js'

export type LabelledText = TextLike & { label?: string }

/** What became of a checkpoint's parameters. */
export interface PartialLoad {
  loaded: string[]
  /** Parameters that start from random values: heads, and rows of added tokens. */
  fresh: string[]
  unused: string[]
}

export type AdaptEvent =
  | { kind: 'plan'; settings: AdaptSettings; steps: number; from: number; trained: number; parameters: number; truncated: number; load: PartialLoad }
  | ({ kind: 'step'; total: number; tokens: number } & StepReport)
  | { kind: 'epoch'; epoch: number; epochs: number; step: number; accuracy: number; macroF1: number; loss: number; best: boolean }
  | { kind: 'saved'; step: number }

export interface AdaptOptions extends Partial<AdaptSettings> {
  train: readonly LabelledText[]
  /** Chooses the epoch that is kept. */
  valid: readonly LabelledText[]
  /** Looked at once, at the end. */
  test?: readonly LabelledText[]
  threads?: number
  /** A folder for the run's state: a run that was stopped or killed goes on from there. */
  stateFolder?: string
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
  seconds: number
  bestEpoch: number
  epochs: { epoch: number; accuracy: number; macroF1: number; loss: number }[]
  valid: ClassificationReport
  test?: ClassificationReport
}

interface Position {
  step: number
  bestEpoch: number
  epochs: AdaptReport['epochs']
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
  const { train, valid, test, threads, stateFolder, resume, signal, onEvent = () => {}, ...given } = options
  for (const [name, examples] of Object.entries({ train, valid })) if (examples.length === 0) throw new Error(`${name}: no examples`)
  for (const [name, examples] of Object.entries({ train, valid, test: test ?? [] }))
    examples.forEach((example, i) => {
      if (example.label === undefined) throw new Error(`${name}: example ${i + 1} has no label`)
    })
  const settings = defaultSettings(given, backbone.config, train.length)
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
  const { train, valid, test, stateFolder, resume, signal, onEvent } = options
  const started = performance.now()
  const { labels } = task
  const { tokenizer, config, clf } = withClf(backbone, settings)
  const details: ClassifierDetails = {
    task: 'classification',
    labels,
    pooling: settings.pooling,
    mix: settings.scheme === 'frozen',
    maxLength: settings.maxLength,
  }
  const frozen = settings.scheme === 'frozen'

  const scope = new Scope({ training: true })
  const logits = frozen
    ? mixedLogits(scope, config, labels.length, settings.dropout)
    : classifierLogits(scope, { ...config, dropout: settings.dropout }, classifierInputs(), {
        labels: labels.length,
        pooling: settings.pooling,
        dropout: settings.dropout,
      })
  const shapes = new Map<string, readonly number[]>([
    ...parameterShapes(config),
    ...[...scope.parameters].map(([path, x]) => [path, x.shape as number[]] as const),
  ])
  const params = await executor.store('params')
  await params.declare([...shapes].map(([path, shape]) => ({ path, shape, dtype: 'f32' })))
  const load = await fill(params, shapes, backbone, settings)
  // what the graph does not reach (a pooler, say) is kept as it is
  const trainable = [...scope.parameters.values()]
  const trainer = await createTrainer(executor, {
    loss: classifierLoss(logits),
    trainable,
    optimizer: adamw({ weightDecay: settings.weightDecay, ...(settings.clip > 0 ? { clip: settings.clip } : {}) }),
    rateOf: (path) => (path.startsWith('heads.') ? settings.headFactor : 1),
    params,
  })
  const model = await createClassifier({ config, tokenizer, details, executor, params, owns: true })

  const encode = textEncoder(tokenizer, settings.maxLength, clf)
  const encoded = train.map(({ text, pair }) => encode(text, pair))
  const targets = train.map(({ label }) => labelId(labels, label))
  for (const { label } of [...valid, ...(test ?? [])]) labelId(labels, label)
  const perEpoch = Math.ceil(train.length / settings.batch)
  const total = perEpoch * settings.epochs
  const count = (tensors: Iterable<readonly number[]>) => [...tensors].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0)
  const trained = count(trainable.map((x) => x.shape as number[]))
  const parameters = count(shapes.values())

  const best = await executor.store('best')
  await best.declare(frozen ? trainable : await params.describe())
  const stores = { params: frozen ? await subset(executor, trainable) : params, optimizer: trainer.optimizer, best }
  const position: Position = { step: 0, bestEpoch: 0, epochs: [] }
  if (stateFolder && resume) Object.assign(position, await loadTrainingState<Position>(stateFolder, stores))
  else if (stateFolder) await removeTrainingState(stateFolder)
  if (frozen && position.step > 0) await stores.params.copyTo(params)
  onEvent({
    kind: 'plan',
    settings,
    steps: total,
    from: position.step,
    trained,
    parameters,
    truncated: encoded.filter((x) => x.truncated).length,
    load,
  })

  const schedule = linear({ warmup: settings.warmup, total })
  const feedsOf = frozen
    ? await meansFeeds(executor, config, params, encoded, targets, tokenizer, settings)
    : tokenFeeds(encoded, targets, tokenizer, settings)
  let tokens = 0
  const end = await runLoop({
    trainer,
    total,
    from: position.step,
    seed: settings.seed,
    rate: (step) => settings.rate * schedule(step),
    batches: trainingBatches(encoded, settings, position.step, perEpoch, (batch) => {
      tokens += batch.reduce((sum, i) => sum + encoded[i]!.ids.length, 0)
      return feedsOf(batch)
    }),
    onStep: (report) => onEvent({ kind: 'step', total, tokens, ...report }),
    validate: {
      every: perEpoch,
      async run(step) {
        const { report, probabilities } = await model.evaluate(valid as never)
        const loss = probabilities.reduce((sum, row, i) => sum - Math.log(Math.max(row[labelId(labels, valid[i]!.label)]!, 1e-30)), 0) / valid.length
        const epoch = step / perEpoch
        // a tie goes to the later epoch, which has seen more
        const isBest = position.epochs.every((other) => other.accuracy <= report.accuracy)
        position.epochs.push({ epoch, accuracy: report.accuracy, macroF1: report.macroF1, loss })
        if (isBest) {
          position.bestEpoch = epoch
          await keep(params, best, frozen, trainable)
        }
        onEvent({ kind: 'epoch', epoch, epochs: settings.epochs, step, accuracy: report.accuracy, macroF1: report.macroF1, loss, best: isBest })
      },
    },
    ...(stateFolder
      ? {
          save: {
            seconds: 30,
            async run(step: number) {
              if (frozen) await keep(params, stores.params, true, trainable)
              await saveTrainingState(stateFolder, stores, { ...position, step })
              onEvent({ kind: 'saved', step })
            },
          },
        }
      : {}),
    ...(signal ? { signal } : {}),
  })
  if (position.bestEpoch > 0) await best.copyTo(params)
  const { report: validReport } = await model.evaluate(valid as never)
  const report: AdaptReport = {
    settings,
    load,
    steps: end.step,
    stopped: end.stopped,
    trained,
    parameters,
    seconds: (performance.now() - started) / 1000,
    bestEpoch: position.bestEpoch,
    epochs: position.epochs,
    valid: validReport,
    ...(test && !end.stopped ? { test: (await model.evaluate(test as never)).report } : {}),
  }
  await trainer.dispose()
  await best.dispose()
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

/** For pooling `clf`: a tokenizer with the [CLF] token, and a row for it. */
function withClf(backbone: Backbone, settings: AdaptSettings): { tokenizer: Tokenizer; config: TransformerConfig; clf: number | undefined } {
  const tokenizer = tokenizerFromJSON(structuredClone(backbone.tokenizer.toJSON()) as never)
  if (settings.pooling !== 'clf') return { tokenizer, config: backbone.config, clf: undefined }
  const [clf] = tokenizer.addTokens([clfToken], { special: true })
  return { tokenizer, config: { ...backbone.config, vocabulary: Math.max(backbone.config.vocabulary, tokenizer.size) }, clf }
}

/** Fills the store from the backbone; what the backbone has not is initialised. Nothing is loaded from scratch. */
async function fill(
  params: Store,
  shapes: ReadonlyMap<string, readonly number[]>,
  backbone: Backbone,
  settings: AdaptSettings,
): Promise<PartialLoad> {
  await initialise(params, shapes, settings.seed)
  const load: PartialLoad = { loaded: [], fresh: [], unused: [] }
  for (const [path, shape] of shapes) {
    const given = backbone.parameters.get(path)
    const usable = settings.scheme !== 'scratch' && given && !path.startsWith('heads.')
    if (!usable) {
      load.fresh.push(path)
      continue
    }
    const same = String(given.shape) === String(shape)
    const longer = path === 'embeddings.token.weight' && given.shape[1] === shape[1] && given.shape[0]! < shape[0]!
    if (!same && !longer) throw new Error(`${backbone.source}: ${path} is [${given.shape}], the model needs [${shape}]`)
    await params.write(path, given.data)
    load.loaded.push(path)
    if (longer) load.fresh.push(`${path}[${given.shape[0]}:${shape[0]}]`)
  }
  const wanted = new Set(load.loaded)
  load.unused = [...backbone.parameters.keys()].filter((path) => !wanted.has(path))
  return load
}

type Feeds = Readonly<Record<string, Feed>>

const labelFeed = (targets: readonly number[], batch: readonly number[]): Feed => ({
  data: Int32Array.from(batch, (i) => targets[i]!),
  shape: [batch.length],
})

function tokenFeeds(encoded: readonly EncodedText[], targets: readonly number[], tokenizer: Tokenizer, settings: AdaptSettings) {
  const pad = tokenizer.special.pad?.id ?? 0
  return (batch: readonly number[]): Feeds => ({
    ...padded(
      batch.map((i) => encoded[i]!.ids),
      paddingSide(settings.pooling),
      pad,
      settings.maxLength,
    ),
    labels: labelFeed(targets, batch),
  })
}

/** The frozen backbone runs once over the training texts; what the head sees of them is kept. */
async function meansFeeds(
  executor: Executor,
  config: TransformerConfig,
  params: Store,
  encoded: readonly EncodedText[],
  targets: readonly number[],
  tokenizer: Tokenizer,
  settings: AdaptSettings,
) {
  const program = await executor.compile({ outputs: { means: layerMeans(new Scope(), config, classifierInputs()) } }, { inference: true })
  const width = (config.layers + 1) * config.hidden
  const means = new Float32Array(encoded.length * width)
  const order = encoded.map((_, i) => i).sort((a, b) => encoded[a]!.ids.length - encoded[b]!.ids.length || a - b)
  for (let at = 0; at < order.length; at += 64) {
    const batch = order.slice(at, at + 64)
    const feeds = padded(
      batch.map((i) => encoded[i]!.ids),
      'right',
      tokenizer.special.pad?.id ?? 0,
      settings.maxLength,
    )
    const { outputs } = await program.bind({ params }).run({ feeds })
    batch.forEach((i, r) => {
      means.set((outputs.means!.data as Float32Array).subarray(r * width, (r + 1) * width), i * width)
    })
  }
  await program.dispose()
  return (batch: readonly number[]): Feeds => {
    const data = new Float32Array(batch.length * width)
    batch.forEach((i, r) => {
      data.set(means.subarray(i * width, (i + 1) * width), r * width)
    })
    return { means: { data, shape: [batch.length, config.layers + 1, config.hidden] }, labels: labelFeed(targets, batch) }
  }
}

/** The batches of each step from any step on: a function of (seed, epoch). */
async function* trainingBatches(
  encoded: readonly EncodedText[],
  settings: AdaptSettings,
  from: number,
  perEpoch: number,
  feeds: (batch: readonly number[]) => Feeds,
) {
  const lengths = encoded.map((x) => x.ids.length)
  for (let epoch = Math.floor(from / perEpoch); ; epoch++) {
    const generator = random(hash(settings.seed, epoch))
    const batches = generator.shuffle(lengthGroupedBatches(lengths, settings.batch, generator.shuffle(lengths.map((_, i) => i))))
    for (const batch of batches.slice(Math.max(0, from - epoch * perEpoch))) yield [feeds(batch)]
  }
}
