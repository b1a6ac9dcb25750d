// What a pretraining run is asked to do, with defaults, as one plain value that is kept beside its results: a resumed run reads it back.

import type { TransformerConfig } from '../models/config.js'
import { configOf, type SizeName, sizes } from '../models/sizes.js'

export type ScheduleName = 'cosine' | 'inverse-square-root' | 'linear' | 'constant'

export interface PretrainSettings {
  /** Files, globs or `-` (standard input); `.gz` and `.br` are unpacked. */
  text: string[]
  /** Held-out text; without it the last 2 % of the tokens. */
  valid?: string[]
  objective: 'causal'
  size: SizeName
  /** Changes to the size's configuration: dropout, positions, … */
  config?: Partial<TransformerConfig>
  /** A tokenizer's folder or file; without it one is trained on the text. */
  tokenizer?: string
  /** Ids of a trained tokenizer. Default: the size's. */
  vocabulary: number
  documents: 'articles' | 'blank-lines' | 'line' | 'file'
  /** Length of the run: one of these. Default one epoch. */
  steps?: number
  minutes?: number
  epochs?: number
  batch: number
  /** Tokens in a window. Default: the size's positions. */
  time: number
  microsteps: number
  /** Peak rate. */
  rate: number
  /** Steps of linear warm-up; default 2 % of the steps, at most 1,000. */
  warmup?: number
  schedule: ScheduleName
  clip: number
  weightDecay: number
  seed: number
  /** Seconds between saves. */
  saveEvery: number
  /** Steps between validations; default a twentieth of the run. */
  validateEvery?: number
}

/** Fills in defaults and checks what was given. @throws naming the setting. */
export function pretrainSettings(given: Partial<PretrainSettings> & { text: string[] }): PretrainSettings {
  const size = given.size ?? 'tiny'
  if (!(size in sizes)) throw new Error(`size ${JSON.stringify(size)}: expected one of ${Object.keys(sizes).join(', ')}`)
  const config = configOf(size, given.config)
  const settings: PretrainSettings = {
    objective: 'causal',
    documents: 'blank-lines',
    vocabulary: sizes[size].vocabulary,
    batch: 16,
    time: config.positions,
    microsteps: 1,
    rate: size === 'tutorial' ? 2.5e-4 : 1e-3,
    schedule: 'cosine',
    clip: 1,
    weightDecay: 0.01,
    seed: 1,
    saveEvery: 60,
    ...given,
    size,
  }
  const lengths = [given.steps, given.minutes, given.epochs].filter((x) => x !== undefined).length
  if (lengths > 1) throw new Error('steps, minutes and epochs: give one of them, not several')
  if (lengths === 0) settings.epochs = 1
  if (settings.text.length === 0) throw new Error('text: no files given; name text files, globs, or - for standard input')
  if (settings.time > config.positions)
    throw new Error(`time ${settings.time}: the model has ${config.positions} positions; give a shorter time, or more positions`)
  for (const [name, value] of Object.entries(settings))
    if (
      typeof value === 'number' &&
      !(Number.isFinite(value) && (value > 0 || ['weightDecay', 'seed', 'clip', 'warmup'].includes(name)) && value >= 0)
    )
      throw new Error(`${name} ${value}: expected a number above 0`)
  return settings
}
