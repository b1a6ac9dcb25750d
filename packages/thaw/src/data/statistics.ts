// What is in a data set, to be seen before training: class balance, lengths, truncation, duplicates inside and across splits, suspicious labels.
import { countWords } from '../text/corpus/tokenize-job.js'
import { type Example, groupSame, labelsOf, sameText } from './example.js'
import { countLabels, likelySlips, spellingKey } from './label-spellings.js'

/** Splits of a data set. */
export type SplitName = 'train' | 'valid' | 'test'

/** Numbers of one split. */
export interface SplitStatistics {
  examples: number
  /** Without a label; of several, those that none fits. */
  unlabelled: number
  /** Lengths of texts (with their pair): smallest, quantiles (nearest rank), largest. */
  lengths: { min: number; median: number; p90: number; p99: number; max: number; mean: number }
  /** Texts longer than the limit; undefined without a limit. */
  truncated: number | undefined
  /** Examples whose text came before in this split. */
  duplicates: number
}

/** What `statistics` finds. */
export interface DataStatistics {
  splits: Partial<Record<SplitName, SplitStatistics>>
  /** Examples a label and split, largest in training first. */
  labels: { label: string; counts: Partial<Record<SplitName, number>> }[]
  /** Examples of `in` whose text also occurs in `of`. */
  across: { in: SplitName; of: SplitName; examples: number }[]
  /** Texts that occur with different labels, over all splits. */
  conflicts: { text: string; labels: string[]; where: { split: SplitName; line: number }[] }[]
  /** Labels that differ only by case or white space. */
  similarLabels: string[][]
  /** Rare training labels that look like slips of frequent ones. */
  slips: { label: string; meant: string }[]
  /** Texts that were read in a wrong encoding at some time: they hold `Ã©` and the like, or `\ufffd`. */
  garbled: { split: SplitName; line: number }[]
  /** Labels with one training example. */
  seenOnce: string[]
  /** Labels of validation or test that training does not have. */
  unseen: string[]
  lengthUnit: 'words' | 'tokens'
  limit: number | undefined
}

/**
 * Describes a data set. `lengthOf` counts a text's tokens (words unless given); texts longer than `limit` are counted as truncated.
 *
 * @example
 * console.log(formatStatistics(statistics(train, valid, test, (text) => tokenizer.ids(text).length, 128)))
 */
export function statistics(
  train: readonly Example[],
  valid?: readonly Example[],
  test?: readonly Example[],
  lengthOf?: (text: string) => number,
  limit?: number,
): DataStatistics {
  const parts = (
    [
      ['train', train],
      ['valid', valid],
      ['test', test],
    ] as const
  ).filter((part): part is [SplitName, readonly Example[]] => part[1] !== undefined)
  const length = lengthOf ?? countWords
  const splits: DataStatistics['splits'] = {}
  const counts = new Map<string, Partial<Record<SplitName, number>>>()
  const texts = new Map<SplitName, Set<string>>()
  for (const [name, examples] of parts) {
    splits[name] = describe(examples, length, limit)
    texts.set(name, new Set(examples.map(sameText)))
    for (const label of examples.flatMap(labelsOf)) {
      const count = counts.get(label) ?? {}
      count[name] = (count[name] ?? 0) + 1
      counts.set(label, count)
    }
  }
  const across: DataStatistics['across'] = []
  for (const [a, b] of [
    ['valid', 'train'],
    ['test', 'train'],
    ['test', 'valid'],
  ] as const) {
    const [inside, of] = [parts.find(([name]) => name === a)?.[1], texts.get(b)]
    if (inside && of) across.push({ in: a, of: b, examples: inside.filter((example) => of.has(sameText(example))).length })
  }
  const names = [...counts.keys()]
  const labels = names
    .map((label) => ({ label, counts: counts.get(label)! }))
    .sort((a, b) => (b.counts.train ?? 0) - (a.counts.train ?? 0) || (a.label < b.label ? -1 : 1))
  return {
    splits,
    labels,
    across,
    conflicts: conflicts(parts),
    similarLabels: similar(names),
    slips: likelySlips(countLabels(train)),
    garbled: parts.flatMap(([split, examples]) => examples.filter(isGarbled).map(({ line }) => ({ split, line }))),
    seenOnce: labels.filter(({ counts: { train: n } }) => n === 1).map(({ label }) => label),
    unseen: labels.filter(({ counts: { train: n } }) => n === undefined).map(({ label }) => label),
    lengthUnit: lengthOf ? 'tokens' : 'words',
    limit,
  }
}

function describe(examples: readonly Example[], lengthOf: (text: string) => number, limit: number | undefined): SplitStatistics {
  const lengths = Float64Array.from(
    examples,
    ({ text, pair, choices = [] }) => lengthOf(text) + Math.max(0, ...[...(pair === undefined ? [] : [pair]), ...choices].map(lengthOf)),
  ).sort()
  const rank = (q: number): number => lengths[Math.max(0, Math.ceil(q * lengths.length) - 1)] ?? 0
  const mean = lengths.length === 0 ? 0 : lengths.reduce((sum, value) => sum + value, 0) / lengths.length
  return {
    examples: examples.length,
    unlabelled: examples.filter((example) => labelsOf(example).length === 0).length,
    lengths: { min: rank(0), median: rank(0.5), p90: rank(0.9), p99: rank(0.99), max: rank(1), mean },
    truncated: limit === undefined ? undefined : lengths.filter((value) => value > limit).length,
    duplicates: examples.length - groupSame(examples).length,
  }
}

function conflicts(parts: readonly [SplitName, readonly Example[]][]): DataStatistics['conflicts'] {
  const from = new Map<Example, SplitName>()
  const all: Example[] = []
  for (const [split, examples] of parts) {
    for (const example of examples) {
      const copy = { ...example } // the same object may stand in two splits
      from.set(copy, split)
      all.push(copy)
    }
  }
  return groupSame(all).flatMap((group) => {
    const labels = [...new Set(group.flatMap(setOf))].sort()
    if (labels.length < 2) return []
    return [{ text: group[0]!.text, labels, where: group.map((example) => ({ split: from.get(example)!, line: example.line })) }]
  })
}

/** An example's labels as one text; none where it is not labelled. */
function setOf({ label, labels }: Example): string[] {
  if (labels) return [labels.length === 0 ? 'none' : [...labels].sort().join(' + ')]
  return label === undefined ? [] : [label]
}

function similar(labels: readonly string[]): string[][] {
  const groups = new Map<string, string[]>()
  for (const label of labels) {
    const key = spellingKey(label)
    groups.set(key, [...(groups.get(key) ?? []), label])
  }
  return [...groups.values()].filter((group) => group.length > 1).map((group) => group.sort())
}

/** UTF-8's two and three bytes read as Latin-1 or Windows-1252, as in `cafÃ©` and `itâ€™s`; and characters that a decoder gave up. */
const isGarbled = ({ text }: Example): boolean => /Ã[\u0080-\u00bf]|â€[\u0080-\u00bf\u2018-\u203a\u0152-\u0178\u2122]|\ufffd/.test(text)
