// Labels that people typed: `Billing`, `billing` and ` BILLING` are one label in several spellings, and `Biling` is likely a slip. Spellings are unified
// (and said so) before a run; slips are only pointed at, for a computer cannot know.

import { type Example, labelsOf } from './example.js'

/** What spellings of one label have in common: neither case nor Unicode form nor white space counts. */
export const spellingKey = (label: string): string => label.normalize('NFKC').toLowerCase().replace(/\s+/g, '')

/** Spellings that were read as another one. */
export interface Respelled {
  /** The spelling that stands for all. */
  label: string
  others: { label: string; examples: number }[]
}

/** How many examples each label has. */
export function countLabels(examples: readonly Pick<Example, 'label' | 'labels'>[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const example of examples) for (const label of labelsOf(example)) counts.set(label, (counts.get(label) ?? 0) + 1)
  return counts
}

/**
 * Gives every label the spelling that is most frequent (at a tie the first by code point).
 *
 * ```ts
 * unifySpellings([{ text: 'a', label: 'Bug', line: 1 }, { text: 'b', label: 'Bug', line: 2 }, { text: 'c', label: 'bug', line: 3 }])
 * // { examples: […all 'Bug'], respelled: [{ label: 'Bug', others: [{ label: 'bug', examples: 1 }] }] }
 * ```
 */
export function unifySpellings<E extends Example>(examples: readonly E[]): { examples: E[]; respelled: Respelled[] } {
  const counts = [...countLabels(examples)].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
  const byKey = new Map<string, Respelled>()
  for (const [label, n] of counts) {
    const known = byKey.get(spellingKey(label))
    if (known) known.others.push({ label, examples: n })
    else byKey.set(spellingKey(label), { label, others: [] })
  }
  const respelled = [...byKey.values()].filter(({ others }) => others.length > 0)
  if (respelled.length === 0) return { examples: [...examples], respelled }
  return {
    examples: withSpellings(
      examples,
      [...byKey.values()].map(({ label }) => label),
    ),
    respelled,
  }
}

/** Gives labels that are spellings of known ones the known spelling; others stay as they are. */
export function withSpellings<E extends Example>(examples: readonly E[], known: readonly string[]): E[] {
  const exact = new Set(known)
  const byKey = new Map(known.map((label) => [spellingKey(label), label]))
  const spelt = (label: string): string => (exact.has(label) ? label : (byKey.get(spellingKey(label)) ?? label))
  return examples.map((example) => {
    if (example.labels) return { ...example, labels: [...new Set(example.labels.map(spelt))] }
    return example.label === undefined ? example : { ...example, label: spelt(example.label) }
  })
}

/** A label of at most this many examples may be a slip of a frequent one. */
const rare = 2

/**
 * Rare labels (at most two examples) one edit away from a label with at least ten times as many: a letter too much, too few, another one, or two swapped.
 * Short labels and numbers are left alone.
 */
export function likelySlips(counts: ReadonlyMap<string, number>): { label: string; meant: string }[] {
  const all = [...counts]
  return all.flatMap(([label, n]) => {
    if (n > rare || label.length < 4 || /\d/.test(label)) return []
    const meant = all
      .filter(([other, m]) => m >= 10 * n && other !== label && withinOneEdit(spellingKey(label), spellingKey(other)))
      .sort(([, a], [, b]) => b - a)[0]
    return meant ? [{ label, meant: meant[0] }] : []
  })
}

function withinOneEdit(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false
  let start = 0
  while (start < a.length && a[start] === b[start]) start++
  let end = 0
  while (end < Math.min(a.length, b.length) - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++
  const [left, right] = [a.slice(start, a.length - end), b.slice(start, b.length - end)]
  if (left.length <= 1 && right.length <= 1) return true
  return left.length === 2 && right.length === 2 && left[0] === right[1] && left[1] === right[0]
}
