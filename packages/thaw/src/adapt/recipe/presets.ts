// Recipes by name: for the command line, and to begin with.

import { chainThaw, gradualUnfreezing, newOnly, sequentialUnfreezing, topOnly, tutorialUnfreezing } from './freezing.js'
import { bitfit, houlsby, ia3, lora, parallelAdapter, projectedAttentionLayers } from './insertions.js'
import { discriminativeRates, linearSchedule, slantedTriangular } from './rates.js'
import { type Recipe, recipe } from './recipe.js'
import { ewc, l2sp } from './regularizers.js'
import { languageModelling, oldPredictions } from './signals.js'

/** Each makes its recipe with the papers' settings where they hold for any model; rates are those of the adaptation. */
export const recipes = {
  'head-only': () => recipe(newOnly()),
  'top-layer': () => recipe(topOnly()),
  'chain-thaw': () => recipe(chainThaw()),
  'gradual-unfreezing': () => recipe(gradualUnfreezing()),
  'sequential-unfreezing': () => recipe(sequentialUnfreezing()),
  'tutorial-unfreezing': () => recipe(tutorialUnfreezing()),
  'discriminative-rates': () => recipe(discriminativeRates()),
  ulmfit: () => recipe(gradualUnfreezing(), discriminativeRates(), slantedTriangular()),
  houlsby: () => recipe(houlsby()),
  'tutorial-adapters': () => recipe(houlsby({ size: 32, embeddings: true })),
  'convolution-adapters': () => recipe(houlsby({ kernel: 3 })),
  'attention-adapters': () => recipe(houlsby({ heads: 4 })),
  'parallel-adapter': () => recipe(parallelAdapter()),
  'projected-attention': () => recipe(projectedAttentionLayers()),
  lora: () => recipe(lora()),
  ia3: () => recipe(ia3()),
  bitfit: () => recipe(bitfit()),
  'l2-sp': () => recipe(l2sp()),
  ewc: () => recipe(ewc()),
  'old-predictions': () => recipe(oldPredictions()),
  multitask: () => recipe(languageModelling()),
  'tutorial-multitask': () => recipe(languageModelling({ weight: 0.5 }), linearSchedule({ warmup: 10 })),
  siatl: () => recipe(languageModelling({ weight: 0.2, final: 0.1 }), sequentialUnfreezing()),
} as const satisfies Record<string, () => Recipe>

export type RecipeName = keyof typeof recipes

const regularizers = { 'l2-sp': l2sp, ewc }

/** The recipe of a name, with its regularizer as strong as said. @throws where a strength is given and the recipe has no regularizer. */
export function namedRecipe(name: RecipeName, strength?: number): Recipe {
  if (strength === undefined) return recipes[name]()
  if (!(name in regularizers))
    throw new Error(`${name}: it has no strength that could be ${strength}; those that have one are ${Object.keys(regularizers).join(' and ')}`)
  return recipe(regularizers[name as keyof typeof regularizers]({ strength }))
}
