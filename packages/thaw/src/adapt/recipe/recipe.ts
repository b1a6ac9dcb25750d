// A recipe says how a pretrained model is adapted: which parameters train when, at which rate, pulled towards what, with which losses
// beside the task's, with what put into the network.
// It is a value: made of ingredients, joined with `recipe()`, printed, and written into the checkpoint as JSON.

import type { FreezingIngredient } from './freezing.js'
import type { InsertionIngredient } from './insertions.js'
import type { RateIngredient, ScheduleIngredient } from './rates.js'
import type { RegularizerIngredient } from './regularizers.js'
import type { SignalIngredient } from './signals.js'

export type Ingredient = FreezingIngredient | InsertionIngredient | RateIngredient | ScheduleIngredient | RegularizerIngredient | SignalIngredient

export interface Recipe {
  readonly ingredients: readonly Ingredient[]
}

/** Of these kinds a recipe has at most one: two schedules, say, would contradict each other. */
const single = ['freezing', 'schedule'] as const

/**
 * Joins ingredients and recipes into one recipe.
 *
 * ```ts
 * recipe(gradualUnfreezing(), discriminativeRates({ decay: 0.9 }), slantedTriangular())
 * ```
 *
 * @throws where two ingredients exclude each other.
 */
export function recipe(...parts: readonly (Ingredient | Recipe)[]): Recipe {
  const ingredients = parts.flatMap((part) => ('ingredients' in part ? part.ingredients : [part]))
  for (const kind of single) {
    const same: readonly Ingredient[] = ingredients.filter((ingredient) => ingredient.kind === kind)
    if (same.length > 1) throw new Error(`recipe: ${same.map(nameOf).join(' and ')} exclude each other: both are a ${kind}; keep one`)
  }
  const signals = ingredients.filter(({ kind }) => kind === 'signal').map(nameOf)
  const twice = signals.find((name, i) => signals.indexOf(name) !== i)
  if (twice) throw new Error(`recipe: ${twice} is there twice; keep one, with the weight that it is to have`)
  return { ingredients }
}

export const nameOf = (ingredient: Ingredient): string => ingredient.name

/** What a recipe has to know of a model: its parameters, and which of them are new. */
export interface Outline {
  /** All parameters of the model, heads and what was put into it included. */
  paths: readonly string[]
  /** Those that start from random values. */
  fresh: ReadonlySet<string>
}

/** How long a training is, in updates. */
export interface Length {
  steps: number
  perEpoch: number
}

/** Where in the network a parameter stands, from the input on: 0 the embeddings, 1 … layers, and `new` for what starts from random values. */
export type Depth = number | 'new'

/** The depth of each path, and the number of layers. What stands after the last layer (a final norm, a pooler) belongs to it. */
export function depths({ paths, fresh }: Outline): { layers: number; depthOf(path: string): Depth } {
  const layerOf = (path: string) => /^layers\.(\d+)\./.exec(path)?.[1]
  const layers = paths.reduce((most, path) => Math.max(most, layerOf(path) === undefined ? 0 : Number(layerOf(path)) + 1), 0)
  return {
    layers,
    depthOf(path) {
      if (fresh.has(path)) return 'new'
      const layer = layerOf(path)
      return layer !== undefined ? Number(layer) + 1 : path.startsWith('embeddings.') ? 0 : layers
    },
  }
}
