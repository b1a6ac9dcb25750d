// ELECTRA's discriminator as Hugging Face stores it (Clark et al. 2020): a BERT without a pooler, whose embeddings may be narrower than its layers.
import type { TransformerConfig } from '../models/config.js'
import { encoderRules, fromBertConfig, linear, toBertConfig } from './bert.js'
import { type Json, numberField } from './fields.js'
import type { NameTable } from './names.js'

export const electraNames: NameTable = {
  prefix: 'electra.',
  rules: [
    ...encoderRules,
    ...linear('embeddings.project', 'embeddings_project'),
    ...linear('heads.replaced.dense', 'discriminator_predictions.dense', true),
    ...linear('heads.replaced.output', 'discriminator_predictions.dense_prediction', true),
    ...linear('heads.sequence.dense', 'classifier.dense', true),
    ...linear('heads.sequence.output', 'classifier.out_proj', true),
  ],
  ignored: ['embeddings.position_ids', 'embeddings.token_type_ids'],
  tied: [],
}

/** config.json of an ELECTRA to ours; absent keys have transformers' defaults (those of the small model). */
export function fromElectraConfig(raw: Json, where: string): TransformerConfig {
  const defaults = { hidden_size: 256, num_attention_heads: 4, intermediate_size: 1024 }
  const config = fromBertConfig({ ...defaults, ...raw }, false, where)
  const embedding = numberField(raw, 'embedding_size', where, 128)
  return embedding === config.hidden ? config : { ...config, embedding }
}

export const toElectraConfig = (config: TransformerConfig, heads: ReadonlySet<string>): Record<string, unknown> => ({
  ...toBertConfig(config, new Set()),
  architectures: [
    heads.has('sequence') ? 'ElectraForSequenceClassification' : heads.has('classification') ? 'ElectraModel' : 'ElectraForPreTraining',
  ],
  model_type: 'electra',
  embedding_size: config.embedding ?? config.hidden,
})
