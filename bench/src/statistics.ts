// The few statistics that a benchmark reports: medians of alternating runs, spread over seeds, and whether two systems really differ.
// The paired bootstrap over questions is that of Koehn 2004 ("Statistical significance tests for machine translation evaluation"), with seeds resampled too.

/** The arithmetic mean; NaN for no values. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** The value at `fraction` (0 to 1) of the sorted values, linear between neighbours; NaN for no values. `quantile([1, 2, 4], 0.5) // 2` */
export function quantile(values: ArrayLike<number>, fraction: number): number {
  const sorted = Float64Array.from(values).sort()
  const place = fraction * (sorted.length - 1)
  const low = Math.floor(place)
  const below = sorted[low] ?? Number.NaN
  return below + ((sorted[low + 1] ?? below) - below) * (place - low)
}

/** The middle value, or the mean of the two middle ones. `median([3, 1, 2, 10]) // 2.5` */
export const median = (values: ArrayLike<number>): number => quantile(values, 0.5)

/** The sample standard deviation (n - 1); 0 for one value, NaN for none. `deviation([1, 2, 3]) // 1` */
export function deviation(values: readonly number[]): number {
  if (values.length === 1) return 0
  const centre = mean(values)
  return values.length === 0 ? Number.NaN : Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1))
}

/** The candidate with the highest score; of equals the first. `best(['a', 'b'], [1, 2]) // 'b'` */
export function best<T>(candidates: readonly T[], scores: readonly number[]): T {
  return candidates[scores.indexOf(Math.max(...scores))]!
}

/** The difference of two systems' mean scores with its interval. */
export interface Difference {
  difference: number
  low: number
  high: number
}

/** A generator of whole numbers below `bound`, the same for the same seed (a 32-bit counter through an avalanche of multiplications). */
function integersBelow(seed: number): (bound: number) => number {
  let counter = seed >>> 0
  return (bound) => {
    counter = (counter + 0x9e3779b9) >>> 0
    let mixed = Math.imul(counter ^ (counter >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return Math.floor((((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32) * bound)
  }
}

function checkScores(name: string, scores: readonly (readonly number[])[], questions: number): void {
  if (scores.length === 0 || questions === 0) throw new RangeError(`pairedBootstrap: ${name} has no scores; expected [seeds][questions]`)
  scores.forEach((row, seed) => {
    if (row.length !== questions)
      throw new RangeError(
        `pairedBootstrap: ${name} seed ${seed} has ${row.length} questions, expected ${questions}; both systems must answer the same questions`,
      )
  })
}

/**
 * The difference mean(ours) - mean(peer) of two systems that answered the same questions, with its bootstrap interval.
 * Scores are [seeds][questions] (1 right, 0 wrong, or any score); the systems may have different numbers of seeds.
 * Each resample draws the questions once for both systems and the seeds of each system by themselves, since seeds of two systems share nothing.
 * Throws a RangeError where the questions differ in number.
 *
 *     pairedBootstrap([[1, 1, 0]], [[1, 0, 0]], { seed: 1 }) // { difference: 0.333…, low: 0, high: 1 }
 */
export function pairedBootstrap(
  ours: readonly (readonly number[])[],
  peer: readonly (readonly number[])[],
  { resamples = 10_000, level = 0.95, seed = 0 }: { resamples?: number; level?: number; seed?: number } = {},
): Difference {
  const questions = ours[0]?.length ?? 0
  checkScores('ours', ours, questions)
  checkScores('peer', peer, questions)
  const below = integersBelow(seed)
  const drawn = new Uint32Array(questions)
  const differences = new Float64Array(resamples)
  const resampledMean = (scores: readonly (readonly number[])[]): number => {
    let sum = 0
    for (let s = 0; s < scores.length; s++) {
      const row = scores[below(scores.length)]!
      for (let q = 0; q < questions; q++) sum += row[drawn[q]!]!
    }
    return sum / (scores.length * questions)
  }
  for (let r = 0; r < resamples; r++) {
    for (let q = 0; q < questions; q++) drawn[q] = below(questions)
    differences[r] = resampledMean(ours) - resampledMean(peer)
  }
  const tail = (1 - level) / 2
  const overall = (scores: readonly (readonly number[])[]) => mean(scores.map(mean))
  return { difference: overall(ours) - overall(peer), low: quantile(differences, tail), high: quantile(differences, 1 - tail) }
}

/**
 * What an interval allows one to say: 'as good as' when all of it lies within ±margin (default half a point of a score from 0 to 1),
 * 'better' or 'worse' when it excludes 0, else 'undecided'.
 */
export function verdict({ low, high }: Difference, margin = 0.005): 'as good as' | 'better' | 'worse' | 'undecided' {
  if (low >= -margin && high <= margin) return 'as good as'
  if (low > 0) return 'better'
  return high < 0 ? 'worse' : 'undecided'
}
