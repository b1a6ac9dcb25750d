// Feature extraction: what a frozen backbone makes of texts, to be handed to any other model (Peters et al. 2018; Peters, Ruder & Smith 2019, "To Tune or
// Not to Tune?"): a linear model, a recurrent tagger, a search by cosine.

import { createExecutor, dim, ops } from '@thaw/tensor'
import { transformer } from '../models/transformer.js'
import { Scope } from '../nn/scope.js'
import { classifierInputs } from '../tasks/classification.js'
import type { TextLike } from '../tasks/form.js'
import { batchesByLength, exampleFeeds, textEncoder } from '../tasks/inputs.js'
import { type Pooling, paddingSide, pool } from '../tasks/pooling.js'
import type { Backbone } from './backbone.js'
import { fillStore } from './classifier.js'
import { canBeFixed, parameterAccess } from './fixed-parameters.js'
import { enoughTokens } from './settings.js'

/** How tokens become a text's vector; `none` leaves a vector for each token. */
export type FeaturePooling = Exclude<Pooling, 'clf'> | 'none'

export interface FeatureOptions {
  /** Which layers, one after another in each vector: 0 the embeddings, then the layers' outputs; negative ones from the end. Default the last. */
  layers?: readonly number[]
  /** Default mean. */
  pooling?: FeaturePooling
  /** Vectors of length 1, so that their product is the cosine. Default false. */
  normalize?: boolean
  /** Longer texts are cut. Default 256, or the model's positions where it has fewer. */
  maxLength?: number
  threads?: number
}

export interface FeatureExtractor {
  /** Numbers of a vector: layers × hidden. */
  readonly width: number
  /**
   * Of each text or pair its vector, [width]; with pooling `none` that of each of its tokens, [tokens, width], in the order of
   * `tokenizer.encode(text).tokens`, special ones included. Texts are batched by length, whatever order they come in.
   */
  extract(texts: readonly (string | TextLike)[]): Promise<Float32Array[]>
  dispose(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Compiles a backbone as a source of features.
 *
 * ```ts
 * await using features = await featureExtractor(await load('all-MiniLM-L6-v2'), { normalize: true })
 * const [a, b] = await features.extract(['A cat sleeps.', 'A kitten naps.'])   // two Float32Array of 384
 * ```
 *
 * @throws for a layer that there is not, or a length above the model's positions
 */
export async function featureExtractor(backbone: Backbone, options: FeatureOptions = {}): Promise<FeatureExtractor> {
  const { config, tokenizer, parameters } = backbone
  const { pooling = 'mean', normalize = false, maxLength = Math.min(config.positions, enoughTokens), layers: asked = [-1] } = options
  const chosen = asked.map((layer) => layerIndex(layer, config.layers))
  if (chosen.length === 0) throw new Error('features: layers: expected at least one, got none')
  if (!(Number.isInteger(maxLength) && maxLength >= 1 && maxLength <= config.positions))
    throw new Error(`features: maxLength ${maxLength}: expected a whole number from 1 to the model's ${config.positions} positions`)
  const segments = config.segments > 1
  const executor = await createExecutor(options.threads === undefined ? {} : { threads: options.threads })
  const params = await fillStore(executor, parameters)
  const { stores, constants, ...access } = parameterAccess(executor, params, canBeFixed(parameters))

  const inputs = classifierInputs({ segments })
  const { layers, hidden } = transformer(new Scope(access), config, inputs)
  const rows = chosen.map((layer) => (layer === config.layers ? hidden : layers[layer]!)) // after the final norm, where there is one
  const width = rows.length * config.hidden
  const joined = ops.concat(rows, 1) // [batch·time, width]
  const vectors = pooling === 'none' ? joined : pool(pooling, joined, inputs.visible)
  const norm = ops.sqrt(ops.maximum(ops.sum(ops.square(vectors), -1, true), 1e-24))
  const flat = normalize ? ops.div(vectors, norm) : vectors
  const features = pooling === 'none' ? ops.reshape(flat, [dim('batch'), dim('time'), width]) : flat
  const program = await executor.compile({ outputs: { features } }, { inference: true, ...(constants ? { constants } : {}) })

  const encode = textEncoder(tokenizer, maxLength)
  const form = {
    side: pooling === 'none' ? ('right' as const) : paddingSide(pooling),
    pad: tokenizer.special.pad?.id ?? 0,
    segments,
  }
  const dispose = () => executor[Symbol.asyncDispose]()
  return {
    width,
    async extract(texts) {
      const encoded = texts.map((given) => (typeof given === 'string' ? encode(given) : encode(given.text, given.pair)))
      const results = new Array<Float32Array>(texts.length)
      const lengths = encoded.map(({ ids }) => ids.length)
      for (const batch of batchesByLength(lengths)) {
        const all = exampleFeeds(
          batch.map((i) => [encoded[i]!]),
          form,
        )
        const feeds = Object.fromEntries(program.feeds.map((name) => [name, all[name]!]))
        const { outputs } = await program.bind(stores).run({ feeds })
        const data = outputs.features!.data as Float32Array
        const size = data.length / batch.length
        for (const [r, i] of batch.entries()) results[i] = data.slice(r * size, r * size + (pooling === 'none' ? lengths[i]! * width : size))
      }
      return results
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  }
}

function layerIndex(layer: number, count: number): number {
  const index = layer < 0 ? count + 1 + layer : layer
  if (!Number.isInteger(index) || index < 0 || index > count)
    throw new Error(
      `features: layer ${layer}: expected a whole number from 0 (the embeddings) to ${count}, or from -1 (the last) down to ${-count - 1}`,
    )
  return index
}
