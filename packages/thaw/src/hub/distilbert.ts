// DistilBERT as Hugging Face stores it (Sanh et al. 2019): a BERT without segments and pooler, under other names.
import { type TransformerConfig, validateConfig } from '../models/config.js'
import { linear, norm } from './bert.js'
import { activationField, activationName, type Json, numberField } from './fields.js'
import type { NameTable } from './names.js'

const layer = 'transformer.layer.#'

export const distilbertNames: NameTable = {
  prefix: 'distilbert.',
  rules: [
    { ours: 'embeddings.token.weight', theirs: 'embeddings.word_embeddings.weight' },
    { ours: 'embeddings.position.weight', theirs: 'embeddings.position_embeddings.weight' },
    ...norm('embeddings.norm', 'embeddings.LayerNorm'),
    ...linear('layers.#.attention.query', `${layer}.attention.q_lin`),
    ...linear('layers.#.attention.key', `${layer}.attention.k_lin`),
    ...linear('layers.#.attention.value', `${layer}.attention.v_lin`),
    ...linear('layers.#.attention.output', `${layer}.attention.out_lin`),
    ...norm('layers.#.attention.norm', `${layer}.sa_layer_norm`),
    ...linear('layers.#.feedforward.up', `${layer}.ffn.lin1`),
    ...linear('layers.#.feedforward.down', `${layer}.ffn.lin2`),
    ...norm('layers.#.feedforward.norm', `${layer}.output_layer_norm`),
    ...linear('heads.mlm.transform', 'vocab_transform', true),
    ...norm('heads.mlm.norm', 'vocab_layer_norm', true),
    { ours: 'heads.mlm.bias', theirs: 'vocab_projector.bias', outside: true },
    ...linear('heads.sequence.dense', 'pre_classifier', true),
    ...linear('heads.sequence.output', 'classifier', true),
  ],
  ignored: ['embeddings.position_ids'],
  tied: ['vocab_projector.weight'],
}

/** config.json of a DistilBERT to ours; absent keys have transformers' defaults. */
export function fromDistilbertConfig(raw: Json, where: string): TransformerConfig {
  return validateConfig(
    {
      vocabulary: numberField(raw, 'vocab_size', where, 30522),
      hidden: numberField(raw, 'dim', where, 768),
      layers: numberField(raw, 'n_layers', where, 6),
      heads: numberField(raw, 'n_heads', where, 12),
      inner: numberField(raw, 'hidden_dim', where, 3072),
      positions: numberField(raw, 'max_position_embeddings', where, 512),
      block: 'post',
      causal: false,
      positionKind: 'learned',
      activation: activationField(raw, 'activation', where, 'gelu'),
      dropout: numberField(raw, 'dropout', where, 0.1),
      normEpsilon: 1e-12,
      segments: 0,
      pooler: false,
    },
    where,
  )
}

export function toDistilbertConfig(config: TransformerConfig, heads: ReadonlySet<string>): Record<string, unknown> {
  return {
    architectures: [heads.has('sequence') ? 'DistilBertForSequenceClassification' : heads.has('mlm') ? 'DistilBertForMaskedLM' : 'DistilBertModel'],
    model_type: 'distilbert',
    vocab_size: config.vocabulary,
    dim: config.hidden,
    n_layers: config.layers,
    n_heads: config.heads,
    hidden_dim: config.inner,
    max_position_embeddings: config.positions,
    activation: activationName(config.activation),
    dropout: config.dropout,
    attention_dropout: config.dropout,
    seq_classif_dropout: config.dropout,
    sinusoidal_pos_embds: false,
    tie_word_embeddings: true,
  }
}
