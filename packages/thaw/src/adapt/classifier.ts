// A classifier that is ready to use: predict, evaluate, save. And its way back from a folder.

import { createExecutor, type Executable, type Executor, ops, type Store, type Tensor } from '@thaw/tensor'
import { writeCheckpoint } from '#checkpoint'
import { type ClassificationReport, classificationReport } from '../metrics/classification.js'
import { decide } from '../metrics/thresholds.js'
import type { TransformerConfig } from '../models/config.js'
import { Scope } from '../nn/scope.js'
import { classifierInputs, classifierLogits } from '../tasks/classification.js'
import { clfToken, padded, textEncoder } from '../tasks/inputs.js'
import { type Pooling, paddingSide } from '../tasks/pooling.js'
import { layerMeans, mixHead } from '../tasks/scalar-mix.js'
import type { Tokenizer } from '../text/tokenizer/index.js'
import { type Backbone, load, type NamedValues } from './backbone.js'
import { scopeOptionsOf } from './network.js'
import type { Recipe } from './recipe/recipe.js'

export interface Prediction {
  label: string
  score: number
}

/** What a saved classifier's config.json keeps under `thaw`. */
export interface ClassifierDetails {
  task: 'classification'
  labels: readonly string[]
  pooling: Pooling
  /** The head reads a mix of all layers. */
  mix: boolean
  maxLength: number
  thresholds?: readonly number[]
  /** What it was made by: modules that a recipe put in are part of the model. */
  recipe?: Recipe
  /** The checkpoint it was adapted from. */
  base?: string
  /** What was put in and has become part of the weights (see {@link mergeAdapters}). */
  merged?: readonly string[]
}

export interface Classifier {
  readonly labels: readonly string[]
  readonly config: TransformerConfig
  /** By label: what its probability is divided by before the largest is taken; without them the largest probability decides. */
  thresholds: readonly number[] | undefined
  /** Each text's labels with probabilities, the one that is decided for first, then by probability. */
  predict(texts: readonly string[]): Promise<Prediction[][]>
  predict(text: string): Promise<Prediction[]>
  /** Probabilities in the order of `labels`, one row a text: batched by length, whatever order the texts come in. */
  probabilities(texts: readonly TextLike[]): Promise<Float32Array[]>
  evaluate(examples: readonly (TextLike & { label: string })[]): Promise<{ report: ClassificationReport; probabilities: Float32Array[] }>
  /** Writes a checkpoint folder (config, tokenizer, safetensors). {@link loadClassifier} makes a classifier of it again, `load` a backbone to adapt further. */
  save(folder: string): Promise<void>
  dispose(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export interface TextLike {
  text: string
  pair?: string
}

export interface ClassifierParts {
  config: TransformerConfig
  tokenizer: Tokenizer
  details: ClassifierDetails
  executor: Executor
  params: Store
  /** Whether disposing of the classifier ends the executor too. */
  owns: boolean
  /** A program that others use too, and its stores beside `params`: the classifier compiles none of its own. */
  shared?: { program: Executable; stores: Readonly<Record<string, Store>> }
}

/** Tokens a batch may have: enough to fill the machine, few enough for its memory. */
const tokensPerBatch = 4096

/** A classifier over parameters in a store. The compiled program reads the store, so it follows training. */
export async function createClassifier(parts: ClassifierParts): Promise<Classifier> {
  const { config, tokenizer, details, executor, params, shared } = parts
  const { labels, pooling, maxLength } = details
  const program = shared?.program ?? (await inferenceProgram(executor, config, details))
  const encode = textEncoder(tokenizer, maxLength, pooling === 'clf' ? tokenizer.tokenToId(clfToken) : undefined)
  const pad = tokenizer.special.pad?.id ?? 0

  const probabilities = async (texts: readonly TextLike[]): Promise<Float32Array[]> => {
    const rows = texts.map(({ text, pair }) => encode(text, pair).ids)
    const results = new Array<Float32Array>(texts.length)
    for (const batch of batchesByTokens(rows)) {
      const feeds = padded(
        batch.map((i) => rows[i]!),
        paddingSide(pooling),
        pad,
        maxLength,
      )
      const { outputs } = await program.bind({ ...shared?.stores, params }).run({ feeds })
      batch.forEach((i, r) => {
        results[i] = (outputs.probabilities!.data as Float32Array).slice(r * labels.length, (r + 1) * labels.length)
      })
    }
    return results
  }
  const ranked = (row: Float32Array): Prediction[] => {
    const first = decide(row, classifier.thresholds)
    const all = labels.map((label, i) => ({ label, score: row[i]!, i }))
    return all.sort((a, b) => Number(b.i === first) - Number(a.i === first) || b.score - a.score).map(({ label, score }) => ({ label, score }))
  }
  const dispose = async () => {
    if (!shared) await program.dispose()
    if (parts.owns) await executor[Symbol.asyncDispose]()
  }
  const classifier: Classifier = {
    labels,
    config,
    thresholds: details.thresholds,
    probabilities,
    async predict(texts: string | readonly string[]) {
      const rows = await probabilities((typeof texts === 'string' ? [texts] : texts).map((text) => ({ text })))
      return (typeof texts === 'string' ? ranked(rows[0]!) : rows.map(ranked)) as never
    },
    async evaluate(examples) {
      const rows = await probabilities(examples)
      const truth = examples.map(({ label }) => labelId(labels, label))
      return {
        report: classificationReport(
          truth,
          rows.map((row) => decide(row, classifier.thresholds)),
          labels,
        ),
        probabilities: rows,
      }
    },
    async save(folder) {
      const parameters: { path: string; shape: number[]; data: Float32Array }[] = []
      for (const { path, shape } of await params.describe())
        parameters.push({ path, shape: [...shape], data: (await params.read(path)) as Float32Array })
      await writeCheckpoint(folder, {
        config: {
          model: config,
          labels: [...labels],
          thaw: { ...details, labels: undefined, ...(classifier.thresholds ? { thresholds: [...classifier.thresholds] } : {}) },
        },
        parameters,
        tokenizer,
      })
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  }
  return classifier
}

/** The index of a label. @throws listing the labels there are. */
export function labelId(labels: readonly string[], label: string | undefined): number {
  const id = label === undefined ? -1 : labels.indexOf(label)
  if (id < 0)
    throw new Error(`label ${JSON.stringify(label)} is not among the model's: ${labels.slice(0, 12).join(', ')}${labels.length > 12 ? ', …' : ''}`)
  return id
}

/** Rows sorted by length, in batches of about as many tokens. */
function batchesByTokens(rows: readonly (readonly number[])[]): number[][] {
  const order = rows.map((_, i) => i).sort((a, b) => rows[a]!.length - rows[b]!.length || a - b)
  const batches: number[][] = []
  let batch: number[] = []
  for (const i of order) {
    if (batch.length > 0 && (batch.length + 1) * rows[i]!.length > tokensPerBatch) {
      batches.push(batch)
      batch = []
    }
    batch.push(i)
  }
  if (batch.length > 0) batches.push(batch)
  return batches
}

/** The probabilities [batch, labels] of a classifier, without dropout; its parameters are those that the scope is asked for. */
export function classifierGraph(scope: Scope, config: TransformerConfig, { labels, pooling, mix }: ClassifierDetails): Tensor {
  const inputs = classifierInputs()
  const logits = mix
    ? mixHead(scope, config, layerMeans(scope, config, inputs), labels.length, 0)
    : classifierLogits(scope, config, inputs, { labels: labels.length, pooling, dropout: 0 })
  return ops.softmax(logits)
}

function inferenceProgram(executor: Executor, config: TransformerConfig, details: ClassifierDetails): Promise<Executable> {
  const probabilities = classifierGraph(new Scope(scopeOptionsOf(details.recipe, config)), config, details)
  return executor.compile({ outputs: { probabilities } }, { inference: true })
}

/** What a checkpoint says of the classifier in it. @throws where it is none. */
export function classifierDetails({ source, details: { thaw, labels } }: Pick<Backbone, 'source' | 'details'>): ClassifierDetails {
  const details = thaw as unknown as ClassifierDetails | undefined
  if (details?.task !== 'classification' || !labels)
    throw new Error(
      `${source}: this checkpoint is no classifier (its config.json names no labels and pooling); adapt it first: thaw adapt ${source} --train …`,
    )
  return { ...details, labels }
}

/** A classifier from a checkpoint in memory: one that was saved, or a backbone with an adapter (see {@link withAdapter}). */
export async function classifierFrom(backbone: Backbone, options: { threads?: number } = {}): Promise<Classifier> {
  const details = classifierDetails(backbone)
  const executor = await createExecutor(options)
  const params = await fillStore(executor, backbone.parameters)
  return createClassifier({ config: backbone.config, tokenizer: backbone.tokenizer, details, executor, params, owns: true })
}

/** Loads a classifier that {@link Classifier.save} wrote. */
export const loadClassifier = async (folder: string, options: { threads?: number } = {}): Promise<Classifier> =>
  classifierFrom(await load(folder), options)

/** A store with the given parameters. */
export async function fillStore(executor: Executor, parameters: ReadonlyMap<string, NamedValues>): Promise<Store> {
  const params = await executor.store('params')
  await params.declare([...parameters].map(([path, { shape }]) => ({ path, shape, dtype: 'f32' })))
  for (const [path, { data }] of parameters) await params.write(path, data)
  return params
}
