// RoBERTa and XLM-RoBERTa as Hugging Face stores them (Liu et al. 2019; Conneau et al. 2020): BERT's names, and a position table whose first two rows
// belong to no position: counting starts at 2. Without these rows it is a BERT, and is saved as one.
import { type TransformerConfig, validateConfig } from '../models/config.js'
import { encoderRules, fromBertConfig, linear, norm } from './bert.js'
import { field, type Json, numberField, refuse } from './fields.js'
import type { NameTable } from './names.js'

/** Rows of the position table before that of the first position: the padding id, 1, and one more. */
export const offset = 2

export const robertaNames: NameTable = {
  prefix: 'roberta.',
  rules: [
    ...encoderRules.map((rule) => (rule.ours === 'embeddings.position.weight' ? { ...rule, skipRows: offset } : rule)),
    ...linear('pooler', 'pooler.dense'),
    ...linear('heads.mlm.transform', 'lm_head.dense', true),
    ...norm('heads.mlm.norm', 'lm_head.layer_norm', true),
    { ours: 'heads.mlm.bias', theirs: 'lm_head.bias', outside: true },
  ],
  ignored: ['embeddings.position_ids', 'embeddings.token_type_ids'],
  tied: ['lm_head.decoder.weight', 'lm_head.decoder.bias'],
}

/** config.json of a RoBERTa to ours. */
export function fromRobertaConfig(raw: Json, pooler: boolean, where: string): TransformerConfig {
  refuse(raw, 'pad_token_id', [offset - 1], where)
  const config = fromBertConfig({ type_vocab_size: 1, vocab_size: 50265, ...raw }, pooler, where)
  const rows = numberField(raw, 'max_position_embeddings', where, 514)
  if (rows <= offset) throw new Error(`${where}: max_position_embeddings is ${rows}; a RoBERTa has ${offset} rows before its first position`)
  return validateConfig({ ...config, positions: rows - offset, ...(field(raw, 'layer_norm_eps') === undefined ? { normEpsilon: 1e-12 } : {}) }, where)
}
