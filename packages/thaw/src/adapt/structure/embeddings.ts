// More embeddings at the bottom of a model: tokens that its vocabulary lacks, and segments that say whose words these are (Wolf et al. 2019 added speakers to
// a language model so).

import { random } from '../../text/random.js'
import { tokenizerFromJSON } from '../../text/tokenizer/index.js'
import type { Backbone } from '../backbone.js'
import { tokenTable } from '../parameters.js'

export interface AddedEmbeddings {
  /** New tokens; those that are there already are left as they are. */
  tokens?: readonly string[]
  /** Kinds of segments: the model gets a table of so many rows. It is new to an adaptation, so that a recipe like `newOnly` trains it. */
  segments?: number
  /** Of the new rows' noise; default 1. */
  seed?: number
}

/**
 * A backbone with added embeddings. Rows of new tokens begin at the mean of all rows, where they change the other tokens' probabilities least (Hewitt 2021), with a
 * little noise that tells them apart. The backbone itself stays as it is.
 *
 * ```ts
 * const backbone = withEmbeddings(await load('./checkpoints/wiki-lm'), { tokens: ['[QUESTION]', '[ANSWER]'], segments: 2 })
 * ```
 *
 * @throws where the model has segments already.
 */
export function withEmbeddings(backbone: Backbone, { tokens = [], segments, seed = 1 }: AddedEmbeddings): Backbone {
  const { source, parameters } = backbone
  if (segments !== undefined && backbone.config.segments > 0)
    throw new Error(`${source}: the model has ${backbone.config.segments} segments already; leave segments out`)
  if (segments !== undefined && !(Number.isInteger(segments) && segments > 0))
    throw new Error(`segments ${segments}: expected a whole number of at least 1`)
  const tokenizer = tokenizerFromJSON(structuredClone(backbone.tokenizer.toJSON()) as never)
  const ids = tokens.filter((token) => tokenizer.tokenToId(token) === undefined)
  const added = tokenizer.addTokens(ids, { special: true })
  const table = parameters.get(tokenTable)!
  const [rows, width] = table.shape as [number, number]
  const vocabulary = Math.max(rows, tokenizer.size)
  const data = new Float32Array(vocabulary * width)
  data.set(table.data)
  const mean = new Float64Array(width)
  for (let i = 0; i < table.data.length; i++) mean[i % width]! += table.data[i]! / rows
  const { normal } = random(seed)
  for (const id of added) for (let j = 0; j < width; j++) data[id * width + j] = mean[j]! + 0.002 * normal()
  const config = { ...backbone.config, vocabulary, ...(segments === undefined ? {} : { segments }) }
  const grown = new Map(parameters).set(tokenTable, { shape: [vocabulary, width], data })
  return { source, config, tokenizer, parameters: grown, details: { ...backbone.details, model: config } }
}
