// From a language model to an encoder–decoder: the same pretrained weights begin both halves, and only the attention between them is new (Ramachandran,
// Liu & Le 2017, section 2.1; Rothe, Narayan & Severyn 2020).

import { crossAttentionShapes } from '../../models/cross-attention.js'
import { type EncoderDecoderConfig, encoderDecoderShapes } from '../../models/encoder-decoder.js'
import { parameterShapes } from '../../models/shapes.js'
import type { Backbone, NamedValues } from '../backbone.js'

export interface EncoderDecoderOptions {
  /**
   * How the new attention begins. new: random, with zeros as its last matrix, so that the decoder is at first the language model that it came from.
   * copied: as each layer's self-attention. Default new.
   */
  cross?: 'new' | 'copied'
  /** Whether the encoder's tokens see those after them, which the language model's did not. Default true. */
  bidirectional?: boolean
}

export interface EncoderDecoderStart {
  config: EncoderDecoderConfig
  /** Every parameter with its shape. */
  shapes: ReadonlyMap<string, readonly number[]>
  /** Those that have pretrained values. */
  parameters: ReadonlyMap<string, NamedValues>
  /** Those that begin anew. */
  fresh: string[]
}

/**
 * The weights of an encoder–decoder from those of one model.
 *
 * @throws for models whose two halves could not share a token table: embeddings of another width, missing parameters.
 */
export function encoderDecoderFrom(backbone: Backbone, { cross = 'new', bidirectional = true }: EncoderDecoderOptions = {}): EncoderDecoderStart {
  const { source, config, parameters: pretrained } = backbone
  if (config.embedding !== undefined && config.embedding !== config.hidden)
    throw new Error(
      `${source}: embeddings are ${config.embedding} wide, layers ${config.hidden}: the output cannot share their table; take a model without that`,
    )
  const form: EncoderDecoderConfig = { ...config, causal: !bidirectional, pooler: false }
  const parameters = new Map<string, NamedValues>()
  for (const path of parameterShapes(form).keys()) {
    const values = pretrained.get(path)
    if (!values) throw new Error(`${source}: ${path} is missing; load a complete checkpoint`)
    if (path === 'embeddings.token.weight') parameters.set(path, values)
    else for (const half of ['encoder', 'decoder']) parameters.set(`${half}.${path}`, values)
  }
  if (cross === 'copied')
    for (const [path] of crossAttentionShapes(form)) parameters.set(`decoder.${path}`, pretrained.get(path.replace('.cross.', '.attention.'))!)
  const shapes = encoderDecoderShapes(form)
  return { config: form, shapes, parameters, fresh: [...shapes.keys()].filter((path) => !parameters.has(path)) }
}
