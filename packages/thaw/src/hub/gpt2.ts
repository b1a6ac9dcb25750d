// GPT-2 as Hugging Face stores it: names, layouts and config.json (transformers, models/gpt2).
// Its Conv1D weights are [in, out] like ours; query, key and value share one matrix [hidden, 3 · hidden]; the LM head is tied.
import { type TransformerConfig, validateConfig } from '../models/config.js'
import { activationField, activationName, type Json, numberField, refuse } from './fields.js'
import type { NameTable } from './names.js'

const attention = ['query', 'key', 'value'] as const

/** `#` stands for the number of the layer. `score.weight` is torch's Linear, without a bias. */
export const gpt2Names: NameTable = {
  prefix: 'transformer.',
  rules: [
    { ours: 'embeddings.token.weight', theirs: 'wte.weight' },
    { ours: 'embeddings.position.weight', theirs: 'wpe.weight' },
    ...['weight', 'bias'].flatMap((kind) => [
      ...attention.map((part, index) => ({ ours: `layers.#.attention.${part}.${kind}`, theirs: `h.#.attn.c_attn.${kind}`, part: index, parts: 3 })),
      { ours: `layers.#.attention.output.${kind}`, theirs: `h.#.attn.c_proj.${kind}` },
      { ours: `layers.#.attention.norm.${kind}`, theirs: `h.#.ln_1.${kind}` },
      { ours: `layers.#.feedforward.up.${kind}`, theirs: `h.#.mlp.c_fc.${kind}` },
      { ours: `layers.#.feedforward.down.${kind}`, theirs: `h.#.mlp.c_proj.${kind}` },
      { ours: `layers.#.feedforward.norm.${kind}`, theirs: `h.#.ln_2.${kind}` },
      { ours: `norm.${kind}`, theirs: `ln_f.${kind}` },
    ]),
    { ours: 'heads.sequence.output.weight', theirs: 'score.weight', transpose: true, outside: true },
  ],
  ignored: ['h.#.attn.bias', 'h.#.attn.masked_bias'],
  tied: ['lm_head.weight'],
}

/** config.json of a GPT-2 to ours; absent keys have transformers' defaults. */
export function fromGpt2Config(raw: Json, where: string): TransformerConfig {
  refuse(raw, 'scale_attn_weights', [true], where)
  refuse(raw, 'scale_attn_by_inverse_layer_idx', [false], where)
  refuse(raw, 'add_cross_attention', [false], where)
  const hidden = numberField(raw, 'n_embd', where, 768)
  return validateConfig(
    {
      vocabulary: numberField(raw, 'vocab_size', where, 50257),
      hidden,
      layers: numberField(raw, 'n_layer', where, 12),
      heads: numberField(raw, 'n_head', where, 12),
      inner: numberField(raw, 'n_inner', where, 4 * hidden),
      positions: numberField(raw, 'n_positions', where, 1024),
      block: 'pre',
      causal: true,
      positionKind: 'learned',
      activation: activationField(raw, 'activation_function', where, 'gelu_new'),
      dropout: numberField(raw, 'resid_pdrop', where, 0.1),
      normEpsilon: numberField(raw, 'layer_norm_epsilon', where, 1e-5),
      segments: 0,
      pooler: false,
    },
    where,
  )
}

export function toGpt2Config(config: TransformerConfig, heads: ReadonlySet<string>): Record<string, unknown> {
  return {
    architectures: [heads.has('sequence') ? 'GPT2ForSequenceClassification' : heads.has('classification') ? 'GPT2Model' : 'GPT2LMHeadModel'],
    model_type: 'gpt2',
    vocab_size: config.vocabulary,
    n_embd: config.hidden,
    n_layer: config.layers,
    n_head: config.heads,
    n_inner: config.inner,
    n_positions: config.positions,
    n_ctx: config.positions,
    activation_function: activationName(config.activation),
    resid_pdrop: config.dropout,
    embd_pdrop: config.dropout,
    attn_pdrop: config.dropout,
    layer_norm_epsilon: config.normEpsilon,
    tie_word_embeddings: true,
    // transformers would otherwise assume GPT-2's own 50256, beyond a smaller vocabulary.
    bos_token_id: null,
    eos_token_id: null,
  }
}
