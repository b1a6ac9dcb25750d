// Statistics as a compact table for the terminal; what deserves a look comes last, in sentences.
import type { DataStatistics, SplitName } from './statistics.js'

const MOST_LABELS = 20
const names: SplitName[] = ['train', 'valid', 'test']

/** Formats statistics; the result ends without a line end. See the test for how it looks. */
export function formatStatistics(stats: DataStatistics): string {
  const splits = names.filter((name) => stats.splits[name])
  const of = (name: SplitName) => stats.splits[name]!
  const rows: string[][] = [
    ['', ...splits],
    ['examples', ...splits.map((name) => number(of(name).examples))],
  ]
  for (const { label, counts } of stats.labels.slice(0, MOST_LABELS))
    rows.push([`  ${label}`, ...splits.map((name) => share(counts[name] ?? 0, of(name).examples))])
  const left = stats.labels.slice(MOST_LABELS)
  if (left.length > 0)
    rows.push([
      `  ${left.length} more labels`,
      ...splits.map((name) =>
        share(
          left.reduce((sum, { counts }) => sum + (counts[name] ?? 0), 0),
          of(name).examples,
        ),
      ),
    ])
  if (splits.some((name) => of(name).unlabelled > 0))
    rows.push(['  without label', ...splits.map((name) => share(of(name).unlabelled, of(name).examples))])
  rows.push([`${stats.lengthUnit}: median`, ...splits.map((name) => number(of(name).lengths.median))])
  rows.push(['  90 %, 99 %', ...splits.map((name) => `${number(of(name).lengths.p90)}, ${number(of(name).lengths.p99)}`)])
  rows.push(['  longest', ...splits.map((name) => number(of(name).lengths.max))])
  if (stats.limit !== undefined) rows.push([`cut at ${stats.limit}`, ...splits.map((name) => share(of(name).truncated ?? 0, of(name).examples))])
  rows.push(['duplicates', ...splits.map((name) => number(of(name).duplicates))])
  const shared = stats.across.filter(({ examples }) => examples > 0)
  for (const other of ['train', 'valid'] as const) {
    if (shared.some(({ of: b }) => b === other))
      rows.push([`also in ${other}`, ...splits.map((name) => number(shared.find((entry) => entry.in === name && entry.of === other)?.examples ?? 0))])
  }
  return [...table(rows), ...notes(stats)].join('\n')
}

function notes(stats: DataStatistics): string[] {
  const lines: string[] = []
  const first = stats.conflicts[0]
  if (first) {
    const where = first.where.map(({ split, line }) => `${split} line ${line}`).join(', ')
    lines.push(`texts with different labels: ${stats.conflicts.length}, first "${short(first.text)}" (${first.labels.join(', ')}: ${where})`)
  }
  for (const group of stats.similarLabels)
    lines.push(`labels that differ only by case or spaces: ${group.map((label) => JSON.stringify(label)).join(', ')}`)
  for (const { label, meant } of stats.slips)
    lines.push(`the label ${JSON.stringify(label)} looks like a slip of ${JSON.stringify(meant)}; correct it in the file if it is one`)
  if (stats.seenOnce.length > 0)
    lines.push(
      `labels with one training example, from which nothing is learnt: ${list(stats.seenOnce)}; add examples, join them with others, or remove them`,
    )
  const unchecked = stats.labels.filter(({ counts }) => stats.splits.valid && (counts.train ?? 0) > 1 && counts.valid === undefined)
  if (unchecked.length > 0)
    lines.push(`labels without a validation example, so that their mistakes do not show there: ${list(unchecked.map(({ label }) => label))}`)
  if (stats.unseen.length > 0) lines.push(`labels that training never sees: ${list(stats.unseen)}`)
  const garbled = stats.garbled[0]
  if (garbled)
    lines.push(
      `texts with characters such as “Ã©” or “\ufffd”, read in a wrong encoding once: ${stats.garbled.length}, first ${garbled.split} line ${garbled.line}`,
    )
  return lines.map((line) => `! ${line}`)
}

/** First column to the left, the others to the right. */
function table(rows: readonly string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  )
}

function number(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 1 })
}

function share(count: number, all: number): string {
  return `${number(count)} ${all === 0 ? '' : `(${((100 * count) / all).toFixed(1)} %)`.padStart(9)}`
}

function list(labels: readonly string[]): string {
  return labels.length > 10 ? `${labels.slice(0, 10).join(', ')} and ${labels.length - 10} more` : labels.join(', ')
}

function short(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
