// Text classification: a linear head on a pooled hidden state, trained with cross-entropy (GPT: Radford et al. 2018, section 3.2; the
// tutorial's hands-on 3).

import { constant, dim, input, ops, type Tensor } from '@thaw/tensor'
import type { TransformerConfig } from '../models/config.js'
import { transformer } from '../models/transformer.js'
import { dropout, linear } from '../nn/layers.js'
import type { Scope } from '../nn/scope.js'
import { comparison, type Form, forms, type RowsOf, rowsPerExample, towers } from './form.js'
import { type Pooling, pool } from './pooling.js'

export interface ClassificationTask {
  readonly kind: 'classification'
  readonly labels: readonly string[]
  /** How the two texts of a pair are read. */
  readonly form: Form
}

/**
 * A task of choosing one of several labels for a text or a pair of texts.
 *
 * ```ts
 * classification({ labels: ['entailment', 'neutral', 'contradiction'] })                       // pairs as one text
 * classification({ labels: ['same', 'other'], form: 'two-tower' })                             // each text alone, compared by [u; v; |u − v|]
 * ```
 *
 * @throws for fewer than two labels, an empty one, or one twice.
 */
export function classification({ labels, form = 'cross-encoder' }: { labels: readonly string[]; form?: Form }): ClassificationTask {
  if (labels.length < 2) throw new Error(`classification: ${labels.length === 0 ? 'no labels' : `one label (${labels[0]})`}: at least two are needed`)
  checkLabels('classification', labels, form)
  return { kind: 'classification', labels: [...labels], form }
}

/** @throws for an empty label, or one twice; for an unknown form. `maker` is what errors name. */
export function checkLabels(maker: string, labels: readonly string[], form: Form): void {
  if (!forms.includes(form)) throw new Error(`${maker}: form ${JSON.stringify(form)}: expected one of ${forms.join(', ')}`)
  const empty = labels.findIndex((label) => label.trim() === '')
  if (empty >= 0) throw new Error(`${maker}: label ${empty + 1} of ${labels.length} is empty: expected a name`)
  const twice = labels.find((label, i) => labels.indexOf(label) !== i)
  if (twice !== undefined) throw new Error(`${maker}: the label ${JSON.stringify(twice)} is given twice`)
}

/** The index of a label. @throws listing the labels there are. */
export function labelId(labels: readonly string[], label: string | undefined): number {
  const id = label === undefined ? -1 : labels.indexOf(label)
  if (id < 0)
    throw new Error(`label ${JSON.stringify(label)} is not among the model's: ${labels.slice(0, 12).join(', ')}${labels.length > 12 ? ', …' : ''}`)
  return id
}

export interface ClassifierInputs {
  ids: Tensor
  visible: Tensor
  positions: Tensor
  segments?: Tensor
}

/** What the encoder is fed with, beyond ids, mask and positions. */
export interface InputsOf extends RowsOf {
  /** Token types (BERT's segments) are fed, for pairs. */
  readonly segments?: boolean | undefined
}

/**
 * The inputs of a task: ids and positions (and segments) i32, visible bool, fed as [batch, time], or [batch, rows, time] where an example takes several rows;
 * returned as [batch·rows, time].
 */
export function classifierInputs(of: InputsOf = {}): ClassifierInputs {
  const rows = rowsPerExample(of)
  const shape = [dim('batch'), ...(rows === 1 ? [] : [rows]), dim('time')]
  const fed = (name: string, dtype: 'i32' | 'bool') => ops.reshape(input(name, shape, dtype), [-1, dim('time')])
  const inputs = { ids: fed('ids', 'i32'), visible: fed('visible', 'bool'), positions: fed('positions', 'i32') }
  return of.segments ? { ...inputs, segments: fed('segments', 'i32') } : inputs
}

export interface ClassifierSettings {
  labels: number
  pooling: Pooling
  /** Dropout before the head. */
  dropout: number
  /** Padding may be on either side, as in a file that other programs feed. */
  anySide?: boolean
  /** Rows of the inputs alternate between two towers. */
  form?: Form | undefined
}

/** Logits [batch, labels] of a backbone with a linear head. */
export function classifierLogits(scope: Scope, config: TransformerConfig, inputs: ClassifierInputs, settings: ClassifierSettings): Tensor {
  const { hidden } = transformer(scope, config, inputs)
  const pooled = scope.site('heads.classification.input', pool(settings.pooling, hidden, inputs.visible, { anySide: settings.anySide ?? false }))
  // a path of its own: what reads a comparison is no head on one text
  const [path, read] =
    settings.form === 'two-tower' ? (['heads.pair', comparison(...towers(pooled))] as const) : (['heads.classification', pooled] as const)
  return linear(scope, path, dropout(scope, `${path}.dropout`, read, settings.dropout), read.shape[1] as number, settings.labels)
}

/** The mean cross-entropy against label ids [batch]; with a weight for each label the weighted mean, Σ w ℓ / Σ w, as PyTorch's `CrossEntropyLoss` has it. */
export function classifierLoss(logits: Tensor, weights?: readonly number[]): Tensor {
  const labels = input('labels', [dim('batch')], 'i32')
  if (!weights) return ops.crossEntropy(logits, labels)
  const each = ops.reshape(ops.gather(constant(weights, [weights.length, 1]), labels), [dim('batch')])
  return ops.div(ops.sum(ops.mul(ops.crossEntropy(logits, labels, { reduction: 'none' }), each)), ops.sum(each))
}
