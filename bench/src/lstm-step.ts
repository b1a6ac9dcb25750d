// Forward and backward of an LSTM layer beside torch.nn.LSTM, two threads a side, alternating. Neither side updates weights: what is compared is
// the recurrence and its gradients (of both matrices, the biases and the input). The two sizes are a small layer and AWD-LSTM's.

import type { BenchOptions } from './benchmark.js'
import { startPeer, startSide } from './peer.js'
import { type Row, ratio } from './row.js'
import { median } from './statistics.js'

export const about =
  'steps/s of an LSTM’s forward and backward pass against torch.nn.LSTM: (small) 256 units, batch 16, 64 steps; (large) 1,150, 32, 70'

/** In the README's table. */
export const headline = ({ config, metric }: Row): string | undefined =>
  metric === 'steps_per_second' ? `A training step of an LSTM, ${String(config.name)} (hidden ${String(config.hidden)})` : undefined

const peerName = 'PyTorch 2.13.0 torch.nn.LSTM'
const configurations = {
  small: { hidden: 256, batch: 16, time: 64, repeats: 20 },
  large: { hidden: 1150, batch: 32, time: 70, repeats: 1 },
}

interface Answer {
  milliseconds: number[]
  peakBytes: number
}

async function measure(name: keyof typeof configurations, { quick, log }: BenchOptions): Promise<Row[]> {
  const { repeats, ...sizes } = configurations[name]
  const { hidden, batch, time } = sizes
  await using ours = startSide('lstm', [hidden, batch, time].map(String))
  await using peer = startPeer('lstm_step.py', ['--hidden', `${hidden}`, '--batch', `${batch}`, '--time', `${time}`])
  const rounds = quick ? 3 : 9
  const times = { ours: [] as number[], peer: [] as number[] }
  const peak = { ours: 0, peer: 0 }
  for (const side of [ours, peer]) await side.ask<Answer>({ steps: 2 })
  for (let round = 0; round < rounds; round++)
    for (const [side, process] of [['ours', ours] as const, ['peer', peer] as const]) {
      const { milliseconds, peakBytes } = await process.ask<Answer>({ steps: repeats })
      times[side].push(median(milliseconds))
      peak[side] = peakBytes
      log(`${name} ${side}: ${median(milliseconds).toFixed(1)} ms`)
    }
  const config = { name, ...sizes, threads: 2, alternations: rounds }
  const row = (metric: string, unit: string, mine: number, theirs: number, better: 'higher' | 'lower'): Row => ({
    ...{ bench: 'lstm-step', config, metric, unit, ours: mine, peer: theirs, peerName },
    ratio: ratio(mine, theirs, better),
  })
  return [
    row('steps_per_second', 'steps/s', 1000 / median(times.ours), 1000 / median(times.peer), 'higher'),
    row('peak_memory', 'MB', peak.ours / 1e6, peak.peer / 1e6, 'lower'),
  ]
}

export async function run(options: BenchOptions): Promise<Row[]> {
  const rows: Row[] = []
  for (const name of Object.keys(configurations) as (keyof typeof configurations)[])
    if (options.only.length === 0 || options.only.includes(name)) rows.push(...(await measure(name, options)))
  return rows
}
