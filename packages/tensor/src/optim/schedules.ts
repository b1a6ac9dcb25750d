// Learning-rate schedules: functions from a step (from 0) to a factor of the peak rate. The rate is fed at each step, so a schedule compiles nothing.
// With a warm-up of w steps the first w have the factors 1/(w+1), …, w/(w+1): no step is spent at a rate of 0.

export type Schedule = (step: number) => number

export interface DecayOptions {
  /** Steps of linear warm-up. Default 0. */
  warmup?: number
  /** Steps in all: the factor has come to the floor when they are over. */
  total: number
  /** The factor at the end. Default 0. */
  floor?: number
}

function checkSteps(schedule: string, { warmup = 0, total, floor = 0 }: { warmup?: number; total?: number; floor?: number }): void {
  if (!(warmup >= 0)) throw new Error(`${schedule}: warm-up of ${warmup} steps: expected at least 0`)
  if (total !== undefined && !(total > 0)) throw new Error(`${schedule}: ${total} steps in all: expected above 0`)
  if (!(floor >= 0 && floor <= 1)) throw new Error(`${schedule}: floor ${floor}: expected a factor from 0 to 1`)
}

/** Linear warm-up to 1, then f of the share of the other steps that is over, from 0 to 1. */
const warmed =
  (warmup: number, total: number, f: (share: number) => number): Schedule =>
  (step) =>
    step < warmup ? (step + 1) / (warmup + 1) : f(Math.min(1, (step - warmup) / Math.max(1, total - warmup)))

/** The same rate throughout, after the warm-up. */
export function constant({ warmup = 0 }: { warmup?: number } = {}): Schedule {
  checkSteps('constant', { warmup })
  return (step) => Math.min(1, (step + 1) / (warmup + 1))
}

/** Linear to the floor (Devlin et al. 2019). */
export function linear({ warmup = 0, total, floor = 0 }: DecayOptions): Schedule {
  checkSteps('linear', { warmup, total, floor })
  return warmed(warmup, total, (share) => floor + (1 - floor) * (1 - share))
}

/** Half a cosine to the floor (Loshchilov & Hutter 2017; Radford et al. 2018). */
export function cosine({ warmup = 0, total, floor = 0 }: DecayOptions): Schedule {
  checkSteps('cosine', { warmup, total, floor })
  return warmed(warmup, total, (share) => floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * share)))
}

/** √(w/n) at the n-th step, after w steps of linear warm-up: the shape of Vaswani et al. 2017, equation 3. */
export function inverseSquareRoot({ warmup = 1 }: { warmup?: number } = {}): Schedule {
  checkSteps('inverse square root', { warmup })
  const peak = Math.max(1, warmup)
  return (step) => Math.min((step + 1) / peak, Math.sqrt(peak / (step + 1)))
}

export interface SlantedTriangularOptions {
  /** Steps in all, T. */
  total: number
  /** The share of them that rises. Default 0.1. */
  cutFraction?: number
  /** The smallest factor is 1/ratio. Default 32. */
  ratio?: number
}

/**
 * Up from 1/ratio over a short first part, then down again over a long one (Howard & Ruder 2018, equation 3): with cut = ⌊T · cutFraction⌋,
 * p = t/cut before it and 1 − (t − cut)/(T − cut) after it, the factor is (1 + p (ratio − 1))/ratio. (The paper writes cut · (1/cutFraction − 1) for
 * T − cut, which is the same where T · cutFraction is whole, and else would fall below 1/ratio.)
 */
export function slantedTriangular({ total, cutFraction = 0.1, ratio = 32 }: SlantedTriangularOptions): Schedule {
  checkSteps('slanted triangular', { total })
  if (!(cutFraction > 0 && cutFraction < 1)) throw new Error(`slanted triangular: cut fraction ${cutFraction}: expected between 0 and 1`)
  if (!(ratio >= 1)) throw new Error(`slanted triangular: ratio ${ratio}: expected at least 1`)
  const cut = Math.max(1, Math.floor(total * cutFraction))
  return (step) => {
    const p = step < cut ? step / cut : 1 - Math.min(1, (step - cut) / Math.max(1, total - cut))
    return (1 + p * (ratio - 1)) / ratio
  }
}
