// Which layers train when: every schedule of the literature, in its paper's order. A schedule is a list of stages; a stage names the depths that train
// from its first step on. Embeddings are the first layer; new parameters (heads, added rows) have no depth.

import type { Depth, Length } from './recipe.js'

export interface FreezingIngredient {
  readonly kind: 'freezing'
  readonly name: keyof typeof schedules
  readonly options: Readonly<Record<string, number>>
}

/** From step `from` on, what stands at these depths trains. */
export interface Stage {
  from: number
  trains(depth: Depth): boolean
}

type Schedule = (options: Readonly<Record<string, number>>, layers: number, length: Length) => Stage[]

const everything = () => true
const isNew = (depth: Depth) => depth === 'new'
/** New parameters, and the layers from a depth on up. */
const fromTopTo = (lowest: number) => (depth: Depth) => depth === 'new' || depth >= lowest
const share = (steps: number, part: number, of: number) => Math.floor((steps * part) / of)

const schedules = {
  full: () => [{ from: 0, trains: everything }],
  'new-only': () => [{ from: 0, trains: isNew }],
  top: ({ layers: count = 1 }, layers) => [{ from: 0, trains: fromTopTo(layers - count + 1) }],
  'chain-thaw': (_, layers, { steps }) => {
    // new, each layer alone from the embeddings up, all: layers + 3 stages
    const stages = layers + 3
    return [
      { from: 0, trains: isNew },
      ...Array.from({ length: layers + 1 }, (_, layer) => ({ from: share(steps, layer + 1, stages), trains: (depth: Depth) => depth === layer })),
      { from: share(steps, stages - 1, stages), trains: everything },
    ]
  },
  gradual: ({ epochs = 1 }, layers, { perEpoch }) =>
    // new, then one layer more from the top after each interval; the embeddings are the last
    Array.from({ length: layers + 2 }, (_, i) => ({ from: Math.round(i * epochs * perEpoch), trains: fromTopTo(layers + 1 - i) })),
  sequential: ({ hidden = 1, embeddings = 2 }, _layers, { perEpoch }) => [
    { from: 0, trains: isNew },
    { from: Math.round(hidden * perEpoch), trains: fromTopTo(1) },
    { from: Math.round(embeddings * perEpoch), trains: everything },
  ],
  tutorial: (_, layers, { steps }) => {
    const interval = Math.floor(steps / (layers + 1))
    return Array.from({ length: layers + 1 }, (_, i) => ({
      from: i * interval,
      trains: i === layers ? everything : (depth: Depth) => depth === 0 || fromTopTo(layers + 1 - i)(depth),
    }))
  },
} satisfies Record<string, Schedule>

const freezing = (name: keyof typeof schedules, options: Record<string, number> = {}): FreezingIngredient => ({ kind: 'freezing', name, options })

/** Everything trains from the first step on: the default. */
export const fineTuning = (): FreezingIngredient => freezing('full')

/** Only what is new trains: heads, and what was put into the network. */
export const newOnly = (): FreezingIngredient => freezing('new-only')

/** New parameters and the top layers train, the others stay as they are (Long et al. 2015). */
export const topOnly = ({ layers = 1 }: { layers?: number } = {}): FreezingIngredient => freezing('top', { layers })

/** New parameters; then each layer alone, from the first up; then all (chain-thaw: Felbo et al. 2017). Stages are of equal length. */
export const chainThaw = (): FreezingIngredient => freezing('chain-thaw')

/**
 * New parameters, then one more layer from the top after each interval (gradual unfreezing: Howard & Ruder 2018, section 3.3).
 * `epochs` is the interval; the paper's is 1.
 */
export const gradualUnfreezing = ({ epochs = 1 }: { epochs?: number } = {}): FreezingIngredient => freezing('gradual', { epochs })

/**
 * New parameters; after `hidden` epochs all but the embeddings; after `embeddings` epochs these too (sequential unfreezing: Chronopoulou et al. 2019,
 * section 3.2).
 */
export const sequentialUnfreezing = ({ hidden = 1, embeddings = 2 }: { hidden?: number; embeddings?: number } = {}): FreezingIngredient =>
  freezing('sequential', { hidden, embeddings })

/**
 * Embeddings and new parameters from the start, one more layer from the top after each steps / (layers + 1) updates, all in the last interval
 * (the NAACL 2019 tutorial, hands-on 5).
 */
export const tutorialUnfreezing = (): FreezingIngredient => freezing('tutorial')

/** The stages of a schedule. @throws naming what does not fit the model or the length. */
export function stagesOf({ name, options }: FreezingIngredient, layers: number, length: Length): Stage[] {
  const schedule: Schedule | undefined = schedules[name]
  if (!schedule) throw new Error(`freezing ${JSON.stringify(name)}: expected one of ${Object.keys(schedules).join(', ')}`)
  if (name === 'top' && !(options.layers! >= 0 && options.layers! <= layers))
    throw new Error(`top layers ${options.layers}: the model has ${layers} layers; expected 0 to ${layers}`)
  if (name === 'sequential' && !(options.embeddings! >= options.hidden!))
    throw new Error(
      `sequential unfreezing: embeddings after ${options.embeddings} epochs, the other layers after ${options.hidden}: expected embeddings last`,
    )
  if (name === 'gradual' && !(options.epochs! > 0)) throw new Error(`gradual unfreezing: an interval of ${options.epochs} epochs: expected above 0`)
  return schedule(options, layers, length)
}
