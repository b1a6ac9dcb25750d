// The head of a masked language model: hidden states to logits over the vocabulary, through a table tied to the token embeddings (Press & Wolf 2017),
// after BERT's transform (dense, activation, norm) and with a bias of its own (Devlin et al. 2019, in their code).

import { ops, type Tensor } from '@thaw/tensor'
import { activations, layerNorm, linear } from '../nn/layers.js'
import type { Scope } from '../nn/scope.js'
import type { TransformerConfig } from './config.js'

export interface LanguageHead {
  /** What meets the table: [rows, embedding]. */
  rows: Tensor
  /** The token embeddings: [vocabulary, embedding]. */
  table: Tensor
  /** [vocabulary]; absent in a head without the transform. */
  bias?: Tensor
}

/** Paths and shapes of the transform and the bias. */
export function languageHeadShapes({ hidden, vocabulary, embedding = hidden }: TransformerConfig): [string, number[]][] {
  return [
    ['heads.mlm.transform.weight', [hidden, embedding]],
    ['heads.mlm.transform.bias', [embedding]],
    ['heads.mlm.norm.weight', [embedding]],
    ['heads.mlm.norm.bias', [embedding]],
    ['heads.mlm.bias', [vocabulary]],
  ]
}

/** The head over rows of hidden states [rows, hidden]. Without the transform it is the plain tied table. */
export function languageHead(scope: Scope, config: TransformerConfig, rows: Tensor, transform: boolean): LanguageHead {
  const { hidden, vocabulary, embedding = hidden } = config
  const table = scope.parameter('embeddings.token.weight', [vocabulary, embedding])
  if (!transform) return { rows, table }
  const dense = activations[config.activation](linear(scope, 'heads.mlm.transform', rows, hidden, embedding))
  const normed = layerNorm(scope, 'heads.mlm.norm', dense, embedding, config.normEpsilon)
  return { rows: normed, table, bias: scope.parameter('heads.mlm.bias', [vocabulary]) }
}

/** The cross-entropy of a head against target ids, i32 [rows]. */
export const languageHeadLoss = ({ rows, table, bias }: LanguageHead, targets: Tensor, ignore: number) =>
  ops.linearCrossEntropy(rows, table, targets, { ignore, ...(bias ? { bias } : {}) })
