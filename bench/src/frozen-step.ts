// What freezing saves: a step that trains a head on a frozen encoder, as a share of the step that trains everything, ours beside PyTorch eager's
// (fused AdamW, the frozen encoder without gradients). Two threads a side, the four processes one after the other. Goal: ours at most 0.4.

import type { BenchOptions } from './benchmark.js'
import { type Peer, startPeer, startSide } from './peer.js'
import { type Row, ratio } from './row.js'
import { configurations } from './sides/configurations.js'
import { median } from './statistics.js'

export const about = 'a head-only step of a frozen 6×384 encoder as a share of the full step (goal: at most 0.4), beside PyTorch eager'

/** In the README's table. */
export const headline = ({ config, metric }: Row): string | undefined =>
  metric === 'share_of_full_step'
    ? `A step with a frozen encoder (${String(config.layers)}×${String(config.hidden)}), as a share of a full one`
    : undefined

const peerName = 'PyTorch 2.13.0 eager, fused AdamW'
const trains = ['head', 'all'] as const

interface Answer {
  milliseconds: number[]
  peakBytes: number
  parameters: number
}

export async function run({ quick, log }: BenchOptions): Promise<Row[]> {
  const name = 'b'
  await using ours = startSide('classifier', [name, 'head'])
  await using oursAll = startSide('classifier', [name, 'all'])
  await using peer = startPeer('frozen_step.py', ['--config', name, '--train', 'head'])
  await using peerAll = startPeer('frozen_step.py', ['--config', name, '--train', 'all'])
  const sides: Record<'ours' | 'peer', Record<'head' | 'all', Peer>> = { ours: { head: ours, all: oursAll }, peer: { head: peer, all: peerAll } }
  const times = { ours: { head: [] as number[], all: [] as number[] }, peer: { head: [] as number[], all: [] as number[] } }
  const counts = { head: 0, all: 0 }
  const rounds = quick ? 3 : 9
  for (let round = -1; round < rounds; round++)
    for (const side of ['ours', 'peer'] as const)
      for (const train of trains) {
        const { milliseconds, parameters } = await sides[side][train].ask<Answer>({ steps: train === 'head' ? 6 : 3 })
        if (side === 'peer' && parameters !== counts[train])
          throw new Error(`frozen-step: ${parameters} trained parameters in PyTorch, ${counts[train]} in ours`)
        counts[train] = parameters
        // the first round warms up
        if (round < 0) continue
        times[side][train].push(median(milliseconds))
        log(`${side} ${train}: ${median(milliseconds).toFixed(0)} ms a step`)
      }
  const config = (train?: 'head' | 'all') => ({
    name,
    ...(train ? { train, trained: counts[train] } : {}),
    ...{ ...configurations[name]!, classes: 6, threads: 2, alternations: rounds },
  })
  const share = (side: 'ours' | 'peer') => median(times[side].head) / median(times[side].all)
  const row = (metric: string, unit: string, mine: number, theirs: number, train?: 'head' | 'all'): Row => ({
    ...{ bench: 'frozen-step', config: config(train), metric, unit, ours: mine, peer: theirs, peerName },
    ratio: ratio(mine, theirs, 'lower'),
  })
  return [
    row('share_of_full_step', '', share('ours'), share('peer')),
    ...trains.map((train) => row('milliseconds', 'ms', median(times.ours[train]), median(times.peer[train]), train)),
  ]
}
