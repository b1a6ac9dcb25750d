// The README's table of results, rewritten from bench/results so that no number in it is typed by hand.
import { cells, markdownTable } from './format.js'
import type { Machine, SavedRow } from './results.js'

const START = '<!-- bench:start -->'
const END = '<!-- bench:end -->'

const describe = ({ cpu, cores, memory, node, onnxruntime }: Machine): string =>
  `${cpu}, ${cores} ${cores === 1 ? 'core' : 'cores'}, ${memory} GiB, Node ${node}, ONNX Runtime ${onnxruntime}`

/** The table and, below it, the machines with the dates and commits of what was measured on them. */
export function resultsMarkdown(rows: readonly SavedRow[]): string {
  if (rows.length === 0) return 'No results are saved yet; `npm run bench -- <name> --save` saves one.'
  const header = ['Benchmark', 'Configuration', 'Metric', 'Ours', 'Peer', 'Ratio (above 1: ours is better)', 'Command']
  const table = markdownTable(
    header,
    rows.map((row) => [row.bench, ...cells(row), `\`npm run bench -- ${row.bench}\``]),
  )
  const machines = new Map<string, Set<string>>()
  for (const row of rows) {
    const key = describe(row.machine)
    machines.set(key, (machines.get(key) ?? new Set()).add(`${row.bench} ${row.date} at ${row.commit}`))
  }
  const notes = [...machines].map(([name, measured]) => `Measured on ${name}: ${[...measured].join('; ')}.`)
  return `${table}\n\n${notes.join('\n\n')}`
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
