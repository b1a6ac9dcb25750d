// BERT as Hugging Face stores it: names, layouts and config.json (transformers, models/bert).
// Its weights are torch's Linear, [out, in], ours are [in, out]; the masked-LM head's table is tied to the token embedding.
import { type TransformerConfig, validateConfig } from '../models/config.js'
import { activationField, activationName, type Json, numberField, refuse } from './fields.js'
import type { NameTable, Rule } from './names.js'

export const linear = (ours: string, theirs: string, outside = false): Rule[] => [
  { ours: `${ours}.weight`, theirs: `${theirs}.weight`, transpose: true, outside },
  { ours: `${ours}.bias`, theirs: `${theirs}.bias`, outside },
]
export const norm = (ours: string, theirs: string, outside = false): Rule[] => [
  { ours: `${ours}.weight`, theirs: `${theirs}.weight`, outside },
  { ours: `${ours}.bias`, theirs: `${theirs}.bias`, outside },
]

/** The names that BERT shares with RoBERTa and ELECTRA; `#` stands for the number of the layer. */
export const encoderRules: readonly Rule[] = [
  { ours: 'embeddings.token.weight', theirs: 'embeddings.word_embeddings.weight' },
  { ours: 'embeddings.position.weight', theirs: 'embeddings.position_embeddings.weight' },
  { ours: 'embeddings.segment.weight', theirs: 'embeddings.token_type_embeddings.weight' },
  ...norm('embeddings.norm', 'embeddings.LayerNorm'),
  ...linear('layers.#.attention.query', 'encoder.layer.#.attention.self.query'),
  ...linear('layers.#.attention.key', 'encoder.layer.#.attention.self.key'),
  ...linear('layers.#.attention.value', 'encoder.layer.#.attention.self.value'),
  ...linear('layers.#.attention.output', 'encoder.layer.#.attention.output.dense'),
  ...norm('layers.#.attention.norm', 'encoder.layer.#.attention.output.LayerNorm'),
  ...linear('layers.#.feedforward.up', 'encoder.layer.#.intermediate.dense'),
  ...linear('layers.#.feedforward.down', 'encoder.layer.#.output.dense'),
  ...norm('layers.#.feedforward.norm', 'encoder.layer.#.output.LayerNorm'),
]

export const bertNames: NameTable = {
  prefix: 'bert.',
  rules: [
    ...encoderRules,
    ...linear('pooler', 'pooler.dense'),
    ...linear('heads.mlm.transform', 'cls.predictions.transform.dense', true),
    ...norm('heads.mlm.norm', 'cls.predictions.transform.LayerNorm', true),
    { ours: 'heads.mlm.bias', theirs: 'cls.predictions.bias', outside: true },
    ...linear('heads.nsp', 'cls.seq_relationship', true),
    ...linear('heads.sequence.output', 'classifier', true),
  ],
  ignored: ['embeddings.position_ids', 'embeddings.token_type_ids'],
  tied: ['cls.predictions.decoder.weight', 'cls.predictions.decoder.bias'],
}

/** config.json of a BERT to ours; absent keys have transformers' defaults. Whether there is a pooler, only the weights tell. */
export function fromBertConfig(raw: Json, pooler: boolean, where: string, more: Partial<TransformerConfig> = {}): TransformerConfig {
  refuse(raw, 'position_embedding_type', ['absolute'], where)
  refuse(raw, 'is_decoder', [false], where)
  refuse(raw, 'add_cross_attention', [false], where)
  return validateConfig(
    {
      vocabulary: numberField(raw, 'vocab_size', where, 30522),
      hidden: numberField(raw, 'hidden_size', where, 768),
      layers: numberField(raw, 'num_hidden_layers', where, 12),
      heads: numberField(raw, 'num_attention_heads', where, 12),
      inner: numberField(raw, 'intermediate_size', where, 3072),
      positions: numberField(raw, 'max_position_embeddings', where, 512),
      block: 'post',
      causal: false,
      positionKind: 'learned',
      activation: activationField(raw, 'hidden_act', where, 'gelu'),
      dropout: numberField(raw, 'hidden_dropout_prob', where, 0.1),
      normEpsilon: numberField(raw, 'layer_norm_eps', where, 1e-12),
      segments: numberField(raw, 'type_vocab_size', where, 2),
      pooler,
      ...more,
    },
    where,
  )
}

export function toBertConfig(config: TransformerConfig, heads: ReadonlySet<string>): Record<string, unknown> {
  // a head of ours (heads.classification) is none that transformers has: such a model is named as the plain encoder
  const kind = heads.has('sequence')
    ? 'BertForSequenceClassification'
    : heads.has('nsp')
      ? 'BertForPreTraining'
      : heads.has('mlm')
        ? 'BertForMaskedLM'
        : 'BertModel'
  return {
    architectures: [kind],
    model_type: 'bert',
    vocab_size: config.vocabulary,
    hidden_size: config.hidden,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    intermediate_size: config.inner,
    max_position_embeddings: config.positions,
    type_vocab_size: config.segments,
    hidden_act: activationName(config.activation),
    hidden_dropout_prob: config.dropout,
    attention_probs_dropout_prob: config.dropout,
    layer_norm_eps: config.normEpsilon,
    position_embedding_type: 'absolute',
    tie_word_embeddings: true,
  }
}
