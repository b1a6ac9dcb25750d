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
