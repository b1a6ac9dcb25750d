// What an adaptation and a test of its rates begin with: parameters in a store, the network, the recipe's plan, the texts as ids, a trainer.

import { adamw, type Executor, type Store } from '@thaw/tensor'
import type { TransformerConfig } from '../models/config.js'
import { parameterShapes } from '../models/shapes.js'
import { labelId } from '../tasks/classification.js'
import { exampleRows, rowsPerExample } from '../tasks/form.js'
import { textEncoder } from '../tasks/inputs.js'
import { labelIds } from '../tasks/multi-label.js'
import { hasLabels, rowsOf, type Task } from '../tasks/task.js'
import { createStagedTrainer } from '../train/staged-trainer.js'
import { createTrainer } from '../train/trainer.js'
import type { LabelledText } from './adapt.js'
import { anchorStores } from './anchors.js'
import type { Backbone } from './backbone.js'
import { type EncodedData, featureFeeds, frozenFeatures, tokenFeeds } from './batches.js'
import { classWeights, positiveWeights } from './class-weights.js'
import type { CacheReport } from './frozen-prefix.js'
import { priorLogOdds, startFromPriors } from './label-priors.js'
import { checkSignals, languageFeeds, signalsOf } from './language.js'
import { buildNetwork, readsMix } from './network.js'
import { addedRow, fill, tokenTable, withClf } from './parameters.js'
import { planRecipe } from './recipe/plan.js'
import type { AdaptSettings } from './settings.js'
import { stageCaches } from './stage-caches.js'
import { detailsOf, labelFeed } from './targets.js'

const defaultFrozenCache = 512 * 2 ** 20

export interface SetUpOptions {
  train: readonly LabelledText[]
  fisher?: ReadonlyMap<string, Float32Array>
  frozenCache?: number
  onCache?: (report: CacheReport) => void
  /** One program that trains whatever any stage of the recipe trains, instead of one a stage. */
  together?: boolean
}

export type SetUp = Awaited<ReturnType<typeof setUp>>

/** Builds all of it. @throws what does not fit, by name. */
export async function setUp(executor: Executor, backbone: Backbone, task: Task, settings: AdaptSettings, options: SetUpOptions) {
  const { train, together = false } = options
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
    ...(frozen && !mix ? ({ frozen: true } as const) : {}),
    maxLength: settings.maxLength,
    ...(settings.scheme === 'scratch' ? {} : baseOf(backbone)),
    ...(recipe ? { recipe } : {}),
  }
  const signals = signalsOf(recipe)
  checkSignals(signals, backbone)
  const weights = labelWeights(task, settings, train)
  const network = buildNetwork(config, settings, task, clf, { segments, ...(weights ? { weights } : {}) })
  const { scope, loss, losses, old, added } = network
  const shapes = new Map<string, readonly number[]>([
    ...parameterShapes(config),
    ...[...scope.parameters].map(([path, x]) => [path, x.shape as number[]] as const),
  ])
  const params = await executor.store('params')
  await params.declare([...shapes].map(([path, shape]) => ({ path, shape, dtype: 'f32' })))
  const load = await fill(params, shapes, backbone, settings, clf)
  if (task.kind === 'multi-label') {
    const sets = train.map((example) => labelIds(task.labels, example.labels))
    await startFromPriors(params, load.fresh, priorLogOdds(sets, task.labels.length, weights))
  }
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
    labels: labelFeed(task, train),
    pad: tokenizer.special.pad?.id ?? 0,
    segments,
  }
  const cached: CacheReport[] = []
  const caches =
    plan &&
    !together &&
    stageCaches({
      ...{ executor, params, plan, perEpoch, network, seed: settings.seed },
      plain: buildNetwork(config, settings, task, clf, { segments, training: false }),
      lengths: encoded.rows.map(([row]) => row!.ids.length),
      // an activation is kept for a text, not for several
      memory: rowsPerExample(rowsOfExample) > 1 ? 0 : (options.frozenCache ?? defaultFrozenCache),
      onCache(report) {
        cached.push(report)
        options.onCache?.(report)
      },
    })
  const common = plan
    ? {
        ...{ params, optimizer, pullOf: plan.pullOf, rateOf: (path: string) => plan.factorOf(path) * headFactor(path) },
        stores: await anchorStores(executor, params, plan, { reached, old, fisher: options.fisher }),
      }
    : { params, optimizer, rateOf: headFactor }
  const trainer = caches
    ? await createStagedTrainer(executor, { ...common, stages: caches.stages })
    : await createTrainer(executor, { ...common, loss, outputs: losses, trainable })

  const count = (tensors: Iterable<readonly number[]>) => [...tensors].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0)
  // where the whole table trains, the added row stands for a row of it
  const twice = added && trainable.includes(reached.get(tokenTable)!) ? config.hidden : 0
  const trained = count(trainable.map((x) => x.shape as number[])) - twice
  const parameters = count(shapes.values())
  const featuresOf = (some: readonly LabelledText[]) =>
    frozenFeatures(
      executor,
      config,
      params,
      some.map(({ text, pair }) => encode(text, pair)),
      { pad: encoded.pad, segments },
    )
  const tokens = tokenFeeds(encoded, settings)
  return {
    ...{
      params,
      config,
      details,
      tokenizer,
      encoded,
      trainer,
      trainable,
      trained,
      parameters,
      plan,
      perEpoch,
      total,
      row,
      load,
      mix,
      cached,
      featuresOf,
    },
    caches: caches || undefined,
    /** The feeds of the steps from one on; behind a frozen backbone its features, computed once. */
    async feeds(from: number) {
      if (mix) return featureFeeds(await featuresOf(from < total ? train : []), encoded)
      const all = languageFeeds(tokens, { signals, tokenizer, causal: config.causal, seed: settings.seed, steps: total, clf })
      return caches ? caches.feedsOf(all, (some) => tokens(some, 0)) : all
    },
  }
}

const baseOf = ({ source, revision }: Backbone) => ({ base: source, ...(revision === undefined ? {} : { baseRevision: revision }) })

/** Whether token types are fed: BERT's are, where there are pairs that are read as one text. */
const feedsSegments = (task: Task, { segments }: TransformerConfig, train: readonly LabelledText[]): boolean =>
  segments > 1 && (task.kind === 'multiple-choice' || (task.form === 'cross-encoder' && train.some(({ pair }) => pair !== undefined)))

/** The weights of the task's labels in the loss, where some are asked for. @throws where it has no labels. */
function labelWeights(task: Task, settings: AdaptSettings, train: readonly LabelledText[]): number[] | undefined {
  const { classWeights: weights, thresholds } = settings
  const given = weights ? 'class weights' : thresholds ? 'thresholds' : undefined
  if (given && !hasLabels(task)) throw new Error(`${given}: they are for the labels of a classification; the task is ${task.kind}`)
  if (!weights || !hasLabels(task)) return undefined
  if (task.kind === 'classification')
    return classWeights(
      weights,
      task.labels,
      train.map((example) => labelId(task.labels, example.label)),
    )
  return positiveWeights(
    weights,
    task.labels,
    train.map((example) => labelIds(task.labels, example.labels)),
  )
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
