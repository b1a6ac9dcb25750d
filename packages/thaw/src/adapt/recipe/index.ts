// Recipes: how a pretrained model is adapted, as values.

export {
  chainThaw,
  type FreezingIngredient,
  fineTuning,
  gradualUnfreezing,
  newOnly,
  sequentialUnfreezing,
  topOnly,
  tutorialUnfreezing,
} from './freezing.js'
export {
  type AdapterOptions,
  bitfit,
  houlsby,
  type InsertionIngredient,
  ia3,
  lora,
  parallelAdapter,
  projectedAttentionLayers,
  selection,
} from './insertions.js'
export { describePlan, type PlannedStage, planRecipe, type RecipePlan } from './plan.js'
export { type RecipeName, recipes } from './presets.js'
export {
  constantRate,
  cosineSchedule,
  discriminativeRates,
  inverseSquareRootSchedule,
  linearSchedule,
  type RateIngredient,
  rateFactor,
  type ScheduleIngredient,
  slantedTriangular,
} from './rates.js'
export { type Ingredient, type Recipe, recipe } from './recipe.js'
export { ewc, l2sp, type RegularizerIngredient } from './regularizers.js'
export { languageModelling, oldPredictions, type SignalIngredient } from './signals.js'
