// One measured number, with the peer's beside it where there is one. Every benchmark returns rows; everything else only prints or stores them.

export interface Row {
  /** The benchmark's name, as on the command line. */
  bench: string
  /** What was measured: sizes, settings, data; a `name` first where there is one. */
  config: Record<string, unknown>
  /** What the number is, for example `tokens_per_second`. */
  metric: string
  unit: string
  ours: number
  peer?: number
  peerName?: string
  /** Above 1 = ours is better, whichever way the metric points. */
  ratio?: number
  seeds?: number
  /** Sample standard deviation of `ours` over the seeds. */
  sd?: number
}

/**
 * How many times better ours is than the peer: ours / peer where more is better, peer / ours where less is.
 * Throws a RangeError where a number is not positive and finite (a ratio of such numbers says nothing).
 *
 *     ratio(300, 200, 'higher') // 1.5   tokens a second
 *     ratio(300, 200, 'lower')  // 0.667 milliseconds
 */
export function ratio(ours: number, peer: number, better: 'higher' | 'lower'): number {
  for (const [name, value] of [['ours', ours] as const, ['peer', peer] as const]) {
    if (!(Number.isFinite(value) && value > 0)) throw new RangeError(`ratio: expected a positive finite number for ${name}, got ${value}`)
  }
  return better === 'higher' ? ours / peer : peer / ours
}
