// An encoder and a decoder of one form: the decoder reads the target's tokens so far and attends to what the encoder made of the source (Vaswani et al. 2017).
// Both halves and the output share one token table (section 3.4 there). Paths are `encoder.…`, `decoder.…`, and `embeddings.token.weight` for the table.

import { ops, type Tensor } from '@thaw/tensor'
import type { Scope } from '../nn/scope.js'
import type { TransformerConfig } from './config.js'
import { crossAttentionShapes, type Memory } from './cross-attention.js'
import { parameterShapes } from './shapes.js'
import { transformer } from './transformer.js'

/** Of both halves; `causal` is the encoder's, the decoder always is. */
export type EncoderDecoderConfig = TransformerConfig

const table = 'embeddings.token.weight'
const shared = (path: string) => path === table

/** Paths and shapes of all parameters. */
export function encoderDecoderShapes(config: EncoderDecoderConfig): Map<string, number[]> {
  const shapes = new Map<string, number[]>([[table, parameterShapes(config).get(table)!]])
  for (const half of ['encoder', 'decoder'])
    for (const [path, shape] of parameterShapes(config)) if (!shared(path)) shapes.set(`${half}.${path}`, shape)
  for (const [path, shape] of crossAttentionShapes(config)) shapes.set(`decoder.${path}`, shape)
  return shapes
}

/** The source's hidden states: ids i32, visible bool, both [batch, time]. */
export function encode(scope: Scope, config: EncoderDecoderConfig, { ids, visible }: { ids: Tensor; visible: Tensor }): Memory {
  const { hidden } = transformer(scope.within('encoder', shared), config, { ids, visible })
  return { hidden, visible }
}

/** The target's hidden states, rows [batch·time, hidden], and the table that makes logits of them: ids i32 [batch, time]. */
export function decode(scope: Scope, config: EncoderDecoderConfig, ids: Tensor, memory: Memory): { hidden: Tensor; table: Tensor } {
  const { hidden } = transformer(scope.within('decoder', shared), { ...config, causal: true }, { ids, memory })
  return { hidden, table: scope.parameter(table, [config.vocabulary, config.hidden]) }
}

/** The mean cross-entropy of the target's next tokens: ids and targets i32 [batch, time], −100 does not count. */
export function encoderDecoderLoss(
  scope: Scope,
  config: EncoderDecoderConfig,
  source: { ids: Tensor; visible: Tensor },
  target: { ids: Tensor; targets: Tensor },
): Tensor {
  const { hidden, table } = decode(scope, config, target.ids, encode(scope, config, source))
  return ops.linearCrossEntropy(hidden, table, ops.reshape(target.targets, [-1]), { ignore: -100 }).loss
}
