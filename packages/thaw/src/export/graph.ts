// A model as other programs feed it: ids and an attention mask, padded on whichever side they like. What our own batches bring along (positions, the
// [CLF] token at the end) the graph finds out by itself, so that any tokenizer that knows the vocabulary will do.

import { constant, type Dim, dim, input, ops, type Tensor } from '@thaw/tensor'
import { scopeOptionsOf } from '../adapt/network.js'
import type { TransformerConfig } from '../models/config.js'
import { transformer } from '../models/transformer.js'
import { linear } from '../nn/layers.js'
import { Scope } from '../nn/scope.js'
import { type ClassifierInputs, classifierLogits } from '../tasks/classification.js'
import { comparison, unit } from '../tasks/form.js'
import { choiceLogits } from '../tasks/multiple-choice.js'
import { lastVisible, pool } from '../tasks/pooling.js'
import { regressionOutputs, regressionValues } from '../tasks/regression.js'
import { layerMeans, mixHead } from '../tasks/scalar-mix.js'
import { hasLabels } from '../tasks/task.js'
import { type ModelDetails, taskOf } from './source.js'

type Outputs = Record<string, Tensor>

/** The graphs of a model's files: of the model, and of a head that reads what two runs of the model give out. */
export interface DeployedGraphs {
  model: Outputs
  head?: Outputs
}

/**
 * What a model computes from `input_ids` and `attention_mask` [batch, time] ([batch, choices, time] for multiple choice), and `token_type_ids` where it was
 * trained on pairs with them:
 *
 * - labels: `logits` [batch, labels];
 * - a number: `logits` [batch, 1], which is the number itself in the labels' own units;
 * - multiple choice: `logits` [batch, choices], for any number of choices;
 * - two towers, one text at a time: `last_hidden_state` [batch, time, hidden] and `sentence_embedding` [batch, hidden], of length 1 where the cosine compares
 *   them. Where a head does, it is a graph of its own: `logits` [batch, labels] from two embeddings `u` and `v`.
 *
 * `clf` is the id of the [CLF] token, for the pooling of that name.
 */
export function deployedGraphs(config: TransformerConfig, details: ModelDetails, clf: number | undefined): DeployedGraphs {
  const task = taskOf(details)
  const { pooling, recipe } = details
  const several = task.kind === 'multiple-choice'
  const inputs = fed([dim('batch'), ...(several ? [dim('choices')] : []), dim('time')], details.segments === true, clf)
  const scope = new Scope(scopeOptionsOf(recipe, config))
  const read = () => pool(pooling, transformer(scope, config, inputs).hidden, inputs.visible, { anySide: true })
  if (several) return { model: { logits: choiceLogits(scope, config, read(), { choices: dim('choices') }, 0) } }
  if (task.form === 'two-tower') {
    const towers = towerOutputs(scope, config, inputs, details, clf)
    if (!hasLabels(task)) return { model: { ...towers, sentence_embedding: unit(towers.sentence_embedding) } }
    return { model: towers, head: { logits: pairLogits(scope, config, task.labels.length) } }
  }
  if (!hasLabels(task)) return { model: { logits: regressionValues(regressionOutputs(scope, config, read(), task, 0), task) } }
  const labels = task.labels.length
  const logits =
    'mix' in details && details.mix
      ? mixHead(scope, config, layerMeans(scope, config, inputs), labels, 0)
      : classifierLogits(scope, config, inputs, { labels, pooling, dropout: 0, anySide: true })
  return { model: { logits } }
}

/** Inputs as they are fed, as rows [batch, time] or [batch·choices, time], with what follows from them. */
function fed(shape: readonly Dim[], segments: boolean, clf: number | undefined): ClassifierInputs {
  const given = (name: string) => ops.reshape(input(name, [...shape], 'i32'), [-1, dim('time')])
  const plain: Fed = { ids: given('input_ids'), mask: given('attention_mask'), ...(segments ? { segments: given('token_type_ids') } : {}) }
  const { mask, ...rest } = clf === undefined ? plain : withToken(plain, clf)
  return {
    ...rest,
    visible: ops.greater(mask, constant(0, [], 'i32')),
    positions: ops.maximum(ops.sub(ops.cumulativeSum(mask, 1), constant(1, [], 'i32')), constant(0, [], 'i32')),
  }
}

interface Fed {
  ids: Tensor
  mask: Tensor
  segments?: Tensor
}

/** A token behind each text's last, of the same segment, in a column more: [batch, time + 1]. */
function withToken({ ids, mask, segments }: Fed, token: number): Fed {
  const wide = (x: Tensor) => ops.pad(x, 1, 0, 1)
  const one = constant(1, [], 'i32')
  const behind = ops.add(lastVisible(ops.greater(mask, constant(0, [], 'i32'))), one) // [batch, 1]
  const here = ops.equal(ops.unsqueeze(ops.range(wide(ids).shape[1]!), 0), behind)
  const placed = (value: Tensor, x: Tensor) => ops.where(here, value, wide(x))
  return {
    ids: placed(constant(token, [], 'i32'), ids),
    mask: placed(one, mask),
    // segments are counted upwards, so that the last token's is the largest
    ...(segments ? { segments: placed(ops.max(ops.mul(segments, mask), 1, true), segments) } : {}),
  }
}

/** One tower: hidden states of the tokens that were given, without our own [CLF], and the vector of the text. */
function towerOutputs(
  scope: Scope,
  config: TransformerConfig,
  inputs: ClassifierInputs,
  { task, pooling }: ModelDetails,
  clf: number | undefined,
): { last_hidden_state: Tensor; sentence_embedding: Tensor } {
  const { hidden } = transformer(scope, config, inputs)
  const pooled = pool(pooling, hidden, inputs.visible, { anySide: true })
  const states = ops.reshape(hidden, [...inputs.ids.shape, config.hidden])
  return {
    last_hidden_state: clf === undefined ? states : ops.slice(states, 1, 0, -1),
    sentence_embedding: task === 'regression' ? pooled : scope.site('heads.classification.input', pooled),
  }
}

/** The head over two towers, fed with their vectors. */
function pairLogits(scope: Scope, config: TransformerConfig, labels: number): Tensor {
  const [u, v] = ['u', 'v'].map((name) => input(name, [dim('batch'), config.hidden], 'f32')) as [Tensor, Tensor]
  return linear(scope, 'heads.pair', comparison(u, v), 3 * config.hidden, labels)
}
