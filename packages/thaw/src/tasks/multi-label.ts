// Text classification with several labels a text, or none: the head of one label (classification.ts) with a sigmoid for each label in the place of one softmax
// over all, trained with binary cross-entropy (Nam et al. 2014, "Large-scale Multi-label Text Classification": better than a pairwise ranking loss).

import { dim, input, type Tensor } from '@thaw/tensor'
import { binaryCrossEntropy } from './binary-cross-entropy.js'
import { checkLabels, labelId } from './classification.js'
import type { Form } from './form.js'

export interface MultiLabelTask {
  readonly kind: 'multi-label'
  readonly labels: readonly string[]
  /** How the two texts of a pair are read. */
  readonly form: Form
}

/**
 * A task of choosing all labels that fit a text or a pair of texts; there may be none.
 *
 * ```ts
 * const task = multiLabel({ labels: ['billing', 'bug', 'urgent'] })
 * await adapt(backbone, task, { train: [{ text: 'Charged twice, call me now!', labels: ['billing', 'urgent'] }, …], valid })
 * ```
 *
 * @throws for no labels, an empty one, or one twice.
 */
export function multiLabel({ labels, form = 'cross-encoder' }: { labels: readonly string[]; form?: Form }): MultiLabelTask {
  if (labels.length === 0) throw new Error('multiLabel: no labels: expected all labels that a text may have')
  checkLabels('multiLabel', labels, form)
  return { kind: 'multi-label', labels: [...labels], form }
}

/** The indices of an example's labels. @throws where it has no list of labels, or one in it is unknown, listing those there are. */
export function labelIds(labels: readonly string[], own: readonly string[] | undefined): number[] {
  if (own === undefined) throw new Error('no list of labels (labels); expected one, which is empty where none fits')
  return own.map((label) => labelId(labels, label))
}

/** The mean binary cross-entropy against `labels` [batch, labels] of 0 and 1; `positiveWeights` weigh what is there against what is not, label by label. */
export const multiLabelLoss = (logits: Tensor, labels: number, positiveWeights?: readonly number[]): Tensor =>
  binaryCrossEntropy(logits, input('labels', [dim('batch'), labels], 'f32'), positiveWeights)
