// A masked training step beside a causal one of the same shapes, both ours, alternating: bidirectional attention over all tokens, logits at 15 % of them.
// Masking on the host is part of the step.

import type { BenchOptions } from './benchmark.js'
import { startSide } from './peer.js'
import { type Row, ratio } from './row.js'
import { configurations } from './sides/configurations.js'
import { median } from './statistics.js'

export const about =
  'ms and peak memory of a masked training step against a causal one of the same shapes: (a) 4×256, (b) 6×384, (c) the tutorial’s 50 M'

/** In the README's table. */
export const headline = ({ config, metric }: Row): string | undefined =>
  metric === 'step_time' ? `A masked step beside a causal one, ${String(config.name)}` : undefined

interface Answer {
  milliseconds: number[]
  peakBytes: number
  places: number
}

async function measure(name: string, { quick, log }: BenchOptions): Promise<Row[]> {
  await using masked = startSide('objective-step', ['masked', name])
  await using causal = startSide('objective-step', ['causal', name])
  const rounds = quick ? 3 : 9
  const steps = { a: 8, b: 3, c: 1 }[name] ?? 1
  const sides = { masked, causal }
  const times: Record<keyof typeof sides, number[]> = { masked: [], causal: [] }
  const last: Partial<Record<keyof typeof sides, Answer>> = {}
  for (const side of [masked, causal]) await side.ask<Answer>({ steps: 2 })
  for (let round = 0; round < rounds; round++)
    for (const side of ['masked', 'causal'] as const) {
      last[side] = await sides[side].ask<Answer>({ steps })
      times[side].push(median(last[side].milliseconds))
      log(`${name} ${side}: ${times[side].at(-1)!.toFixed(0)} ms a step`)
    }
  const config = { name, ...configurations[name]!, places: last.masked!.places, threads: 2, alternations: rounds }
  const row = (metric: string, unit: string, ours: number, peer: number): Row => ({
    ...{ bench: 'masked-step', config, metric, unit, ours, peer, peerName: 'ours, causal' },
    ratio: ratio(ours, peer, 'lower'),
  })
  return [
    row('step_time', 'ms', median(times.masked), median(times.causal)),
    row('peak_memory', 'MB', last.masked!.peakBytes / 1e6, last.causal!.peakBytes / 1e6),
  ]
}

export async function run(options: BenchOptions): Promise<Row[]> {
  const rows: Row[] = []
  for (const name of Object.keys(configurations))
    if (options.only.length === 0 || options.only.includes(name)) rows.push(...(await measure(name, options)))
  return rows
}
