// Generation, token by token, with a key–value cache, beside transformers' GPT-2 with its own: milliseconds of token 32 and of token 512 (medians of
// the sixteen around), which should cost about the same, and tokens a second over all.

import type { BenchOptions } from './benchmark.js'
import { startPeer, startSide } from './peer.js'
import { type Row, ratio } from './row.js'
import { generators } from './sides/configurations.js'
import { median } from './statistics.js'

export const about = 'ms a token, early and late, of greedy generation with a cache against transformers: (small) 6×384, (gpt2) 12×768'

/** In the README's table. */
export const headline = ({ config, metric }: Row): string | undefined =>
  ({ tokens_per_second: `Generation with a key–value cache, ${String(config.name)}`, peak_memory: `Its peak memory, ${String(config.name)}` })[metric]

const bench = 'generate'
const peerName = 'transformers 5.23.0 on PyTorch 2.13.0 eager'
const tokens = 520

interface Answer {
  milliseconds: number[]
  peakBytes: number
}

const around = (milliseconds: readonly number[], token: number) => median(milliseconds.slice(token - 8, token + 8))

async function measure(name: string, { quick, log }: BenchOptions): Promise<Row[]> {
  await using ours = startSide('generate', [name])
  await using peer = startPeer('generate.py', ['--config', name])
  const rounds = quick ? 2 : 5
  const sides = { ours, peer }
  const early: Record<keyof typeof sides, number[]> = { ours: [], peer: [] }
  const late: typeof early = { ours: [], peer: [] }
  const speed: typeof early = { ours: [], peer: [] }
  const peak = { ours: 0, peer: 0 }
  for (const side of [ours, peer]) await side.ask<Answer>({ tokens: 16 })
  for (let round = 0; round < rounds; round++)
    for (const side of ['ours', 'peer'] as const) {
      const { milliseconds, peakBytes } = await sides[side].ask<Answer>({ tokens })
      early[side].push(around(milliseconds, 32))
      late[side].push(around(milliseconds, 512))
      speed[side].push((1000 * tokens) / milliseconds.reduce((a, b) => a + b))
      peak[side] = peakBytes
      log(`${name} ${side}: token 32 ${early[side].at(-1)!.toFixed(2)} ms, token 512 ${late[side].at(-1)!.toFixed(2)} ms`)
    }
  const config = { name, ...generators[name]!, threads: 2, alternations: rounds }
  const row = (metric: string, unit: string, mine: number, theirs: number, better: 'higher' | 'lower'): Row => ({
    ...{ bench, config, metric, unit, ours: mine, peer: theirs, peerName },
    ratio: ratio(mine, theirs, better),
  })
  const slowdown = (side: keyof typeof sides) => median(late[side].map((milliseconds, round) => milliseconds / early[side][round]!))
  return [
    row('token_32', 'ms', median(early.ours), median(early.peer), 'lower'),
    row('token_512', 'ms', median(late.ours), median(late.peer), 'lower'),
    row('token_512_over_32', 'times', slowdown('ours'), slowdown('peer'), 'lower'),
    row('tokens_per_second', 'tokens/s', median(speed.ours), median(speed.peer), 'higher'),
    row('peak_memory', 'MB', peak.ours / 1e6, peak.peer / 1e6, 'lower'),
  ]
}

export async function run(options: BenchOptions): Promise<Row[]> {
  const rows: Row[] = []
  for (const name of Object.keys(generators))
    if (options.only.length === 0 || options.only.includes(name)) rows.push(...(await measure(name, options)))
  return rows
}
