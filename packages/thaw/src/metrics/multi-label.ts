// How good predictions are where an example may have several labels, or none: F1 over all decisions (micro), over the classes (macro), and how often the
// whole set is right. Definitions as in Manning, Raghavan & Schütze (2008), section 13.6, and Tsoumakas & Katakis (2007).

import type { ClassificationReport, ClassReport } from './classification.js'

/** As for one label, with `accuracy` the share of examples whose set of labels is right (subset accuracy); there is no confusion matrix. */
export type MultiLabelReport = ClassificationReport & {
  /** Harmonic mean of precision and recall over all decisions, each label of each example being one. */
  microF1: number
}

/**
 * The report of sets of labels, as indices into `labels`, one set an example. Rates are fractions; one whose denominator is 0 is 0. A class that occurs neither
 * in the truth nor in the predictions takes no part in macro-F1.
 *
 * ```ts
 * multiLabelReport([[0, 1], [1]], [[0], [1]], ['urgent', 'billing']).microF1   // 0.8
 * ```
 *
 * @throws RangeError where there is not one prediction for each example.
 */
export function multiLabelReport(
  truth: readonly (readonly number[])[],
  predicted: readonly (readonly number[])[],
  labels: readonly string[],
): MultiLabelReport {
  if (truth.length !== predicted.length)
    throw new RangeError(`multiLabelReport: truth has ${truth.length} examples, predicted has ${predicted.length}; pass one set for each example`)
  const [hits, support, claimed] = [labels.map(() => 0), labels.map(() => 0), labels.map(() => 0)]
  let right = 0
  truth.forEach((wanted, i) => {
    const [a, b] = [new Set(wanted), new Set(predicted[i]!)]
    for (const k of a) support[k]! += 1
    for (const k of b) claimed[k]! += 1
    const both = [...a].filter((k) => b.has(k))
    for (const k of both) hits[k]! += 1
    if (both.length === a.size && both.length === b.size) right++
  })
  const f1 = (hit: number, all: number) => (all === 0 ? 0 : (2 * hit) / all)
  const classes = labels.map((label, k): ClassReport => {
    const [hit, of, said] = [hits[k]!, support[k]!, claimed[k]!]
    return {
      label,
      precision: said === 0 ? 0 : hit / said,
      recall: of === 0 ? 0 : hit / of,
      f1: f1(hit, of + said),
      support: of,
      predicted: said,
    }
  })
  const present = classes.filter((row) => row.support + row.predicted > 0)
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  return {
    examples: truth.length,
    accuracy: truth.length === 0 ? 0 : right / truth.length,
    microF1: f1(sum(hits), sum(support) + sum(claimed)),
    macroF1: present.length === 0 ? 0 : sum(present.map((row) => row.f1)) / present.length,
    classes,
    confusion: [],
  }
}

/** How far a sigmoid's f32 is from 0 or 1 at the least: what rounds to either is counted as this. */
const nearest = 2 ** -24

/** −Σ ln p(decision) over all labels of one example whose labels are `truth`, in nats. */
export function setLoss(probabilities: ArrayLike<number>, truth: readonly number[]): number {
  let sum = 0
  for (let k = 0; k < probabilities.length; k++) {
    const p = truth.includes(k) ? probabilities[k]! : 1 - probabilities[k]!
    sum -= Math.log(Math.max(p, nearest))
  }
  return sum
}

/** An example whose set of labels was not predicted as it is. */
export type WrongSet<T> = {
  example: T
  /** Where the example stood. */
  index: number
  truth: readonly number[]
  predicted: readonly number[]
  /** −Σ ln p(decision), in nats: see {@link setLoss}. */
  loss: number
}

/** The examples with a wrong set of labels and the highest loss, worst first, at most `n`; equal losses keep the order of the data. */
export function worstSets<T>(
  examples: readonly T[],
  truth: readonly (readonly number[])[],
  probabilities: readonly ArrayLike<number>[],
  predicted: readonly (readonly number[])[],
  n: number,
): WrongSet<T>[] {
  const same = (a: readonly number[], b: readonly number[]) => a.length === b.length && a.every((k) => b.includes(k))
  return examples
    .map((example, index) => ({
      example,
      index,
      truth: truth[index]!,
      predicted: predicted[index]!,
      loss: setLoss(probabilities[index]!, truth[index]!),
    }))
    .filter((x) => !same(x.truth, x.predicted))
    .sort((a, b) => b.loss - a.loss || a.index - b.index)
    .slice(0, n)
}
