// The README's table of results and the table of all, rewritten from bench/results so that no number in them is typed by hand.
import { cells, markdownTable } from './format.js'
import type { Machine, SavedRow } from './results.js'

const START = '<!-- bench:start -->'
const END = '<!-- bench:end -->'

const describe = ({ cpu, cores, memory, node, onnxruntime }: Machine): string =>
  `${cpu}, ${cores} ${cores === 1 ? 'core' : 'cores'}, ${memory} GiB, Node ${node}, ONNX Runtime ${onnxruntime}`

const machines = (rows: readonly SavedRow[]): string => {
  const known = new Map<string, Set<string>>()
  for (const row of rows) {
    const key = describe(row.machine)
    known.set(key, (known.get(key) ?? new Set()).add(`${row.bench} ${row.date} at ${row.commit}`))
  }
  return [...known].map(([name, measured]) => `Measured on ${name}: ${[...measured].join('; ')}.`).join('\n\n')
}

const command = ({ bench }: SavedRow) => `\`npm run bench -- ${bench}\``
const compared = ['Ours', 'Peer', 'Ratio (above 1: ours is better)']

/** What the README shows: a table of the rows that have a headline, and where the others are. */
export function headlinesMarkdown(rows: readonly SavedRow[], headlineOf: (row: SavedRow) => string | undefined): string {
  if (rows.length === 0) return 'No results are saved yet; `npm run bench -- <name> --save` saves one.'
  const lines = rows.flatMap((row) => {
    const headline = headlineOf(row)
    return headline === undefined ? [] : [[headline, ...cells(row).slice(2), command(row)]]
  })
  const rest = `All ${rows.length} rows, with settings, dates, commits and machines: [bench/results](bench/results/README.md).`
  return `${markdownTable(['What', ...compared, 'Command'], lines)}\n\n${rest}`
}

/** All rows and, below them, the machines with the dates and commits of what was measured on them. */
export function resultsMarkdown(rows: readonly SavedRow[]): string {
  const table = markdownTable(
    ['Benchmark', 'Configuration', 'Metric', ...compared, 'Command'],
    rows.map((row) => [row.bench, ...cells(row), command(row)]),
  )
  const head = '# All results\n\nWritten by `npm run bench -- table` from the files of this folder; the rules are in [bench/README.md](../README.md).'
  return `${head}\n\n${table}\n\n${machines(rows)}\n`
}

/** The text with everything between the two markers replaced. Throws where the markers are absent, doubled or in the wrong order. */
export function replaceTable(readme: string, markdown: string): string {
  const start = readme.indexOf(START)
  const end = readme.indexOf(END)
  if (start < 0 || end < start || readme.lastIndexOf(START) !== start || readme.lastIndexOf(END) !== end)
    throw new Error(
      `README.md: expected one line ${START} and below it one line ${END}, between which the table of results goes; put them there and run again`,
    )
  return `${readme.slice(0, start + START.length)}\n${markdown}\n${readme.slice(end)}`
}
