// How well predicted numbers follow true ones: the two correlations that similarity tasks report (Cer et al., "SemEval-2017 Task 1", 2017), and errors.

export interface RegressionReport {
  examples: number
  /** Linear correlation, −1 to 1; 0 where one side is constant. */
  pearson: number
  /** Correlation of the ranks: whether the order is right. */
  spearman: number
  /** In the labels' own units. */
  meanAbsoluteError: number
  meanSquaredError: number
}

/**
 * Pearson's correlation Σ(x − x̄)(y − ȳ) / √(Σ(x − x̄)² Σ(y − ȳ)²); 0 where x or y is constant.
 *
 * ```ts
 * pearson([1, 2, 3], [2, 4, 7])   // 0.993…
 * ```
 *
 * @throws RangeError where the lengths differ or there are no values.
 */
export function pearson(x: ArrayLike<number>, y: ArrayLike<number>): number {
  if (x.length !== y.length || x.length === 0)
    throw new RangeError(`pearson: ${x.length} and ${y.length} values; expected two lists of the same length, not empty`)
  const [meanX, meanY] = [mean(x), mean(y)]
  let [xy, xx, yy] = [0, 0, 0]
  for (let i = 0; i < x.length; i++) {
    const [dx, dy] = [x[i]! - meanX, y[i]! - meanY]
    xy += dx * dy
    xx += dx * dx
    yy += dy * dy
  }
  return xx === 0 || yy === 0 ? 0 : xy / Math.sqrt(xx * yy)
}

/** Spearman's correlation: Pearson's of the ranks; equal values share the mean of their ranks. */
export const spearman = (x: ArrayLike<number>, y: ArrayLike<number>): number => pearson(ranks(x), ranks(y))

/** Ranks from 1. */
export function ranks(values: ArrayLike<number>): Float64Array {
  const order = Array.from(values, (_, i) => i).sort((a, b) => values[a]! - values[b]!)
  const result = new Float64Array(values.length)
  for (let from = 0; from < order.length; ) {
    let to = from + 1
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++
    for (let k = from; k < to; k++) result[order[k]!] = (from + 1 + to) / 2
    from = to
  }
  return result
}

/** Compares predicted numbers with true ones. @throws RangeError where there are none, or not as many of each. */
export function regressionReport(truth: ArrayLike<number>, predicted: ArrayLike<number>): RegressionReport {
  const errors = Array.from(truth, (value, i) => predicted[i]! - value)
  return {
    examples: truth.length,
    pearson: pearson(truth, predicted),
    spearman: spearman(truth, predicted),
    meanAbsoluteError: mean(errors.map(Math.abs)),
    meanSquaredError: mean(errors.map((error) => error * error)),
  }
}

const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length
