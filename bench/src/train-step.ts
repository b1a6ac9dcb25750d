// A whole training step of a language model (forward, backward, AdamW) beside PyTorch eager with its fused AdamW, two threads a side, alternating.
// The model is pre-LN with tanh GELU and a tied head; no attention mask, no dropout, no clipping, a loss at every position.

import type { BenchOptions } from './benchmark.js'
import { startPeer, startSide } from './peer.js'
import { type Row, ratio } from './row.js'
import { configurations, type StepSizes } from './sides/configurations.js'
import { median } from './statistics.js'

export const about = 'tokens/s, GFLOP/s and peak memory of a training step against PyTorch eager: (a) 4×256, (b) 6×384, (c) the tutorial’s 50 M'

/** In the README's table. */
export const headline = ({ config, metric }: Row): string | undefined =>
  metric === 'tokens_per_second' ? `A training step of a language model, ${String(config.layers)} layers of ${String(config.hidden)}` : undefined

const bench = 'train-step'
const peerName = 'PyTorch 2.13.0 eager, fused AdamW'

/** Floating-point operations of one step: two for each multiply-add, and the backward pass does each product twice. */
function operations({ layers, hidden, inner, vocabulary, batch, time }: StepSizes): number {
  const tokens = batch * time
  const projections = layers * (4 * hidden * hidden + 2 * hidden * inner)
  const attention = layers * 2 * time * hidden
  return 3 * 2 * tokens * (projections + attention + vocabulary * hidden)
}

interface Answer {
  milliseconds: number[]
  loss: number
  peakBytes: number
}

async function measure(name: string, { quick, log }: BenchOptions): Promise<Row[]> {
  const sizes = configurations[name]!
  await using ours = startSide('language-model', [name])
  await using peer = startPeer('train_step.py', ['--config', name])
  const rounds = quick ? 3 : 9
  const steps = { a: 8, b: 3, c: 1 }[name] ?? 1
  const times = { ours: [] as number[], peer: [] as number[] }
  const peak = { ours: 0, peer: 0 }
  await ours.ask<Answer>({ steps: 2 })
  await peer.ask<Answer>({ steps: 2 })
  for (let round = 0; round < rounds; round++)
    for (const [side, process] of [['ours', ours] as const, ['peer', peer] as const]) {
      const { milliseconds, peakBytes } = await process.ask<Answer>({ steps })
      times[side].push(median(milliseconds))
      peak[side] = peakBytes
      log(`${name} ${side}: ${median(milliseconds).toFixed(0)} ms a step`)
    }
  const config = { name, ...sizes, threads: 2, alternations: rounds }
  const tokens = sizes.batch * sizes.time
  const rate = (amount: number, side: 'ours' | 'peer') => amount / (median(times[side]) / 1000)
  const row = (metric: string, unit: string, mine: number, theirs: number, better: 'higher' | 'lower'): Row => ({
    ...{ bench, config, metric, unit, ours: mine, peer: theirs, peerName },
    ratio: ratio(mine, theirs, better),
  })
  return [
    row('tokens_per_second', 'tokens/s', rate(tokens, 'ours'), rate(tokens, 'peer'), 'higher'),
    row('gflops', 'GFLOP/s', rate(operations(sizes) / 1e9, 'ours'), rate(operations(sizes) / 1e9, 'peer'), 'higher'),
    row('peak_memory', 'MB', peak.ours / 1e6, peak.peer / 1e6, 'lower'),
  ]
}

export async function run(options: BenchOptions): Promise<Row[]> {
  const rows: Row[] = []
  for (const name of Object.keys(configurations))
    if (options.only.length === 0 || options.only.includes(name)) rows.push(...(await measure(name, options)))
  return rows
}
