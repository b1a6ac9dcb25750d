// An adapter: what an adaptation changed, apart from the pretrained model it changed. A classifier whose recipe leaves most of the backbone as it was
// (LoRA, Houlsby's and parallel adapters, (IA)³, BitFit, a head alone) is that backbone and a small set of parameters, which can be stored, sent and put
// onto the backbone again (Houlsby et al. 2019, section 1; Pfeiffer et al. 2020, AdapterHub).

import type { TransformerConfig } from '../../models/config.js'
import { parameterShapes } from '../../models/shapes.js'
import { Scope } from '../../nn/scope.js'
import { clfToken } from '../../tasks/inputs.js'
import type { Backbone, NamedValues } from '../backbone.js'
import { type ClassifierDetails, classifierDetails, classifierGraph } from '../classifier.js'
import { scopeOptionsOf } from '../network.js'
import { addedRow, tokenTable } from '../parameters.js'
import { planRecipe } from '../recipe/plan.js'
import { weightsDigest } from './digest.js'

export interface Adapter {
  /** What errors call it: the folder it was read from, or the classifier it was taken from. */
  readonly source: string
  /** The model it was trained on. */
  readonly base: {
    name?: string
    /** Of the checkpoint of that name, where one was asked for. */
    revision?: string
    /** Its form, with room for the token that the adapter adds. */
    config: TransformerConfig
    /** SHA-256 of the parameters that the adapter leaves as they are. */
    weights: string
  }
  /** The task and the recipe: what is put in where. */
  readonly details: ClassifierDetails
  /** The trained parameters, heads included. */
  readonly parameters: ReadonlyMap<string, NamedValues>
}

/** Every parameter that a classifier of this kind has, with its shape, and which of them no pretrained model has. */
export function adapterOutline(
  config: TransformerConfig,
  details: ClassifierDetails,
): { shapes: Map<string, readonly number[]>; fresh: Set<string> } {
  const scope = new Scope(scopeOptionsOf(details.recipe, config))
  classifierGraph(scope, config, details)
  const shapes = new Map<string, readonly number[]>([...scope.parameters].map(([path, x]) => [path, x.shape as number[]]))
  const pretrained = parameterShapes(config)
  const fresh = new Set([...shapes.keys()].filter((path) => !pretrained.has(path)))
  if (details.pooling === 'clf') {
    shapes.set(addedRow, [1, config.hidden])
    fresh.add(addedRow)
  }
  return { shapes, fresh }
}

/** Longer than any schedule's last stage: what an adaptation may have trained at any time counts as trained. */
const toTheEnd = { steps: 1e9, perEpoch: 1 }

/** The paths that an adapter of this kind has: all that its recipe trains. @throws where that is the whole model. */
function adapterPaths(config: TransformerConfig, details: ClassifierDetails, source: string): string[] {
  const { shapes, fresh } = adapterOutline(config, details)
  const { recipe, mix, frozen } = details
  const everything = `${source}: its adaptation trained the whole model, so there is no adapter to take from it; save the model itself`
  if (!recipe && !mix && !frozen) throw new Error(`${everything}, or adapt with a recipe that trains a part: lora, houlsby, bitfit, head-only, …`)
  if (!recipe) return [...fresh]
  const { stages } = planRecipe(recipe, { paths: [...shapes.keys()], fresh }, toTheEnd)
  const trained = new Set(stages.flatMap((stage) => stage.trained))
  if (details.pooling === 'clf' && trained.has(tokenTable)) trained.delete(addedRow)
  if ([...shapes.keys()].every((path) => path === addedRow || trained.has(path)))
    throw new Error(`${everything} (recipe ${recipe.ingredients.map(({ name }) => name).join(', ')})`)
  return [...shapes.keys()].filter((path) => trained.has(path))
}

/**
 * The adapter in a classifier: its trained parameters, with the digest of all others.
 *
 * ```ts
 * const adapter = await adapterOf(await load('./tickets'))   // made by thaw adapt --recipe lora
 * await saveAdapter('./tickets-adapter', adapter)            // 300 kB instead of 91 MB
 * ```
 *
 * @throws where the checkpoint is no classifier, or everything in it was trained.
 */
export async function adapterOf(classifier: Backbone): Promise<Adapter> {
  const details = classifierDetails(classifier)
  const { config, tokenizer, source, parameters } = classifier
  if (details.merged)
    throw new Error(`${source}: ${details.merged.join(', ')} was merged into the weights; take the adapter from the model before that`)
  const clf = details.pooling === 'clf' ? tokenizer.tokenToId(clfToken) : undefined
  const trained = new Map<string, NamedValues>()
  for (const path of adapterPaths(config, details, source)) trained.set(path, path === addedRow ? rowOf(classifier, clf!) : parameters.get(path)!)
  const untouched = [...parameterShapes(config).keys()].filter((path) => !trained.has(path))
  const weights = await weightsDigest(untouched, parameters, clf)
  const base = {
    ...(details.base ? { name: details.base } : {}),
    ...(details.baseRevision ? { revision: details.baseRevision } : {}),
    ...{ config, weights },
  }
  return { source, base, details, parameters: trained }
}

function rowOf({ parameters, config: { hidden } }: Backbone, id: number): NamedValues {
  return { shape: [1, hidden], data: parameters.get(tokenTable)!.data.slice(id * hidden, (id + 1) * hidden) }
}

/** What the checkpoint that an adapter belongs on is called; undefined where it does not say. */
export const baseName = ({ base: { name, revision } }: Adapter): string | undefined =>
  name !== undefined && revision !== undefined ? `${name}, revision ${revision}` : name

/** How many elements an adapter has. */
export const adapterSize = ({ parameters }: Adapter): number => [...parameters.values()].reduce((sum, { data }) => sum + data.length, 0)
