// Causal language modelling: every token is predicted from those before it (Bengio et al. 2003; GPT: Radford et al. 2018, equation 1).
// The head is tied to the token embedding (Press & Wolf 2017).

import { dim, input, ops, type Tensor } from '@thaw/tensor'
import type { TransformerConfig } from '../../models/config.js'
import { transformer } from '../../models/transformer.js'
import type { Scope } from '../../nn/scope.js'
import { ignored } from './objective.js'

export interface CausalGraph {
  /** The mean over counted targets, in nats. */
  loss: Tensor
  /** The sum over counted targets, and their number: for perplexities over several batches. */
  sum: Tensor
  count: Tensor
}

/** Feeds: ids and targets, i32 [batch, time]; a target of −100 does not count. */
export function causalGraph(scope: Scope, config: TransformerConfig): CausalGraph {
  const shape = [dim('batch'), dim('time')]
  const ids = input('ids', shape, 'i32')
  const targets = input('targets', shape, 'i32')
  const { hidden } = transformer(scope, config, { ids })
  const table = scope.parameter('embeddings.token.weight', [config.vocabulary, config.hidden])
  return ops.linearCrossEntropy(hidden, table, ops.reshape(targets, [-1]), { ignore: ignored })
}
