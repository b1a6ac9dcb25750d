// Rates: factors of the peak rate by path, and the factor's course over the steps.

import { constantSchedule, cosine, inverseSquareRoot, linear, type Schedule, slantedTriangular as slantedTriangularSchedule } from '@thaw/tensor'
import { matchesPath } from '../../nn/path-patterns.js'
import type { Depth } from './recipe.js'

export type RateIngredient =
  | { readonly kind: 'rates'; readonly name: 'discriminative'; readonly decay: number }
  | { readonly kind: 'rates'; readonly name: 'factor'; readonly pattern: string; readonly factor: number }

/**
 * Each layer's rate is that of the layer above times `decay`; new parameters have the full rate (discriminative fine-tuning: Howard & Ruder 2018,
 * section 3.1, where it is 1/2.6 for three layers; on 16 layers that would leave the first 6e-7 of the rate, so Transformers take 0.8 to 0.95).
 */
export const discriminativeRates = ({ decay = 0.9 }: { decay?: number } = {}): RateIngredient => {
  if (!(decay > 0 && decay <= 1)) throw new Error(`discriminative rates: decay ${decay}: expected above 0, at most 1`)
  return { kind: 'rates', name: 'discriminative', decay }
}

/** A factor of the rate for the parameters that fit a pattern: heads, adapters, new rows. */
export const rateFactor = (pattern: string, factor: number): RateIngredient => {
  if (!(factor >= 0 && Number.isFinite(factor))) throw new Error(`rate factor of ${pattern}: ${factor}: expected a number of at least 0`)
  return { kind: 'rates', name: 'factor', pattern, factor }
}

/** The product of all rules for a path. */
export function factorOf(rules: readonly RateIngredient[], path: string, depth: Depth, layers: number): number {
  return rules.reduce((factor, rule) => {
    if (rule.name === 'discriminative') return factor * (depth === 'new' ? 1 : rule.decay ** (layers - depth))
    return matchesPath(rule.pattern, path) ? factor * rule.factor : factor
  }, 1)
}

export interface ScheduleIngredient {
  readonly kind: 'schedule'
  readonly name: 'constant' | 'linear' | 'cosine' | 'inverse-square-root' | 'slanted-triangular'
  /** Share of the steps that warm up (below 1), or their number. */
  readonly warmup: number
  /** The smallest factor is 1/ratio (slanted triangular). */
  readonly ratio?: number
}

/**
 * Up for a tenth of the steps, then down to 1/32 (slanted triangular rates: Howard & Ruder 2018, equation 3: cut_frac 0.1, ratio 32).
 */
export const slantedTriangular = ({ cutFraction = 0.1, ratio = 32 }: { cutFraction?: number; ratio?: number } = {}): ScheduleIngredient => {
  if (!(cutFraction > 0 && cutFraction < 1)) throw new Error(`slanted triangular: cut fraction ${cutFraction}: expected between 0 and 1`)
  if (!(ratio >= 1)) throw new Error(`slanted triangular: ratio ${ratio}: expected at least 1`)
  return { kind: 'schedule', name: 'slanted-triangular', warmup: cutFraction, ratio }
}

const warm = (name: ScheduleIngredient['name'], warmup: number): ScheduleIngredient => {
  if (!(warmup >= 0)) throw new Error(`${name}: warm-up ${warmup}: expected a number of steps, or below 1 a share of them`)
  return { kind: 'schedule', name, warmup }
}

/** Linear warm-up (steps, or below 1 a share of them), then linear to 0 (Devlin et al. 2019). */
export const linearSchedule = ({ warmup = 0.06 }: { warmup?: number } = {}): ScheduleIngredient => warm('linear', warmup)
/** Linear warm-up, then half a cosine to 0 (Radford et al. 2018). */
export const cosineSchedule = ({ warmup = 0.06 }: { warmup?: number } = {}): ScheduleIngredient => warm('cosine', warmup)
/** Linear warm-up, then 1/√step (Vaswani et al. 2017). */
export const inverseSquareRootSchedule = ({ warmup = 0.06 }: { warmup?: number } = {}): ScheduleIngredient => warm('inverse-square-root', warmup)
/** Linear warm-up, then the same rate to the end. */
export const constantRate = ({ warmup = 0 }: { warmup?: number } = {}): ScheduleIngredient => warm('constant', warmup)

/** The factor of the peak rate at each step. */
export function scheduleFor({ name, warmup, ratio = 32 }: ScheduleIngredient, steps: number): Schedule {
  const warming = warmup < 1 ? Math.round(warmup * steps) : warmup
  if (name === 'linear') return linear({ warmup: warming, total: steps })
  if (name === 'cosine') return cosine({ warmup: warming, total: steps })
  if (name === 'inverse-square-root') return inverseSquareRoot({ warmup: Math.max(1, warming) })
  if (name === 'constant') return constantSchedule({ warmup: warming })
  return slantedTriangularSchedule({ total: steps, cutFraction: warmup, ratio })
}
