// A classifier that is ready to use: predict, evaluate, save. And its way back from a folder.

import { type Executable, type Executor, ops, type Store, type Tensor } from '@thaw/tensor'
import { type ClassificationReport, classificationReport } from '../metrics/classification.js'
import { decide } from '../metrics/thresholds.js'
import type { TransformerConfig } from '../models/config.js'
import { Scope } from '../nn/scope.js'
import { classifierInputs, classifierLogits, labelId } from '../tasks/classification.js'
import type { Form, TextLike } from '../tasks/form.js'
import type { Pooling } from '../tasks/pooling.js'
import { layerMeans, mixHead } from '../tasks/scalar-mix.js'
import { type Backbone, load, type NamedValues } from './backbone.js'
import { canBeFixed, type ParameterAccess, parameterAccess } from './fixed-parameters.js'
import { exampleOutputs, type ModelParts, saveModel } from './model-outputs.js'
import { scopeOptionsOf } from './network.js'
import { type ExecutorChoice, onOwnExecutor } from './own-executor.js'
import type { Recipe } from './recipe/recipe.js'

export type { TextLike } from '../tasks/form.js'

export interface Prediction {
  label: string
  score: number
}

/** What the config.json of a saved model with labels keeps under `thaw`. */
export interface ClassifierDetails {
  /** One label a text, or several. */
  task: 'classification' | 'multi-label'
  labels: readonly string[]
  pooling: Pooling
  /** The head reads a mix of all layers. */
  mix: boolean
  /** The backbone stayed as it was: trained were the head and, with pooling clf, the row of its token. */
  frozen?: true
  maxLength: number
  /** By label, where they were chosen. */
  thresholds?: readonly number[]
  /** How it reads pairs; without it as one text. */
  form?: Form
  /** It was trained on pairs of texts. */
  pairs?: true
  /** Token types are fed: it was trained on pairs, and its backbone knows two segments. */
  segments?: true
  /** What it was made by: modules that a recipe put in are part of the model. */
  recipe?: Recipe
  /** The checkpoint it was adapted from, and the revision of it, where one was asked for. */
  base?: string
  baseRevision?: string
  /** What was put in and has become part of the weights (see {@link mergeAdapters}). */
  merged?: readonly string[]
}

export interface Classifier {
  readonly labels: readonly string[]
  readonly config: TransformerConfig
  /** By label: what its probability is divided by before the largest is taken; without them the largest probability decides. */
  thresholds: readonly number[] | undefined
  /** The labels of each text or pair with probabilities, the one that is decided for first, then by probability. */
  predict(texts: readonly (string | TextLike)[]): Promise<Prediction[][]>
  predict(text: string | TextLike): Promise<Prediction[]>
  /** Probabilities in the order of `labels`, one row a text: batched by length, whatever order the texts come in. */
  probabilities(texts: readonly TextLike[]): Promise<Float32Array[]>
  evaluate(examples: readonly (TextLike & { label: string })[]): Promise<{ report: ClassificationReport; probabilities: Float32Array[] }>
  /** Writes a checkpoint folder (config, tokenizer, safetensors). {@link loadClassifier} makes a classifier of it again, `load` a backbone to adapt further. */
  save(folder: string): Promise<void>
  dispose(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** What a model with labels, one a text or several, is made of. */
export interface ClassifierParts extends ModelParts<ClassifierDetails> {
  /** A program that others use too, and its stores beside `params`: the model compiles none of its own. */
  shared?: { program: Executable; stores: Readonly<Record<string, Store>> }
}

/** A classifier over parameters in a store. The compiled program reads the store, so it follows training, unless the parameters are fixed. */
export async function createClassifier(parts: ClassifierParts): Promise<Classifier> {
  const { config, tokenizer, details, params } = parts
  const { labels } = details
  const { probabilities, dispose } = await probabilitiesOf(parts)
  const ranked = (row: Float32Array): Prediction[] => {
    const first = decide(row, classifier.thresholds)
    const all = labels.map((label, i) => ({ label, score: row[i]!, i }))
    return all.sort((a, b) => Number(b.i === first) - Number(a.i === first) || b.score - a.score).map(({ label, score }) => ({ label, score }))
  }
  const classifier: Classifier = {
    labels,
    config,
    thresholds: details.thresholds,
    probabilities,
    async predict(given: string | TextLike | readonly (string | TextLike)[]) {
      const many = Array.isArray(given) ? (given as readonly (string | TextLike)[]) : [given as string | TextLike]
      const rows = await probabilities(many.map((one) => (typeof one === 'string' ? { text: one } : one)))
      return (Array.isArray(given) ? rows.map(ranked) : ranked(rows[0]!)) as never
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
    save: (folder) =>
      saveModel(
        folder,
        { config, tokenizer, details: { ...details, ...(classifier.thresholds ? { thresholds: [...classifier.thresholds] } : {}) }, params },
        labels,
      ),
    dispose,
    [Symbol.asyncDispose]: dispose,
  }
  return classifier
}

/** The probabilities [batch, labels] of a model with labels, without dropout; its parameters are those that the scope is asked for. */
export function classifierGraph(scope: Scope, config: TransformerConfig, details: ClassifierDetails): Tensor {
  const { task, labels, pooling, mix, form, segments } = details
  const inputs = classifierInputs({ form, segments })
  const logits = mix
    ? mixHead(scope, config, layerMeans(scope, config, inputs), labels.length, 0)
    : classifierLogits(scope, config, inputs, { labels: labels.length, pooling, dropout: 0, form })
  return task === 'multi-label' ? ops.sigmoid(logits) : ops.softmax(logits)
}

/** What a model with labels asks for probabilities, rows in the order of the texts; and what ends it. */
export async function probabilitiesOf({ config, tokenizer, details, executor, params, owns, shared, fixed = false }: ClassifierParts) {
  const access = parameterAccess(executor, params, fixed)
  const program = shared?.program ?? (await inferenceProgram(executor, config, details, access))
  const stores = { ...shared?.stores, ...access.stores }
  return {
    probabilities: exampleOutputs({ program, stores, tokenizer, reading: details, output: 'probabilities' }),
    async dispose() {
      if (!shared) await program.dispose()
      if (owns) await executor[Symbol.asyncDispose]()
    },
  }
}

function inferenceProgram(
  executor: Executor,
  config: TransformerConfig,
  details: ClassifierDetails,
  { stores: _, constants, ...access }: ParameterAccess,
): Promise<Executable> {
  const probabilities = classifierGraph(new Scope({ ...scopeOptionsOf(details.recipe, config), ...access }), config, details)
  return executor.compile({ outputs: { probabilities } }, { inference: true, ...(constants ? { constants } : {}) })
}

/** What a checkpoint says of the model with labels in it, one a text or several. @throws where it is none. */
export function classifierDetails({ source, details: { thaw, labels } }: Pick<Backbone, 'source' | 'details'>): ClassifierDetails {
  const details = thaw as unknown as ClassifierDetails | undefined
  if ((details?.task !== 'classification' && details?.task !== 'multi-label') || !labels)
    throw new Error(
      `${source}: this checkpoint is no classifier (its config.json names no labels and pooling); adapt it first: thaw adapt ${source} --train …`,
    )
  return { ...details, labels }
}

/** A classifier from a checkpoint in memory: one that was saved, or a backbone with an adapter (see {@link withAdapter}). */
export const classifierFrom = (backbone: Backbone | Promise<Backbone>, options: ExecutorChoice = {}): Promise<Classifier> =>
  onOwnExecutor(backbone, options, classifierOn)

/** The same on an executor that the classifier takes over. */
export async function classifierOn(backbone: Backbone, executor: Executor): Promise<Classifier> {
  const details = classifierDetails(backbone)
  if (details.task === 'multi-label')
    throw new Error(
      `${backbone.source}: this model gives a text several labels or none, and is no classifier of one; load it by loadMultiLabel, or loadTaskModel`,
    )
  const params = await fillStore(executor, backbone.parameters)
  const fixed = canBeFixed(backbone.parameters)
  return createClassifier({ config: backbone.config, tokenizer: backbone.tokenizer, details, executor, params, owns: true, fixed })
}

/** Loads a classifier that {@link Classifier.save} wrote. */
export const loadClassifier = (folder: string, options: ExecutorChoice = {}): Promise<Classifier> => classifierFrom(load(folder), options)

/** A store with the given parameters. */
export async function fillStore(executor: Executor, parameters: ReadonlyMap<string, NamedValues>, namespace = 'params'): Promise<Store> {
  const params = await executor.store(namespace)
  await params.declare([...parameters].map(([path, { shape }]) => ({ path, shape, dtype: 'f32' })))
  for (const [path, { data }] of parameters) await params.write(path, data)
  return params
}
