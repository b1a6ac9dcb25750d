// What a benchmark is: a module bench/src/NAME.ts with `about` and `run`. It is found by its name, so a new one needs no list to be kept.
import { readdirSync } from 'node:fs'
import type { Row } from './row.js'

export interface BenchOptions {
  /** A short run that shows the benchmark works; its numbers are not results. */
  quick: boolean
  /** Words after the name: which configurations to run (`train-step a`); empty means all. */
  only: readonly string[]
  /** Progress for the one who waits; goes to stderr. */
  log: (message: string) => void
}

export interface Benchmark {
  /** One line: what is measured against what. */
  about: string
  run: (options: BenchOptions) => Promise<Row[]>
  /** What the README's table calls a row; undefined: the row stands in the table of all results only. Without this function every row is in both. */
  headline?: (row: Row) => string | undefined
  /** The saved rows as a picture: an SVG file, written beside them. */
  drawing?: (rows: readonly Row[]) => string
}

const isBenchmark = (module: Partial<Benchmark>): module is Benchmark => typeof module.about === 'string' && typeof module.run === 'function'

/** The benchmarks in a folder of compiled modules, by name. A module that cannot be loaded is listed with its error, so that one fault does not hide the rest. */
export async function listBenchmarks(folder: URL): Promise<{ name: string; about: string }[]> {
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.js') && !file.endsWith('.test.js') && file !== 'index.js')
    .map((file) => file.slice(0, -'.js'.length))
    .sort()
  const found: { name: string; about: string }[] = []
  for (const name of names) {
    try {
      const module = (await import(new URL(`${name}.js`, folder).href)) as Partial<Benchmark>
      if (isBenchmark(module)) found.push({ name, about: module.about })
    } catch (error) {
      found.push({ name, about: `(cannot be loaded: ${(error as Error).message.split('\n')[0]})` })
    }
  }
  return found
}

/** Loads one benchmark. Throws where there is none of that name, listing what there is. */
export async function loadBenchmark(name: string, folder: URL): Promise<Benchmark> {
  const known = /^[a-z][a-z0-9-]*$/.test(name) && name !== 'index' && readdirSync(folder).includes(`${name}.js`)
  const module = known ? ((await import(new URL(`${name}.js`, folder).href)) as Partial<Benchmark>) : {}
  if (isBenchmark(module)) return module
  throw new Error(`There is no benchmark "${name}". There are:\n${formatList(await listBenchmarks(folder))}`)
}

/** One line a benchmark: its name and what it is about. */
export function formatList(benchmarks: readonly { name: string; about: string }[]): string {
  if (benchmarks.length === 0) return '  (none yet)'
  const width = Math.max(...benchmarks.map(({ name }) => name.length))
  return benchmarks.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`).join('\n')
}
