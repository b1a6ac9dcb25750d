// Numbers as people read them: counts and durations.

/**
 * A count: `12,345` in full up to a million, then three digits and a unit: `5.20 M`, `1.30 G`.
 *
 * With `short`, units begin at ten thousand: `12.3 k`.
 *
 * ```ts
 * count(12345)     // '12,345'
 * count(5200000)   // '5.20 M'
 * ```
 */
export function count(n: number, options: { short?: boolean } = {}): string {
  if (!Number.isFinite(n)) return String(n)
  const size = Math.abs(n)
  if (size < (options.short ? 9_999.5 : 999_999.5)) return Math.round(n).toLocaleString('en-US')
  const units = ['k', 'M', 'G', 'T']
  let scaled = n / 1000
  let unit = 0
  while (Math.abs(scaled) >= 999.5 && unit < units.length - 1) {
    scaled /= 1000
    unit++
  }
  const digits = Math.abs(scaled) >= 99.95 ? 0 : Math.abs(scaled) >= 9.995 ? 1 : 2
  return `${scaled.toFixed(digits)} ${units[unit]}`
}

/**
 * A count with its noun: `1 row`, `1,200 rows`.
 *
 * ```ts
 * counted(1, 'batch', 'batches')   // '1 batch'
 * ```
 */
export const counted = (n: number, one: string, several = `${one}s`): string => `${count(n)} ${n === 1 ? one : several}`

/**
 * A duration in seconds as the two units that matter: `340 ms`, `4.2 s`, `3m12s`, `2h05m`, `3d04h`.
 *
 * ```ts
 * duration(192)   // '3m12s'
 * ```
 */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '?'
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  if (seconds < 59.5) return `${Math.round(seconds)} s`
  const two = (n: number) => String(n).padStart(2, '0')
  const whole = Math.round(seconds)
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 1440) return `${Math.floor(minutes / 60)}h${two(minutes % 60)}m`
  const hours = Math.round(seconds / 3600)
  return `${Math.floor(hours / 24)}d${two(hours % 24)}h`
}
