// What holds an adapted model near the pretrained one.

import { matchesAny } from '../../nn/path-patterns.js'

export interface RegularizerIngredient {
  readonly kind: 'regularizer'
  readonly name: 'l2-sp' | 'ewc'
  readonly strength: number
  /** The parameters that are pulled; all pretrained ones that train where the list is empty. */
  readonly patterns: readonly string[]
}

const regularizer = (name: RegularizerIngredient['name'], strength: number, patterns: readonly string[] = []): RegularizerIngredient => {
  if (!(strength >= 0 && Number.isFinite(strength))) throw new Error(`${name}: strength ${strength}: expected a number of at least 0`)
  return { kind: 'regularizer', name, strength, patterns }
}

/**
 * Adds α/2 ‖θ − θ⁰‖² to the loss, with θ⁰ the pretrained values (L2-SP: Li, Grandvalet & Davoine 2018; in NLP Wiese et al. 2017). New parameters are
 * not pulled.
 */
export const l2sp = ({ strength = 0.01, patterns }: { strength?: number; patterns?: readonly string[] } = {}): RegularizerIngredient =>
  regularizer('l2-sp', strength, patterns)

/**
 * Adds λ/2 Σ F (θ − θ⁰)², with F the diagonal of the Fisher information of the pretraining loss (elastic weight consolidation: Kirkpatrick et al. 2017;
 * `fisherInformation` computes F). No λ of a paper carries over, because F depends on the model. On TREC-6 with the repository's two checkpoints, 100 keeps
 * three quarters and more of what fine-tuning forgets and costs about a point; 1000 costs four or five (`npm run bench -- adapt-schemes`).
 */
export const ewc = ({ strength = 100, patterns }: { strength?: number; patterns?: readonly string[] } = {}): RegularizerIngredient =>
  regularizer('ewc', strength, patterns)

/** Whether a recipe has to know the Fisher information. */
export const weighsByFisher = (recipe: { readonly ingredients: readonly { readonly name: string }[] } | undefined): boolean =>
  recipe?.ingredients.some(({ name }) => name === 'ewc') ?? false

/** How strongly a pretrained parameter is pulled to where it began, and whether the Fisher information weighs the pull. */
export function pullOf(rules: readonly RegularizerIngredient[], path: string): { strength: number; fisher: boolean } | undefined {
  const rule = rules.find(({ patterns, strength }) => strength > 0 && matchesAny(patterns, path))
  return rule && { strength: rule.strength, fisher: rule.name === 'ewc' }
}
