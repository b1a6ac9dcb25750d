// A model that gives a text all labels that fit it, which may be none: predict, evaluate, save. And its way back from a folder.

import type { Executor } from '@thaw/tensor'
import { type MultiLabelReport, multiLabelReport } from '../metrics/multi-label.js'
import { reached } from '../metrics/thresholds.js'
import type { TextLike } from '../tasks/form.js'
import { labelIds } from '../tasks/multi-label.js'
import { type Backbone, load } from './backbone.js'
import { type ClassifierParts, classifierDetails, fillStore, type Prediction, probabilitiesOf } from './classifier.js'
import { canBeFixed } from './fixed-parameters.js'
import { saveModel } from './model-outputs.js'
import { type ExecutorChoice, onOwnExecutor } from './own-executor.js'

export interface MultiLabelModel {
  readonly labels: readonly string[]
  /** By label: the probability from which on it is said; without them a half. */
  thresholds: readonly number[] | undefined
  /** The labels of each text or pair whose probabilities reach their thresholds, the most probable first: none, one or several. */
  predict(texts: readonly (string | TextLike)[]): Promise<Prediction[][]>
  predict(text: string | TextLike): Promise<Prediction[]>
  /** The probability of each label by itself, in the order of `labels`, one row a text; they do not sum to 1. */
  probabilities(texts: readonly TextLike[]): Promise<Float32Array[]>
  evaluate(examples: readonly (TextLike & { labels: readonly string[] })[]): Promise<{ report: MultiLabelReport; probabilities: Float32Array[] }>
  /** Writes a checkpoint folder (config, tokenizer, safetensors), thresholds included. {@link loadMultiLabel} makes a model of it again. */
  save(folder: string): Promise<void>
  dispose(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** A model over parameters in a store. The compiled program reads the store, so it follows training, unless the parameters are fixed. */
export async function createMultiLabelModel(parts: ClassifierParts): Promise<MultiLabelModel> {
  const { config, tokenizer, details, params } = parts
  const { labels } = details
  const { probabilities, dispose } = await probabilitiesOf(parts)
  const said = (row: Float32Array): Prediction[] => reached(row, model.thresholds).map((k) => ({ label: labels[k]!, score: row[k]! }))
  const model: MultiLabelModel = {
    labels,
    thresholds: details.thresholds,
    probabilities,
    async predict(given: string | TextLike | readonly (string | TextLike)[]) {
      const many = Array.isArray(given) ? (given as readonly (string | TextLike)[]) : [given as string | TextLike]
      const rows = await probabilities(many.map((one) => (typeof one === 'string' ? { text: one } : one)))
      return (Array.isArray(given) ? rows.map(said) : said(rows[0]!)) as never
    },
    async evaluate(examples) {
      const truth = examples.map(({ labels: own }) => labelIds(labels, own))
      const rows = await probabilities(examples)
      const predicted = rows.map((row) => reached(row, model.thresholds))
      return { report: multiLabelReport(truth, predicted, labels), probabilities: rows }
    },
    save: (folder) =>
      saveModel(
        folder,
        { config, tokenizer, details: { ...details, ...(model.thresholds ? { thresholds: [...model.thresholds] } : {}) }, params },
        labels,
      ),
    dispose,
    [Symbol.asyncDispose]: dispose,
  }
  return model
}

/** A model from a checkpoint in memory: one that was saved, or a backbone with an adapter (see {@link withAdapter}). @throws where it gives one label. */
export const multiLabelFrom = (backbone: Backbone | Promise<Backbone>, options: ExecutorChoice = {}): Promise<MultiLabelModel> =>
  onOwnExecutor(backbone, options, multiLabelOn)

/** The same on an executor that the model takes over. */
export async function multiLabelOn(backbone: Backbone, executor: Executor): Promise<MultiLabelModel> {
  const details = classifierDetails(backbone)
  if (details.task !== 'multi-label')
    throw new Error(`${backbone.source}: this model gives each text one label; load it by loadClassifier, or loadTaskModel`)
  const params = await fillStore(executor, backbone.parameters)
  const fixed = canBeFixed(backbone.parameters)
  return createMultiLabelModel({ config: backbone.config, tokenizer: backbone.tokenizer, details, executor, params, owns: true, fixed })
}

/** Loads a model that {@link MultiLabelModel.save} wrote. */
export const loadMultiLabel = (folder: string, options: ExecutorChoice = {}): Promise<MultiLabelModel> => multiLabelFrom(load(folder), options)
