// Saved results: bench/results/NAME.jsonl, one row a line, each with the date, the commit and the machine it was measured on.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { repositoryRoot } from './folders.js'
import type { Row } from './row.js'

export interface Machine {
  cpu: string
  cores: number
  /** In GiB. */
  memory: number
  node: string
  onnxruntime: string
}

export interface SavedRow extends Row {
  /** ISO 8601, the day only. */
  date: string
  /** Short hash; '+dirty' where the code differed from the commit. */
  commit: string
  machine: Machine
}

/** This machine, as far as it matters for a number. */
export function machine(): Machine {
  let onnxruntime = 'absent'
  try {
    onnxruntime = (createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }).version
  } catch {} // optional: a benchmark may run without it
  return {
    cpu: cpus()[0]?.model.trim() || 'unknown',
    cores: availableParallelism(),
    memory: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    onnxruntime,
  }
}

/** The short hash of HEAD, with '+dirty' where tracked or new files differ from it; results and the README's table do not count. 'unknown' outside git. */
export function commit(root: string = repositoryRoot): string {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  try {
    const changed = git('status', '--porcelain', '--', '.', ':(exclude)bench/results', ':(exclude)README.md')
    return git('rev-parse', '--short', 'HEAD') + (changed ? '+dirty' : '')
  } catch {
    return 'unknown'
  }
}

/**
 * Replaces NAME.jsonl in one step: whoever reads sees the old rows or the new ones. Where a run measured some configurations only, named by `only`, the rows of
 * the others stay, with their own date and commit. Returns the path.
 */
export function saveRows(
  folder: string,
  name: string,
  rows: readonly Row[],
  stamp: Pick<SavedRow, 'date' | 'commit' | 'machine'>,
  only: readonly string[] = [],
): string {
  mkdirSync(folder, { recursive: true })
  const path = `${folder}/${name}.jsonl`
  const fresh = `${path}.${process.pid}.new`
  const others = only.length === 0 ? [] : readResults(folder, `${name}.jsonl`).filter((row) => !only.some((word) => isOf(row, word)))
  const all = [...others, ...rows.map((row) => ({ ...row, ...stamp }))]
  writeFileSync(fresh, all.map((row) => `${JSON.stringify(row)}\n`).join(''))
  renameSync(fresh, path)
  return path
}

/** Whether a row is of a configuration that a word names: a word of one of the configuration's texts, or its end after a hyphen (masked, of wiki-masked). */
const isOf = ({ config }: Row, word: string): boolean =>
  Object.values(config).some((value) => typeof value === 'string' && value.split(/[\s,]+/).some((part) => part === word || part.endsWith(`-${word}`)))

/** All saved rows of a folder, by file name and then in the order saved; none where the folder is absent. Throws naming file and line where a line is not JSON. */
export function readResults(folder: string, name?: string): SavedRow[] {
  let files: string[]
  try {
    files = readdirSync(folder)
  } catch {
    return []
  }
  return files
    .filter((file) => (name === undefined ? file.endsWith('.jsonl') : file === name))
    .sort()
    .flatMap((file) =>
      readFileSync(`${folder}/${file}`, 'utf8')
        .split('\n')
        .flatMap((line, index) => {
          if (line.trim() === '') return []
          try {
            return [JSON.parse(line) as SavedRow]
          } catch {
            throw new Error(
              `bench/results/${file}, line ${index + 1}: expected a JSON object. Measure again with: npm run bench -- ${file.slice(0, -6)} --save`,
            )
          }
        }),
    )
}
