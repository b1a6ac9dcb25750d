// What a recipe put in becomes part of the weights it stands beside, where arithmetic allows it: then the model has its pretrained form again, costs
// nothing more to run, and every export knows it. W + (α/r) A·B for low-rank updates (Hu et al. 2022, section 4.1); a scale of a layer's outputs is a scale
// of its columns and bias, one of the inner activations a scale of the rows that read them ((IA)³: Liu et al. 2022, section 3.3).

import { parameterShapes } from '../../models/shapes.js'
import { plusLowRank } from '../../nn/low-rank.js'
import type { Backbone, NamedValues } from '../backbone.js'
import { classifierDetails } from '../classifier.js'
import type { InsertionIngredient } from '../recipe/insertions.js'

const mergeable: readonly string[] = ['lora', 'ia3']
const isInsertion = (x: { kind: string }): x is InsertionIngredient => x.kind === 'insertion'

/**
 * A classifier with its low-rank updates and scales merged into its weights. Probabilities stay the same up to rounding (1e-5 in the tests).
 *
 * @throws where the recipe put in nothing that can be merged: bottlenecks (houlsby, parallel-adapter) and attention (projected-attention) are not linear.
 */
export function mergeAdapters(classifier: Backbone): Backbone {
  const details = classifierDetails(classifier)
  const ingredients = details.recipe?.ingredients ?? []
  const merged = ingredients.filter((x) => isInsertion(x) && mergeable.includes(x.name)).map(({ name }) => name)
  if (merged.length === 0) {
    const names = ingredients.map(({ name }) => name).join(', ') || 'none'
    throw new Error(
      `${classifier.source}: nothing to merge (recipe: ${names}): low-rank updates (lora) and scales (ia3) can be, what is not linear cannot`,
    )
  }
  const parameters = new Map(classifier.parameters)
  for (const path of parameterShapes(classifier.config).keys()) {
    const [, layer, name] = /^(.*)\.(weight|bias)$/.exec(path) ?? []
    if (!layer || !name || !parameters.has(path)) continue
    for (const ingredient of ingredients.filter(isInsertion)) {
      if (ingredient.name === 'lora' && name === 'weight') addUpdate(parameters, layer, ingredient)
      if (ingredient.name === 'ia3') scaleOutputs(parameters, path, layer)
    }
  }
  for (const [path, values] of classifier.parameters)
    if (path.endsWith('.feedforward.ia3.scale')) scaleRows(parameters, path.replace('ia3.scale', 'down.weight'), values.data)
  for (const path of classifier.parameters.keys()) if (/\.lora\.[AB]$|\.ia3\.scale$/.test(path)) parameters.delete(path)
  const left = ingredients.filter((x) => !(isInsertion(x) && mergeable.includes(x.name)))
  const { recipe: _, labels: __, ...rest } = details
  const thaw = { ...rest, merged, ...(left.some(isInsertion) ? { recipe: { ingredients: left } } : {}) }
  return { ...classifier, parameters, details: { ...classifier.details, thaw } }
}

function addUpdate(parameters: Map<string, NamedValues>, layer: string, { options }: InsertionIngredient): void {
  const [a, b, weight] = [`${layer}.lora.A`, `${layer}.lora.B`, `${layer}.weight`].map((path) => parameters.get(path))
  if (!a || !b || !weight) return
  const data = plusLowRank(weight.data, a.data, b.data, options.rank!, options.alpha! / options.rank!)
  parameters.set(`${layer}.weight`, { shape: weight.shape, data })
}

/** Columns of a weight, or elements of a bias, times the scale of the layer's outputs. */
function scaleOutputs(parameters: Map<string, NamedValues>, path: string, layer: string): void {
  const scale = parameters.get(`${layer}.ia3.scale`)
  if (!scale) return
  const { shape, data } = parameters.get(path)!
  parameters.set(path, { shape, data: data.map((value, i) => value * scale.data[i % scale.data.length]!) })
}

function scaleRows(parameters: Map<string, NamedValues>, path: string, scale: Float32Array): void {
  const { shape, data } = parameters.get(path)!
  const width = shape[1]!
  parameters.set(path, { shape, data: data.map((value, i) => value * scale[Math.floor(i / width)]!) })
}
