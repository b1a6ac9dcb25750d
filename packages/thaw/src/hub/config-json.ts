// config.json of a checkpoint, both ways: transformers' keys where transformers knows the model, our own under `thaw`.
import { type TransformerConfig, validateConfig } from '../models/config.js'
import { fromBertConfig, toBertConfig } from './bert.js'
import { fromDistilbertConfig, toDistilbertConfig } from './distilbert.js'
import { fromElectraConfig, toElectraConfig } from './electra.js'
import { asObject, field, type Json } from './fields.js'
import { fromGpt2Config, toGpt2Config } from './gpt2.js'
import { type Layout, layoutOf } from './names.js'
import { fromRobertaConfig } from './roberta.js'

export interface CheckpointConfig {
  model: TransformerConfig
  /** The classes of a classification head, in the order of its outputs. */
  labels?: string[]
  /** Each class by itself, by a sigmoid: a text may have several, or none (transformers' `problem_type`). */
  multiLabel?: boolean
  /** Special tokens' ids, as transformers wants them in config.json. */
  tokens?: { pad?: number; bos?: number; eos?: number }
  /** Whatever Hugging Face has no key for: pooling, recipe, task, … as JSON. The key `config` is taken. */
  thaw?: Record<string, unknown>
}

/** transformers' name of a problem whose classes each have a sigmoid; without it their pipelines take a softmax over all. */
export const severalLabels = 'multi_label_classification'

/** Parses config.json. `names` are the checkpoint's tensors: only they tell whether a BERT has a pooler. */
export function parseConfig(text: string, names: ReadonlySet<string>, where: string): { config: CheckpointConfig; layout: Layout; raw: Json } {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new Error(`${where}: not JSON (${(error as Error).message}). Download or save it again.`, { cause: error })
  }
  const raw = asObject(parsed, where)
  const own = field(raw, 'thaw') === undefined ? {} : { ...asObject(field(raw, 'thaw'), `${where}: thaw`) }
  const { layout, model } = backbone(raw, own, names, where)
  delete own.config
  const config: CheckpointConfig = { model }
  const labels = readLabels(raw, where)
  if (labels) config.labels = labels
  if (field(raw, 'problem_type') === severalLabels) config.multiLabel = true
  const tokens = readTokens(raw)
  if (Object.keys(tokens).length) config.tokens = tokens
  if (Object.keys(own).length) config.thaw = own
  return { config, layout, raw }
}

function backbone(raw: Json, own: Json, names: ReadonlySet<string>, where: string): { layout: Layout; model: TransformerConfig } {
  const kind = field(raw, 'model_type')
  if (kind === 'gpt2') return { layout: 'gpt2', model: fromGpt2Config(raw, where) }
  const pooler = [...names].some((name) => /^(\w+\.)?pooler\.dense\.weight$/.test(name))
  if (kind === 'bert') return { layout: 'bert', model: fromBertConfig(raw, pooler, where) }
  if (kind === 'roberta' || kind === 'xlm-roberta') return { layout: 'roberta', model: fromRobertaConfig(raw, pooler, where) }
  if (kind === 'distilbert') return { layout: 'distilbert', model: fromDistilbertConfig(raw, where) }
  if (kind === 'electra') return { layout: 'electra', model: fromElectraConfig(raw, where) }
  if (kind === 'thaw') return { layout: 'thaw', model: validateConfig(field(own, 'config'), `${where}: thaw.config`) }
  const got = kind === undefined ? 'missing' : JSON.stringify(kind)
  throw new Error(
    `${where}: model_type is ${got}; the kinds that can be loaded are gpt2, bert, roberta, xlm-roberta, distilbert, electra and thaw. Choose a checkpoint of one of these.`,
  )
}

/** config.json for a checkpoint whose heads have these names, as text. */
export function formatConfig(config: CheckpointConfig, heads: ReadonlySet<string>): string {
  const model = validateConfig(config.model)
  const layout = layoutOf(model)
  const theirs = transformersConfig(layout, model, heads)
  if (config.thaw && Object.hasOwn(config.thaw, 'config')) throw new Error("config.thaw: the key 'config' is taken by the backbone's; rename it")
  const own = { ...(layout === 'thaw' && { config: model }), ...config.thaw }
  for (const name of ['pad', 'bos', 'eos'] as const) {
    const id = config.tokens?.[name]
    if (id === undefined) continue
    if (!Number.isSafeInteger(id) || id < 0 || id >= model.vocabulary) {
      throw new Error(`config.tokens.${name}: ${id} is no row of a vocabulary of ${model.vocabulary}; give an id from 0 to ${model.vocabulary - 1}`)
    }
    Object.assign(theirs, { [`${name}_token_id`]: id })
  }
  if (config.labels) Object.assign(theirs, writeLabels(config.labels), config.multiLabel ? { problem_type: severalLabels } : {})
  return `${JSON.stringify({ ...theirs, ...(Object.keys(own).length && { thaw: own }) }, null, 2)}\n`
}

function transformersConfig(layout: Layout, model: TransformerConfig, heads: ReadonlySet<string>): Record<string, unknown> {
  if (layout === 'gpt2') return toGpt2Config(model, heads)
  if (layout === 'bert') return toBertConfig(model, heads)
  if (layout === 'distilbert') return toDistilbertConfig(model, heads)
  if (layout === 'electra') return toElectraConfig(model, heads)
  return { model_type: 'thaw', vocab_size: model.vocabulary }
}

function writeLabels(labels: readonly string[]): Record<string, unknown> {
  const repeated = labels.find((label, i) => labels.indexOf(label) !== i)
  if (repeated !== undefined) throw new Error(`config.labels: '${repeated}' is there twice; labels must be distinct`)
  return { id2label: Object.fromEntries(labels.entries()), label2id: Object.fromEntries(labels.map((label, i) => [label, i])) }
}

function readLabels(raw: Json, where: string): string[] | undefined {
  const given = field(raw, 'id2label')
  if (given === undefined) return undefined
  const byId = asObject(given, `${where}: id2label`)
  return Object.keys(byId).map((_, id) => {
    const label = field(byId, String(id))
    if (typeof label !== 'string') {
      throw new Error(`${where}: id2label has ${Object.keys(byId).length} entries but no text under '${id}'; ids must run from 0 without gaps`)
    }
    return label
  })
}

function readTokens(raw: Json): { pad?: number; bos?: number; eos?: number } {
  const tokens: { pad?: number; bos?: number; eos?: number } = {}
  for (const name of ['pad', 'bos', 'eos'] as const) {
    const id = field(raw, `${name}_token_id`)
    if (typeof id === 'number') tokens[name] = id
  }
  return tokens
}
