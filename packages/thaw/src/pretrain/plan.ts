// How long a run is, at which rate each step goes, and when it is validated: what follows from the settings once the data are known.

import { cosine, inverseSquareRoot, linear, type Schedule } from '@thaw/tensor'
import type { PretrainSettings } from './settings.js'

/** Validations take at most this share of a run's time. */
const validationShare = 0.1

/** Steps of linear warm-up: 2 % of the run, at most 1,000, unless told. @throws where the run ends before the warm-up does. */
export function warmupSteps({ warmup }: PretrainSettings, total: number): number {
  if (warmup !== undefined && warmup > 0 && warmup >= total)
    throw new Error(`warmup ${warmup}: the run has ${total} steps, so the rate would never reach its peak; give a shorter warm-up, or a longer run`)
  return warmup ?? Math.min(1000, Math.ceil(total * 0.02))
}

/** The factor of the peak rate at each step. */
export function scheduleOf(settings: PretrainSettings, total: number): Schedule {
  const warmup = warmupSteps(settings, total)
  switch (settings.schedule) {
    case 'cosine':
      return cosine({ warmup, total, floor: 0.05 })
    case 'linear':
      return linear({ warmup, total })
    case 'inverse-square-root':
      return inverseSquareRoot({ warmup: Math.max(1, warmup) })
    case 'constant':
      return (step) => Math.min(1, (step + 1) / (warmup + 1))
  }
}

/** Steps of the whole run: as told, or as many as fit into the minutes (validations included) or make up the epochs. */
export function plannedSteps(settings: PretrainSettings, perEpoch: number, secondsPerStep: number): number {
  if (settings.steps !== undefined) return settings.steps
  if (settings.minutes !== undefined) return Math.max(1, Math.floor((settings.minutes * 60) / (secondsPerStep * (1 + validationShare))))
  return Math.max(1, Math.round((settings.epochs ?? 1) * perEpoch))
}

/** Steps between validations: twenty in a run, fewer where they would take more than a tenth of its time. A forward pass is a third of a microstep. */
export function validationInterval(settings: PretrainSettings, total: number, heldOutTokens: number): number {
  if (settings.validateEvery !== undefined) return settings.validateEvery
  const steps = Math.ceil(heldOutTokens / (settings.batch * settings.time)) / (3 * settings.microsteps)
  const times = Math.min(20, Math.floor((validationShare * total) / steps))
  return Math.ceil(total / Math.max(1, times))
}
