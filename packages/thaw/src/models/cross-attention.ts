// Attention of one text's tokens to another's: queries from the decoder, keys and values from what the encoder made of the source (Bahdanau et al. 2015;
// Vaswani et al. 2017, section 3.2.3).

import { type Dim, ops, type Tensor } from '@thaw/tensor'
import { linear } from '../nn/layers.js'
import type { Scope } from '../nn/scope.js'
import type { TransformerConfig } from './config.js'

export interface Memory {
  /** Hidden states of the source, as rows [batch·time, hidden]. */
  hidden: Tensor
  /** True where the source has a token: bool [batch, time]. */
  visible: Tensor
}

/** Paths and shapes of what a layer needs to attend to a memory, its norm included. */
export function crossAttentionShapes({ hidden, layers }: TransformerConfig): [string, number[]][] {
  return Array.from({ length: layers }, (_, n) => n).flatMap((n) => [
    ...['query', 'key', 'value', 'output'].flatMap((part): [string, number[]][] => [
      [`layers.${n}.cross.${part}.weight`, [hidden, hidden]],
      [`layers.${n}.cross.${part}.bias`, [hidden]],
    ]),
    [`layers.${n}.cross.norm.weight`, [hidden]],
    [`layers.${n}.cross.norm.bias`, [hidden]],
  ])
}

/** x [batch·time, hidden] attends to the memory's tokens; `shape` is [batch, time] of x. */
export function crossAttention(
  scope: Scope,
  config: TransformerConfig,
  path: string,
  x: Tensor,
  shape: readonly Dim[],
  { hidden, visible }: Memory,
): Tensor {
  const { heads } = config
  const width = config.hidden / heads
  const [batch, sourceTime] = visible.shape as [Dim, Dim]
  const split = (rows: Tensor, time: Dim) => ops.transpose(ops.reshape(rows, [batch, time, heads, width]), [0, 2, 1, 3]) // [batch, heads, time, width]
  const project = (name: string, rows: Tensor) => linear(scope, `${path}.${name}`, rows, config.hidden, config.hidden)
  const [q, k, v] = [
    split(project('query', x), shape[1]!),
    split(project('key', hidden), sourceTime),
    split(project('value', hidden), sourceTime),
  ] as const
  const mask = ops.maskBias(ops.unsqueeze(ops.unsqueeze(visible, 1), 1)) // [batch, 1, 1, source time]
  const { output, probabilities } = ops.attentionWithProbabilities(q, k, v, { mask })
  scope.site(`${path}.probabilities`, probabilities)
  return linear(scope, `${path}.output`, ops.reshape(ops.transpose(output, [0, 2, 1, 3]), [-1, config.hidden]), config.hidden, config.hidden)
}
