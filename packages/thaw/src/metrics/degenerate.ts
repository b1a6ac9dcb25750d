// Runs of fine-tuning that have failed as a whole: the same settings learn with one seed and not with another (Devlin et al. 2019, section 4.1; Phang et al.
// 2018, section 5; the NAACL 2019 tutorial's "on-off" behaviour). Their mean with the others says nothing, so they are named.

/** Why a run counts as failed. */
export type Failure = 'majority' | 'outlier'

/** So far below the median at least, and so many scaled deviations. */
const farPoints = 0.1
const farDeviations = 3

/**
 * Which runs have failed, from their accuracies (fractions) on the same examples. A run has failed where
 *
 * - `majority`: its accuracy is at most that of always saying the commonest class (and there is another one), or
 * - `outlier`: there are at least three runs, and its accuracy is more than 10 points and more than 3 · 1.4826 · MAD below their median (MAD the median
 *   distance from the median).
 *
 * ```ts
 * degenerateRuns([0.91, 0.93, 0.23, 0.92], 0.23)   // [undefined, undefined, 'majority', undefined]
 * ```
 */
export function degenerateRuns(accuracies: readonly number[], majority: number): (Failure | undefined)[] {
  const middle = median(accuracies)
  const spread = 1.4826 * median(accuracies.map((accuracy) => Math.abs(accuracy - middle)))
  const far = Math.max(farPoints, farDeviations * spread)
  return accuracies.map((accuracy) => {
    if (accuracy <= majority + 1e-9 && majority < 1) return 'majority'
    return accuracies.length >= 3 && middle - accuracy > far ? 'outlier' : undefined
  })
}

/** The share of the commonest label. */
export function majorityShare(labels: readonly (string | undefined)[]): number {
  const counts = new Map<string | undefined, number>()
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1)
  return labels.length === 0 ? 0 : Math.max(...counts.values()) / labels.length
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = Math.floor(sorted.length / 2)
  if (sorted.length === 0) return Number.NaN
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}
