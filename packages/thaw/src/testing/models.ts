// Small random models for tests, with weights large enough that every token's probability differs.

import type { Executor, Store } from '@thaw/tensor'
import { dim, input, ops } from '@thaw/tensor'
import type { Backbone } from '../adapt/backbone.js'
import type { TransformerConfig } from '../models/config.js'
import { parameterShapes } from '../models/shapes.js'
import { transformer } from '../models/transformer.js'
import { Scope } from '../nn/scope.js'
import { random } from '../text/random.js'
import type { Tokenizer } from '../text/tokenizer/index.js'

/** A causal model of 2 layers, 8 wide. */
export const smallCausal: TransformerConfig = {
  vocabulary: 12,
  hidden: 8,
  layers: 2,
  heads: 2,
  inner: 16,
  positions: 16,
  block: 'pre',
  causal: true,
  positionKind: 'learned',
  activation: 'gelu-tanh',
  dropout: 0,
  normEpsilon: 1e-5,
  segments: 0,
  pooler: false,
}

/** Parameters drawn from N(0, 0.4²), gains around 1. */
export function randomParameters(config: TransformerConfig, seed = 1): Map<string, { shape: number[]; data: Float32Array }> {
  const { normal } = random(seed)
  return new Map(
    [...parameterShapes(config)].map(([path, shape]) => {
      const length = shape.reduce((product, size) => product * size, 1)
      const around = path.endsWith('norm.weight') ? 1 : 0
      return [path, { shape, data: Float32Array.from({ length }, () => around + 0.4 * normal()) }]
    }),
  )
}

/** A backbone as `load` gives it. */
export const randomBackbone = (config: TransformerConfig, tokenizer: Tokenizer, seed = 1): Backbone => ({
  source: 'random',
  config,
  tokenizer,
  parameters: randomParameters(config, seed),
  details: { model: config },
})

/** The slow way to next-token logits: the whole text at each call, without a cache. */
export async function uncachedLogits(
  executor: Executor,
  config: TransformerConfig,
  params: Store,
): Promise<(text: readonly number[]) => Promise<Float32Array>> {
  const scope = new Scope()
  const { hidden } = transformer(scope, config, { ids: input('ids', [1, dim('time')], 'i32') })
  const table = scope.parameter('embeddings.token.weight', [config.vocabulary, config.hidden])
  const program = await executor.compile({ outputs: { logits: ops.matmul(ops.slice(hidden, 0, -1), table, { transB: true }) } })
  return async (text) => {
    const { outputs } = await program.bind({ params }).run({ feeds: { ids: { data: Int32Array.from(text), shape: [1, text.length] } } })
    return outputs.logits!.data as Float32Array
  }
}
