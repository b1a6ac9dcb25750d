// The tutorial's six hands-on parts (examples/hands-on) with the small checkpoint: how long each takes, goal ten minutes, and what it measured beside the slide's
// statement. Part 1 pretrains on Wikipedia for its eight minutes; the others adapt packages/wiki-causal to TREC-6.

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { BenchOptions } from './benchmark.js'
import { dataFolder } from './data.js'
import { packaged, repositoryRoot } from './folders.js'
import type { Row } from './row.js'
import { cacheFolder, keptRuns } from './runs.js'

export const about =
  "the tutorial's six hands-on parts with the small checkpoint: minutes, and what was measured beside the slide (under an hour, resumable)"

/** In the README's table. */
export const headline = ({ config }: Row): string => `Hands-on part ${String(config.part)} of the tutorial, with the small checkpoint`

const bench = 'hands-on'
const parts = [1, 2, 3, 4, 5, 6]

interface Part {
  minutes: number
  measured: string
}

export async function run({ quick, only, log }: BenchOptions): Promise<Row[]> {
  const once = keptRuns(quick ? `${bench}-quick` : bench)
  const rows: Row[] = []
  for (const part of parts.filter((one) => only.length === 0 || only.includes(String(one)))) {
    const { minutes, measured } = await once({ part }, () => take(part, quick, log))
    rows.push({ bench, config: { part, measured }, metric: 'time', unit: 'minutes', ours: minutes })
  }
  return rows
}

async function take(part: number, quick: boolean, log: (message: string) => void): Promise<Part> {
  const wiki = [0, 1].map((shard) => `${dataFolder()}/wiki/wiki-0${shard}.txt.br`).join(',')
  const whole = ['--text', wiki, '--trec', `${dataFolder()}/trec`, '--checkpoint', part === 1 ? `${cacheFolder}/hands-on` : packaged.causal]
  const started = performance.now()
  const child = spawn(process.execPath, ['scripts/example.mjs', `hands-on-${part}`, ...(quick ? ['--quick'] : whole)], {
    cwd: repositoryRoot,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let measured = ''
  for await (const line of createInterface({ input: child.stdout })) {
    log(line)
    measured = /^measured: (.*)$/.exec(line)?.[1] ?? measured
  }
  const code = child.exitCode ?? (await new Promise<number | null>((resolve) => child.once('close', resolve)))
  if (code !== 0) throw new Error(`${bench}: part ${part} ended with exit code ${code}`)
  return { minutes: (performance.now() - started) / 60_000, measured }
}
