// Text classification: a linear head on a pooled hidden state, trained with cross-entropy (GPT: Radford et al. 2018, section 3.2; the
// tutorial's hands-on 3).

import { constant, dim, input, ops, type Tensor } from '@thaw/tensor'
import type { TransformerConfig } from '../models/config.js'
import { transformer } from '../models/transformer.js'
import { dropout, linear } from '../nn/layers.js'
import type { Scope } from '../nn/scope.js'
import { type Pooling, pool } from './pooling.js'

export interface ClassificationTask {
  readonly kind: 'classification'
  readonly labels: readonly string[]
}

/** A task of choosing one of several labels. @throws for fewer than two, or one twice. */
export function classification({ labels }: { labels: readonly string[] }): ClassificationTask {
  if (labels.length < 2) throw new Error(`classification: ${labels.length === 0 ? 'no labels' : `one label (${labels[0]})`}: at least two are needed`)
  const twice = labels.find((label, i) => labels.indexOf(label) !== i)
  if (twice !== undefined) throw new Error(`classification: the label ${JSON.stringify(twice)} is given twice`)
  return { kind: 'classification', labels: [...labels] }
}

export interface ClassifierInputs {
  ids: Tensor
  visible: Tensor
  positions: Tensor
}

/** The inputs of a classifier: ids and positions i32, visible bool, all [batch, time]. */
export function classifierInputs(): ClassifierInputs {
  const shape = [dim('batch'), dim('time')]
  return { ids: input('ids', shape, 'i32'), visible: input('visible', shape, 'bool'), positions: input('positions', shape, 'i32') }
}

export interface ClassifierSettings {
  labels: number
  pooling: Pooling
  /** Dropout before the head. */
  dropout: number
  /** Padding may be on either side, as in a file that other programs feed. */
  anySide?: boolean
}

/** Logits [batch, labels] of a backbone with a linear head. */
export function classifierLogits(scope: Scope, config: TransformerConfig, inputs: ClassifierInputs, settings: ClassifierSettings): Tensor {
  const { hidden } = transformer(scope, config, inputs)
  const pooled = scope.site('heads.classification.input', pool(settings.pooling, hidden, inputs.visible, { anySide: settings.anySide ?? false }))
  return linear(
    scope,
    'heads.classification',
    dropout(scope, 'heads.classification.dropout', pooled, settings.dropout),
    config.hidden,
    settings.labels,
  )
}

/** The mean cross-entropy against label ids [batch]; with a weight for each label the weighted mean, Σ w ℓ / Σ w, as PyTorch's `CrossEntropyLoss` has it. */
export function classifierLoss(logits: Tensor, weights?: readonly number[]): Tensor {
  const labels = input('labels', [dim('batch')], 'i32')
  if (!weights) return ops.crossEntropy(logits, labels)
  const each = ops.reshape(ops.gather(constant(weights, [weights.length, 1]), labels), [dim('batch')])
  return ops.div(ops.sum(ops.mul(ops.crossEntropy(logits, labels, { reduction: 'none' }), each)), ops.sum(each))
}
