// An adapter onto a backbone: checked first, so that one that was trained on another model is refused with the difference, not used with nonsense.

import type { TransformerConfig } from '../../models/config.js'
import { parameterShapes } from '../../models/shapes.js'
import type { Tokenizer } from '../../text/tokenizer/index.js'
import type { Backbone, NamedValues } from '../backbone.js'
import { addedRow, tokenTable, withClf } from '../parameters.js'
import { type Adapter, adapterOutline, baseName } from './adapter.js'
import { weightsDigest } from './digest.js'

export interface AttachOptions {
  /** Take a base whose weights are not those the adapter was trained on: one stored in half precision, say. */
  otherWeights?: boolean
}

/** A base with an adapter's token, and the adapter checked against it. */
export interface Attached {
  config: TransformerConfig
  tokenizer: Tokenizer
  /** The id of the adapter's [CLF] token. */
  clf: number | undefined
}

/** Checks that an adapter belongs on a base. @throws for another form of model, other sites, other shapes, other weights; in this order. */
export async function checkAdapter(base: Backbone, adapter: Adapter, { otherWeights = false }: AttachOptions = {}): Promise<Attached> {
  const { config, tokenizer, clf } = withClf(base, adapter.details)
  refuseOtherForm(base.source, config, adapter)
  const { shapes } = adapterOutline(config, adapter.details)
  const { parameters, source } = adapter
  for (const [path, { shape }] of parameters) {
    const wanted = shapes.get(path)
    if (!wanted)
      throw new Error(`${source}: ${path} has no place in ${base.source} with ${recipeText(adapter)}; the file and its recipe do not belong together`)
    if (String(wanted) !== String(shape))
      throw new Error(`${source}: ${path} is [${shape}], ${base.source} needs [${wanted}]; the adapter was made for another model`)
  }
  const missing = [...shapes.keys()].filter((path) => !parameters.has(path) && !base.parameters.has(path))
  if (missing.length > 0)
    throw new Error(
      `${source}: ${missing[0]} is missing${missing.length > 1 ? `, and ${missing.length - 1} more` : ''}: ${recipeText(adapter)} needs it; save the adapter again`,
    )
  if (otherWeights) return { config, tokenizer, clf }
  const untouched = [...parameterShapes(base.config).keys()].filter((path) => !parameters.has(path) && base.parameters.has(path))
  const weights = await weightsDigest(untouched, base.parameters, clf)
  if (weights !== adapter.base.weights)
    throw new Error(
      `${source}: trained on ${nameOf(adapter)}, whose weights (SHA-256 ${adapter.base.weights.slice(0, 8)}…) are not those of ${base.source} (${weights.slice(0, 8)}…): load the checkpoint it was trained on, or say otherWeights to use it all the same`,
    )
  return { config, tokenizer, clf }
}

const nameOf = (adapter: Adapter): string => baseName(adapter) ?? 'another checkpoint'
const recipeText = ({ details }: Adapter): string =>
  `the recipe ${details.recipe?.ingredients.map(({ name }) => name).join(', ') ?? 'of a frozen backbone'}`

/** Settings that change no value of a trained model. */
const beside: readonly (keyof TransformerConfig)[] = ['dropout', 'pooler']

function refuseOtherForm(base: string, ours: TransformerConfig, adapter: Adapter): void {
  const theirs = adapter.base.config
  const names = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])] as (keyof TransformerConfig)[]
  const differences = names.filter((name) => !beside.includes(name) && ours[name] !== theirs[name])
  if (differences.length === 0) return
  const list = differences.map((name) => `${name} ${theirs[name] ?? 'absent'}, here ${ours[name] ?? 'absent'}`)
  throw new Error(
    `${adapter.source}: trained on ${nameOf(adapter)}, which is another model than ${base}: ${list.join('; ')}. Load the checkpoint it was trained on`,
  )
}

/**
 * A backbone with an adapter in it: what the adapter was taken from, as {@link classifierFrom} takes it. The backbone itself stays as it is.
 *
 * ```ts
 * const model = await classifierFrom(await withAdapter(await load('all-MiniLM-L6-v2'), await loadAdapter('./tickets-adapter')))
 * ```
 *
 * @throws where the adapter was trained on another model, naming what differs.
 */
export async function withAdapter(base: Backbone, adapter: Adapter, options: AttachOptions = {}): Promise<Backbone> {
  const { config, tokenizer, clf } = await checkAdapter(base, adapter, options)
  const parameters = new Map<string, NamedValues>([...base.parameters].filter(([path]) => !path.startsWith('heads.')))
  if (clf !== undefined) parameters.set(tokenTable, tableFor(base, config, clf, adapter.parameters.get(addedRow)?.data))
  for (const [path, values] of adapter.parameters) if (path !== addedRow) parameters.set(path, values)
  const { labels, ...thaw } = adapter.details
  const several = thaw.task === 'multi-label' ? { multiLabel: true } : {}
  return {
    source: `${base.source} with ${adapter.source}`,
    config,
    tokenizer,
    parameters,
    details: { model: config, labels: [...labels], ...several, thaw },
  }
}

/** The base's token table with room for the added token, whose row is given or zeros. */
export function tableFor(base: Backbone, { vocabulary, hidden }: TransformerConfig, clf: number, row?: Float32Array): NamedValues {
  const data = new Float32Array(vocabulary * hidden)
  data.set(base.parameters.get(tokenTable)!.data)
  if (row) data.set(row, clf * hidden)
  return { shape: [vocabulary, hidden], data }
}
