// Weights of classes in the loss, for data in which some are rare.

/** `balanced`, or weights by label; labels that are not named have 1. */
export type ClassWeights = 'balanced' | Readonly<Record<string, number>>

/**
 * Each label's weight. Balanced: n / (k · n_c), with n examples, k labels that occur and n_c examples of the label, so that every class counts alike (King &
 * Zeng 2001; scikit-learn's `balanced`).
 *
 * @throws naming a label that the data do not have, or a weight that is not above 0.
 */
export function classWeights(given: ClassWeights, labels: readonly string[], targets: readonly number[]): number[] {
  if (given === 'balanced') {
    const counts = countsOf(labels, targets)
    const occurring = counts.filter((count) => count > 0).length
    return counts.map((count) => (count === 0 ? 1 : targets.length / (occurring * count)))
  }
  return namedWeights(given, labels)
}

/**
 * Where a text may have several labels: how much each label's presence weighs against its absence. Balanced: (n − n_c) / n_c, so that both count alike (what
 * PyTorch advises for the `pos_weight` of its `BCEWithLogitsLoss`); 1 for a label that no example has.
 *
 * @throws as {@link classWeights}.
 */
export function positiveWeights(given: ClassWeights, labels: readonly string[], targets: readonly (readonly number[])[]): number[] {
  if (given !== 'balanced') return namedWeights(given, labels)
  return countsOf(labels, targets.flat()).map((count) => (count === 0 || count === targets.length ? 1 : (targets.length - count) / count))
}

function countsOf(labels: readonly string[], targets: readonly number[]): number[] {
  const counts = labels.map(() => 0)
  for (const target of targets) counts[target]! += 1
  return counts
}

function namedWeights(given: Readonly<Record<string, number>>, labels: readonly string[]): number[] {
  for (const [label, weight] of Object.entries(given)) {
    if (!labels.includes(label)) throw new Error(`class weights: the label ${JSON.stringify(label)} is not among ${labels.slice(0, 12).join(', ')}`)
    if (!(weight > 0 && Number.isFinite(weight))) throw new Error(`class weights: ${JSON.stringify(label)} has ${weight}: expected a number above 0`)
  }
  return labels.map((label) => given[label] ?? 1)
}
