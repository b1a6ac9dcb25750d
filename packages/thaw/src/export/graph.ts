// A classifier as other programs feed it: ids and an attention mask, padded on whichever side they like, and logits. What our own batches bring along
// (positions, the [CLF] token at the end) the graph finds out by itself, so that any tokenizer that knows the vocabulary will do.

import { constant, dim, input, ops, type Tensor } from '@thaw/tensor'
import type { ClassifierDetails } from '../adapt/classifier.js'
import { scopeOptionsOf } from '../adapt/network.js'
import type { TransformerConfig } from '../models/config.js'
import { Scope } from '../nn/scope.js'
import { type ClassifierInputs, classifierLogits } from '../tasks/classification.js'
import { lastVisible } from '../tasks/pooling.js'
import { layerMeans, mixHead } from '../tasks/scalar-mix.js'

/**
 * Logits [batch, labels] from `input_ids` and `attention_mask` [batch, time], and `token_type_ids` where the classifier was trained on pairs with them. `clf` is
 * the id of the [CLF] token, for the pooling of that name.
 */
export function deployedGraph(config: TransformerConfig, details: ClassifierDetails, clf: number | undefined): Tensor {
  const { labels, pooling, mix, recipe, segments } = details
  const shape = [dim('batch'), dim('time')]
  const given = { ids: input('input_ids', shape, 'i32'), mask: input('attention_mask', shape, 'i32') }
  const { ids, mask } = clf === undefined ? given : withToken(given, clf)
  const inputs: ClassifierInputs = {
    ids,
    visible: ops.greater(mask, constant(0, [], 'i32')),
    positions: ops.maximum(ops.sub(ops.cumulativeSum(mask, 1), constant(1, [], 'i32')), constant(0, [], 'i32')),
    ...(segments ? { segments: input('token_type_ids', shape, 'i32') } : {}),
  }
  const scope = new Scope(scopeOptionsOf(recipe, config))
  return mix
    ? mixHead(scope, config, layerMeans(scope, config, inputs), labels.length, 0)
    : classifierLogits(scope, config, inputs, { labels: labels.length, pooling, dropout: 0, anySide: true })
}

/** A token behind each text's last, in a column more: [batch, time + 1]. */
function withToken({ ids, mask }: { ids: Tensor; mask: Tensor }, token: number): { ids: Tensor; mask: Tensor } {
  const [wideIds, wideMask] = [ops.pad(ids, 1, 0, 1), ops.pad(mask, 1, 0, 1)]
  const one = constant(1, [], 'i32')
  const behind = ops.add(lastVisible(ops.greater(mask, constant(0, [], 'i32'))), one) // [batch, 1]
  const here = ops.equal(ops.unsqueeze(ops.range(wideIds.shape[1]!), 0), behind)
  return { ids: ops.where(here, constant(token, [], 'i32'), wideIds), mask: ops.where(here, one, wideMask) }
}
