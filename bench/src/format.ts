// Rows as text: a plain table for the terminal, a Markdown table for the README.
import type { Row } from './row.js'

/** A number with about four significant digits: `12345.6 -> 12,346`, `0.0123456 -> 0.01235`, `3 -> 3`. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(4)))
}

/** Bytes read better in mebibytes; other units are left alone. */
const scaled = (value: number, unit: string): [number, string] => (unit === 'bytes' ? [value / 2 ** 20, 'MiB'] : [value, unit])

const inUnit = (value: number, unit: string): string => {
  const [number, name] = scaled(value, unit)
  return `${formatNumber(number)}${name ? ` ${name}` : ''}`
}

/** `{ name: 'a', threads: 2 } -> 'a, threads 2'` */
export function formatConfig(config: Readonly<Record<string, unknown>>): string {
  return Object.entries(config)
    .map(([key, value]) => {
      const text = typeof value === 'string' ? value : typeof value === 'number' ? formatNumber(value) : JSON.stringify(value)
      return key === 'name' ? text : `${key} ${text}`
    })
    .join(', ')
}

/** The cells of one row: configuration, metric, ours (± deviation over seeds), the peer's, ratio. */
export function cells(row: Row): string[] {
  const spread = row.sd === undefined ? '' : ` ± ${formatNumber(Number(scaled(row.sd, row.unit)[0].toPrecision(2)))}`
  const seeds = row.seeds === undefined ? '' : ` (${row.seeds} ${row.seeds === 1 ? 'seed' : 'seeds'})`
  const peer = row.peer === undefined ? '' : inUnit(row.peer, row.unit) + (row.peerName ? ` (${row.peerName})` : '')
  return [
    formatConfig(row.config),
    row.metric,
    inUnit(row.ours, row.unit) + spread + seeds,
    peer,
    row.ratio === undefined ? '' : row.ratio.toFixed(2),
  ]
}

/** A readable table, columns aligned, for the terminal. */
export function formatTable(rows: readonly Row[]): string {
  const lines = [['config', 'metric', 'ours', 'peer', 'ratio'], ...rows.map(cells)]
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** A Markdown table; a `|` inside a cell is escaped. */
export function markdownTable(header: readonly string[], lines: readonly (readonly string[])[]): string {
  const line = (values: readonly string[]) => `| ${values.map((value) => value.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(header), line(header.map(() => '---')), ...lines.map(line)].join('\n')
}
