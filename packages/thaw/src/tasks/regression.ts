// A number for a text or a pair of texts: similarity, mostly. As a cross-encoder a linear head with a sigmoid, trained with binary cross-entropy against the
// label scaled to 0…1, as sentence-transformers' CrossEncoder is; as two towers the cosine, trained with the squared error (Reimers & Gurevych 2019).

import { dim, input, ops, type Tensor } from '@thaw/tensor'
import type { TransformerConfig } from '../models/config.js'
import { dropout, linear } from '../nn/layers.js'
import type { Scope } from '../nn/scope.js'
import { binaryCrossEntropy } from './binary-cross-entropy.js'
import { cosine, type Form, forms, towers } from './form.js'

export interface RegressionTask {
  readonly kind: 'regression'
  readonly form: Form
  /** Lowest and highest label there can be. */
  readonly range: readonly [number, number]
}

/**
 * A task of giving a number, in the given range.
 *
 * ```ts
 * regression({ range: [0, 5] })                       // STS-B's similarity, as a cross-encoder
 * regression({ range: [0, 5], form: 'two-tower' })    // as the cosine of two vectors
 * ```
 *
 * @throws where the range is none.
 */
export function regression({ range, form = 'cross-encoder' }: { range: readonly [number, number]; form?: Form }): RegressionTask {
  const [low, high] = range
  if (!Number.isFinite(low) || !Number.isFinite(high) || low >= high)
    throw new Error(`regression: range [${low}, ${high}]: expected the lowest and the highest label there can be`)
  if (!forms.includes(form)) throw new Error(`regression: form ${JSON.stringify(form)}: expected one of ${forms.join(', ')}`)
  return { kind: 'regression', form, range: [low, high] }
}

/** A label as a number of the task's range. @throws where it is none, or outside. */
export function numberLabel({ range: [low, high] }: Pick<RegressionTask, 'range'>, label: string | undefined): number {
  const value = label === undefined || label.trim() === '' ? Number.NaN : Number(label)
  if (!Number.isFinite(value)) throw new Error(`label ${JSON.stringify(label)}: expected a number from ${low} to ${high}`)
  if (value < low || value > high) throw new Error(`label ${label}: it lies outside the range from ${low} to ${high}`)
  return value
}

/** What is compared with the scaled label: a logit [batch, 1], or the cosine of two towers. `pooled` is [batch·rows, hidden]. */
export function regressionOutputs(scope: Scope, config: TransformerConfig, pooled: Tensor, { form }: RegressionTask, rate: number): Tensor {
  if (form === 'two-tower') return cosine(...towers(pooled))
  const path = 'heads.regression'
  return linear(scope, path, dropout(scope, `${path}.dropout`, scope.site(`${path}.input`, pooled), rate), config.hidden, 1)
}

/** The mean loss against labels scaled to 0…1, fed as `labels` [batch]. */
export function regressionLoss(outputs: Tensor, { form }: RegressionTask): Tensor {
  const wanted = ops.unsqueeze(input('labels', [dim('batch')], 'f32'), 1) // [batch, 1]
  if (form === 'two-tower') return ops.mean(ops.square(ops.sub(outputs, wanted)))
  return binaryCrossEntropy(outputs, wanted)
}

/** Predictions [batch, 1] in the labels' own units. */
export function regressionValues(outputs: Tensor, { form, range: [low, high] }: RegressionTask): Tensor {
  const share = form === 'two-tower' ? outputs : ops.sigmoid(outputs)
  return ops.add(ops.mul(share, high - low), low)
}
