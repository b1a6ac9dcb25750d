// From a recipe to what a training run does with one model: stages with the parameters that train in each, and every parameter's rate.

import type { Schedule } from '@thaw/tensor'
import { matchesPath, selectPaths } from '../../nn/path-patterns.js'
import { fineTuning, stagesOf } from './freezing.js'
import { factorOf, linearSchedule, type RateIngredient, scheduleFor } from './rates.js'
import { depths, type Ingredient, type Length, nameOf, type Outline, type Recipe } from './recipe.js'
import { pullOf, type RegularizerIngredient } from './regularizers.js'

export interface PlannedStage {
  /** Updates `from` (counted from 0) up to, not including, `to`. */
  from: number
  to: number
  /** The paths that train, in the model's order. */
  trained: readonly string[]
}

export interface RecipePlan {
  readonly recipe: Recipe
  readonly outline: Outline
  readonly stages: readonly PlannedStage[]
  /** Factor of the peak rate for a parameter. */
  factorOf(path: string): number
  /** Factor of the peak rate at a step. */
  readonly schedule: Schedule
  /** How a parameter is pulled to its pretrained value. */
  pullOf(path: string): { strength: number; fisher: boolean } | undefined
}

const ofKind = <K extends Ingredient['kind']>({ ingredients }: Recipe, kind: K) =>
  ingredients.filter((ingredient): ingredient is Extract<Ingredient, { kind: K }> => ingredient.kind === kind)

/** Plans a recipe for a model. @throws where an ingredient does not fit the model, by name. */
export function planRecipe(recipe: Recipe, outline: Outline, length: Length): RecipePlan {
  const { layers, depthOf } = depths(outline)
  const [freezing = fineTuning()] = ofKind(recipe, 'freezing')
  const [schedule = linearSchedule()] = ofKind(recipe, 'schedule')
  const rules: readonly RateIngredient[] = ofKind(recipe, 'rates')
  const regularizers: readonly RegularizerIngredient[] = ofKind(recipe, 'regularizer')
  const insertions = ofKind(recipe, 'insertion')
  // with modules put in, what is pretrained trains only where one of them says so
  for (const { trains } of insertions) if (trains.length > 0) selectPaths(trains.slice(0, 1), outline.paths)
  const wanted = (path: string) =>
    insertions.length === 0 || outline.fresh.has(path) || insertions.some(({ trains }) => trains.some((pattern) => matchesPath(pattern, path)))
  const starts = stagesOf(freezing, layers, length).filter(({ from }) => from < length.steps)
  const stages: PlannedStage[] = []
  starts.forEach(({ from, trains }, i) => {
    const to = starts[i + 1]?.from ?? length.steps
    const trained = outline.paths.filter((path) => wanted(path) && trains(depthOf(path)) && factorOf(rules, path, depthOf(path), layers) > 0)
    const last = stages.at(-1)
    if (to <= from) return
    if (last && String(last.trained) === String(trained)) last.to = to
    else stages.push({ from, to, trained })
  })
  const empty = stages.find(({ trained }) => trained.length === 0)
  if (empty)
    throw new Error(
      `recipe: nothing trains from step ${empty.from} to ${empty.to} (${recipe.ingredients.map(nameOf).join(', ')}): the model has no parameter there`,
    )
  return {
    recipe,
    outline,
    stages,
    factorOf: (path) => factorOf(rules, path, depthOf(path), layers),
    schedule: scheduleFor(schedule, length.steps),
    pullOf: (path) => (outline.fresh.has(path) ? undefined : pullOf(regularizers, path)),
  }
}

/** Names for a set of paths, as short as they can be: whole groups (`embeddings`, `layers.3`, `head`), else the paths themselves. */
export function shortNames(trained: readonly string[], { paths }: Outline): string[] {
  const groupOf = (path: string) => /^layers\.\d+/.exec(path)?.[0] ?? path.split('.')[0]!
  const sizes = new Map<string, number>()
  for (const path of paths) sizes.set(groupOf(path), (sizes.get(groupOf(path)) ?? 0) + 1)
  const groups = new Map<string, string[]>()
  for (const path of trained) groups.set(groupOf(path), [...(groups.get(groupOf(path)) ?? []), path])
  const name = (group: string) => (group === 'heads' ? 'head' : group)
  return [...groups].flatMap(([group, members]) =>
    members.length === sizes.get(group)
      ? [name(group)]
      : members.length > 3
        ? [`${name(group)} (${members.length} of ${sizes.get(group)})`]
        : members,
  )
}

/**
 * The plan as lines, one a stage: the steps, what trains (after the first stage: what is new), and the effective peak rates.
 *
 *     step 0–200: head   rate 1e-3
 *     step 200–400: + layers.3   rates 9e-4 to 1e-3
 */
export function describePlan(plan: RecipePlan, rate: number): string[] {
  const lines: string[] = []
  let before: ReadonlySet<string> = new Set()
  for (const { from, to, trained } of plan.stages) {
    const now = shortNames(trained, plan.outline)
    const added = now.filter((name) => !before.has(name))
    const gone = [...before].filter((name) => !now.includes(name))
    const changes = before.size === 0 || gone.length > 0 ? now.join(', ') : added.map((name) => `+ ${name}`).join(', ')
    const rates = trained.map((path) => rate * plan.factorOf(path))
    const [low, high] = [Math.min(...rates), Math.max(...rates)]
    const text = low === high ? `rate ${short(high)}` : `rates ${short(low)} to ${short(high)}`
    lines.push(`step ${from}–${to}: ${changes}   ${text}`)
    before = new Set(now)
  }
  return lines
}

const short = (rate: number) => Number(rate.toPrecision(2)).toExponential().replace('.0e', 'e')
