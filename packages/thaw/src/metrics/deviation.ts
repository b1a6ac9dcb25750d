// A number over several seeds: mean and sample deviation, and the way it is printed everywhere.

export type MeanDeviation = {
  mean: number
  /** Sample standard deviation (divided by n − 1); 0 for a single value, which says nothing about the spread. */
  deviation: number
  /** Standard error of the mean: deviation / √n. */
  error: number
  n: number
}

/**
 * Mean, sample standard deviation (√(Σ(x − x̄)² / (n − 1))) and standard error of the values of several seeds.
 *
 * ```ts
 * meanDeviation([87, 88, 89])   // { mean: 88, deviation: 1, error: 0.577…, n: 3 }
 * ```
 */
export function meanDeviation(values: ArrayLike<number>): MeanDeviation {
  const n = values.length
  if (n === 0) throw new RangeError('meanDeviation: no values; pass the result of at least one seed')
  const mean = Array.from(values).reduce((total, value) => total + value, 0) / n
  const squares = Array.from(values).reduce((total, value) => total + (value - mean) ** 2, 0)
  const deviation = n === 1 ? 0 : Math.sqrt(squares / (n - 1))
  return { mean, deviation, error: deviation / Math.sqrt(n), n }
}

/**
 * `mean ± deviation` with fixed digits; a single value is printed without a deviation, for it has none.
 *
 * `scale` multiplies both, so that fractions print as per cent with 100.
 *
 * ```ts
 * formatMeanDeviation([0.868, 0.874, 0.88], { scale: 100 })   // '87.4 ± 0.6'
 * ```
 */
export function formatMeanDeviation(values: ArrayLike<number> | MeanDeviation, options: { digits?: number; scale?: number } = {}): string {
  const { digits = 1, scale = 1 } = options
  const { mean, deviation, n } = 'mean' in values ? values : meanDeviation(values)
  const text = (scale * mean).toFixed(digits)
  return n === 1 ? text : `${text} ± ${(scale * deviation).toFixed(digits)}`
}
