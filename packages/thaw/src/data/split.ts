// Training and validation sides, and small samples: stratified by label, a function of the seed, and never the same text on both sides (a
// duplicate in validation measures memory).
import { random } from '../text/random.js'
import { type Example, groupSame, labelsOf } from './example.js'
import { countLabels } from './label-spellings.js'

/** Options of `split`. */
export interface SplitOptions {
  /** Share of the validation side, 0 to 1. */
  fraction?: number
  seed: number
  /** Labels in proportion on both sides; true unless told. */
  stratified?: boolean
}

/**
 * Splits examples: round(fraction · n) for validation (a few fewer when duplicates do not fit), both sides in the order of the input.
 * Duplicates (`sameText`) stay together.
 *
 * @example
 * const { train, valid } = split(examples, { fraction: 0.1, seed: 1 })
 */
export function split<E extends Example>(
  examples: readonly E[],
  { fraction = 0.1, seed, stratified = true }: SplitOptions,
): { train: E[]; valid: E[] } {
  if (!(fraction > 0 && fraction < 1)) throw new RangeError(`fraction: expected a number between 0 and 1, both excluded; got ${fraction}`)
  const wanted = Math.round(fraction * examples.length)
  const chosen = new Set<Example>()
  for (const group of stratifiedOrder(groupSame(examples), seed, stratified)) {
    if (chosen.size >= wanted) break
    if (chosen.size + group.length <= wanted) for (const example of group) chosen.add(example)
  }
  if (chosen.size === 0 || chosen.size === examples.length)
    throw new Error(`too few distinct texts to split: ${examples.length} examples, fraction ${fraction}; give a validation file, or more examples`)
  return { train: examples.filter((example) => !chosen.has(example)), valid: examples.filter((example) => chosen.has(example)) }
}

/**
 * A stratified sample of n different texts, in the order of the input; with the same seed a smaller sample is part of a larger one.
 *
 * @throws when there are fewer than n different texts.
 */
export function subset<E extends Example>(examples: readonly E[], n: number, seed: number): E[] {
  const groups = groupSame(examples)
  if (!Number.isInteger(n) || n < 1 || n > groups.length)
    throw new RangeError(`subset: expected a number from 1 to ${groups.length} (the different texts); got ${n}`)
  const chosen = new Set(
    stratifiedOrder(groups, seed, true)
      .slice(0, n)
      .map((group) => group[0]!),
  )
  return examples.filter((example) => chosen.has(example))
}

/**
 * An order of which every beginning has the labels in proportion: the i-th of a label's k groups stands at (i + 1/2) / k (Webster's method of
 * apportionment). Within a label, and between labels at a tie, the seed decides. Of
 * several labels a text is of the rarest, which is the first to be lacking on a side (Sechidis et al. 2011).
 */
function stratifiedOrder(groups: Example[][], seed: number, stratified: boolean): Example[][] {
  const shuffled = random(seed).shuffle(groups)
  if (!stratified) return shuffled
  const byLabel = new Map<string | undefined, Example[][]>()
  const counts = countLabels(groups.map((group) => group[0]!))
  for (const group of shuffled) {
    const label = rarest(labelsOf(group[0]!), counts)
    const same = byLabel.get(label)
    if (same) same.push(group)
    else byLabel.set(label, [group])
  }
  return [...byLabel.values()]
    .flatMap((same) => same.map((group, i) => ({ group, place: (i + 0.5) / same.length })))
    .sort((a, b) => a.place - b.place)
    .map(({ group }) => group)
}

const rarest = (labels: readonly string[], counts: ReadonlyMap<string, number>): string | undefined =>
  labels.length < 2 ? labels[0] : labels.reduce((best, label) => (counts.get(label)! < counts.get(best)! ? label : best))
