// The command `npm run bench -- <name>`: runs one benchmark, prints its rows, saves them on request, and keeps the README's table.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Benchmark, formatList, listBenchmarks, loadBenchmark } from './benchmark.js'
import { repositoryRoot, resultsFolder } from './folders.js'
import { formatConfig, formatTable } from './format.js'
import { headlinesMarkdown, replaceTable, resultsMarkdown } from './readme.js'
import { commit, machine, readResults, type SavedRow, saveRows } from './results.js'

const USAGE = `npm run bench -- <name> [configuration…] [--quick] [--json] [--save]   run one benchmark
npm run bench -- table                                                 rewrite the README's table, that of all rows and the drawings from bench/results

  --quick   a short run that shows the benchmark works; its numbers are not results
  --json    one JSON object a line on stdout, everything else on stderr (npm prints its own header: use npm run -s)
  --save    replace bench/results/<name>.jsonl, each row with date, commit and machine; with configurations, their rows
  --help    this text, or with a name what that benchmark measures

Benchmarks:
`

/** Where the command looks, writes and prints; replaced in tests. */
export interface Surroundings {
  benchmarks: URL
  results: string
  readme: string
  stdout: (text: string) => void
  stderr: (text: string) => void
}

const real: Surroundings = {
  benchmarks: new URL('.', import.meta.url),
  results: resultsFolder,
  readme: `${repositoryRoot}/README.md`,
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
}

const OPTIONS = { quick: { type: 'boolean' }, json: { type: 'boolean' }, save: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const

/** Runs the command; resolves with the exit code. Errors of use and of benchmarks are printed to stderr, the latter with their stack. */
export async function main(argv: string[], at: Surroundings = real): Promise<number> {
  let name: string | undefined
  let only: string[]
  let values: { quick?: boolean; json?: boolean; save?: boolean; help?: boolean }
  try {
    const parsed = parseArgs({ args: argv, allowPositionals: true, options: OPTIONS })
    values = parsed.values
    ;[name, ...only] = parsed.positionals
    if (values.quick && values.save) throw new Error('--quick and --save exclude each other: the numbers of a quick run are not results')
    if (name === undefined || (values.help && name === 'table')) {
      const help = `${USAGE}${formatList(await listBenchmarks(at.benchmarks))}\n`
      ;(values.help ? at.stdout : at.stderr)(help)
      return values.help ? 0 : 1
    }
    if (name === 'table') {
      await writeTables(at)
      return 0
    }
    const { about, run } = await loadBenchmark(name, at.benchmarks)
    if (values.help) {
      at.stdout(`${name}: ${about}\n`)
      return 0
    }
    return await measure(name, run, { only, quick: values.quick ?? false, json: values.json ?? false, save: values.save ?? false }, at)
  } catch (error) {
    at.stderr(`${(error as Error).message}\n`)
    return 1
  }
}

/** The README's table; all rows, and the drawings of benchmarks that have one, beside the results. */
async function writeTables(at: Surroundings): Promise<void> {
  const rows = readResults(at.results)
  const benchmarks = new Map<string, Benchmark>()
  for (const { bench } of rows) if (!benchmarks.has(bench)) benchmarks.set(bench, await loadBenchmark(bench, at.benchmarks))
  const headlineOf = (row: SavedRow) => {
    const headline = benchmarks.get(row.bench)?.headline
    return headline ? headline(row) : `${row.bench}: ${formatConfig(row.config)}, ${row.metric}`
  }
  const shown = rows.filter((row) => headlineOf(row) !== undefined).length
  writeFileSync(at.readme, replaceTable(existsSync(at.readme) ? readFileSync(at.readme, 'utf8') : '', headlinesMarkdown(rows, headlineOf)))
  if (rows.length > 0) writeFileSync(join(at.results, 'README.md'), resultsMarkdown(rows))
  for (const [name, { drawing }] of benchmarks)
    if (drawing) writeFileSync(join(at.results, `${name}.svg`), drawing(rows.filter(({ bench }) => bench === name)))
  at.stderr(`README.md: the table has ${shown} of ${rows.length} ${rows.length === 1 ? 'row' : 'rows'}\n`)
}

type Run = Awaited<ReturnType<typeof loadBenchmark>>['run']

async function measure(
  name: string,
  run: Run,
  options: { only: string[]; quick: boolean; json: boolean; save: boolean },
  at: Surroundings,
): Promise<number> {
  // What a benchmark or a library logs must not mix with the rows.
  const { log, info } = console
  console.log = console.info = console.error
  try {
    // The stamp is taken before the run: the code measured is the code of now, whatever is edited meanwhile.
    const stamp = { date: new Date().toISOString().slice(0, 10), commit: commit(), machine: machine() }
    const rows = await run({ quick: options.quick, only: options.only, log: (message) => at.stderr(`${message}\n`) })
    at.stdout(options.json ? rows.map((row) => `${JSON.stringify(row)}\n`).join('') : `${formatTable(rows)}\n`)
    if (options.save) at.stderr(`saved ${rows.length} rows in ${saveRows(at.results, name, rows, stamp, options.only)}\n`)
    return 0
  } catch (error) {
    at.stderr(`${name}: ${(error as Error).stack ?? String(error)}\n`)
    return 1
  } finally {
    Object.assign(console, { log, info })
  }
}
