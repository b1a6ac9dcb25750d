// What the demo does, as plain data: sizes, steps, and the settings of each scheme.

import type { AdaptSettings, Scheme } from '../adapt/index.js'
import type { PretrainSettings } from '../pretrain/settings.js'
import type { DemoDataSizes } from './data.js'

export interface DemoPlan {
  data: Omit<DemoDataSizes, 'seeds'>
  /** Glosses for tokenizer and pretraining; all where nothing is said. */
  glosses?: number
  pretrain: Partial<PretrainSettings>
  vocabulary: number
  adapt: Record<Scheme, Partial<AdaptSettings>>
  /** Of a larger checkpoint, where one is asked for. */
  checkpoint: Record<'frozen' | 'full', Partial<AdaptSettings>>
  /** What it takes on two quiet cores, in seconds: once, and for each seed. */
  expected: { once: number; aSeed: number }
}

/**
 * Three minutes on two cores.
 */
export const fullPlan: DemoPlan = {
  data: { train: 500, valid: 500, test: 2000 },
  vocabulary: 4000,
  pretrain: { size: 'nano', batch: 8, time: 64, steps: 2500, rate: 2e-3 },
  adapt: {
    scratch: { scheme: 'scratch', pooling: 'max', epochs: 15, rate: 1e-3 },
    frozen: { scheme: 'frozen', epochs: 10, rate: 1e-2 },
    full: { scheme: 'full', pooling: 'max', epochs: 10, rate: 1e-3 },
  },
  checkpoint: {
    frozen: { scheme: 'frozen', epochs: 10, rate: 1e-2 },
    full: { scheme: 'full', pooling: 'max', epochs: 10, rate: 3e-4 },
  },
  expected: { once: 110, aSeed: 20 },
}

/** The same code in seconds, for tests and for a first look: too short to learn much. */
export const quickPlan: DemoPlan = {
  data: { train: 96, valid: 96, test: 192 },
  glosses: 12_000,
  vocabulary: 1000,
  pretrain: { size: 'nano', config: { layers: 1, hidden: 64, heads: 2, inner: 128 }, batch: 8, time: 32, steps: 60, rate: 2e-3 },
  adapt: {
    scratch: { scheme: 'scratch', pooling: 'max', epochs: 2, rate: 1e-3 },
    frozen: { scheme: 'frozen', epochs: 2, rate: 1e-2 },
    full: { scheme: 'full', pooling: 'max', epochs: 2, rate: 1e-3 },
  },
  checkpoint: {
    frozen: { scheme: 'frozen', epochs: 2, rate: 1e-2 },
    full: { scheme: 'full', pooling: 'max', epochs: 2, rate: 3e-4 },
  },
  expected: { once: 8, aSeed: 3 },
}

/** Texts of nobody's data set, written for the demo, with the category a reader would give them. */
export const freshTexts: readonly { text: string; truth: string }[] = [
  { text: 'a small brown bird that sings at night', truth: 'animal' },
  { text: 'thick soup made of lentils and carrots', truth: 'food' },
  { text: 'someone who repairs old clocks', truth: 'person' },
  { text: 'a shrub with red berries and thorny stems', truth: 'plant' },
  { text: 'a heavy tool for splitting wood', truth: 'artifact' },
  { text: 'a port on the coast of Portugal', truth: 'location' },
  { text: 'a letter that asks for money', truth: 'communication' },
  { text: 'the act of climbing over a wall', truth: 'act' },
]

/** What a demo takes on two quiet cores, in seconds. */
export function expectedSeconds(quick: boolean, seeds: number): number {
  const { once, aSeed } = (quick ? quickPlan : fullPlan).expected
  return once + seeds * aSeed
}
