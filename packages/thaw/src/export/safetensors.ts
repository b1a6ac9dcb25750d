// A checkpoint for Python's transformers: safetensors under its names, with the class that gives the same logits where there is one.

import { mergeAdapters } from '../adapt/adapter/index.js'
import type { NamedValues } from '../adapt/backbone.js'
import type { CheckpointToWrite } from '../hub/checkpoint.js'
import { layoutOf } from '../hub/names.js'
import { insertedPath, shapedForTransformers } from './heads.js'
import type { ExportSource } from './source.js'
import { exportedTokenizer } from './tokenizer.js'

export interface SafetensorsPlan {
  checkpoint: CheckpointToWrite
  /** transformers' class that gives the model's own results; undefined where there is none, and only the backbone can be used there. */
  className: string | undefined
  /** What the one who exports should know. */
  notes: string[]
}

/** What is written for a checkpoint. */
export function safetensorsPlan(source: ExportSource, dtype: 'F32' | 'F16'): SafetensorsPlan {
  const { config, classifier, clf, tokenizer, details, parameters } = merged(source)
  const task = details.thaw?.task
  if (!classifier && task === undefined) {
    const checkpoint = { config: details, parameters: named(parameters), tokenizer, dtype }
    return layoutOf(config) === 'thaw'
      ? {
          checkpoint,
          className: undefined,
          notes: ["transformers has no class for this backbone's shape: the weights are under Thaw's own paths (model_type thaw)"],
        }
      : { checkpoint, className: backboneClasses[layoutOf(config)], notes: [] }
  }
  const shaped = classifier ? shapedForTransformers(config, parameters, classifier, dtype) : { reason: noClassFor(String(task), parameters) }
  if (!classifier || 'reason' in shaped) {
    const checkpoint = { config: details, parameters: named(parameters), tokenizer, dtype }
    const backbone = layoutOf(config) === 'thaw' ? undefined : backboneClasses[layoutOf(config)]
    return {
      checkpoint,
      className: undefined,
      notes: [
        `the ${classifier ? 'classifier' : 'model'} as a whole cannot be loaded by transformers: ${'reason' in shaped ? shaped.reason : ''}`,
        backbone
          ? `transformers loads the backbone alone (${backbone})${headNote(parameters)}`
          : "model.safetensors has everything under Thaw's own paths (model_type thaw)",
      ],
    }
  }
  const labels = [...classifier.labels]
  const saved = exportedTokenizer(tokenizer, {
    maxLength: classifier.maxLength,
    segments: classifier.segments,
    ...(clf === undefined ? {} : { clf }),
  })
  const notes = saved.pad === undefined ? ['the tokenizer has no padding token: transformers can take one text at a time only'] : []
  return {
    checkpoint: {
      config: {
        model: shaped.config,
        labels,
        ...(classifier.task === 'multi-label' ? { multiLabel: true } : {}),
        ...(saved.pad === undefined ? {} : { tokens: { pad: saved.pad } }),
      },
      parameters: named(shaped.parameters),
      tokenizer: saved,
      dtype,
    },
    className: shaped.className,
    notes,
  }
}

/** Why no class of transformers computes what a model of another task than classification does. */
function noClassFor(task: string, parameters: ExportSource['parameters']): string {
  const inserted = insertedPath(parameters)
  return inserted === undefined
    ? `it is a model of ${task}, and no class of transformers has its head`
    : `transformers has no place for what the recipe put into the network (${inserted})`
}

/** Where the head is, as it is written. A comparison of two towers by their cosine has none. */
function headNote(parameters: ExportSource['parameters']): string {
  const [path, { shape } = { shape: [] }] =
    [...parameters].find(([path]) => /^heads\.(classification|pair|regression|choice)\.weight$/.test(path)) ?? []
  if (path === undefined) return '; there is no head beside it'
  return `; the head is in model.safetensors as ${path} [${shape.join(', ')}] and .bias`
}

const backboneClasses: Readonly<Record<string, string>> = {
  bert: 'BertModel',
  gpt2: 'GPT2Model',
  distilbert: 'DistilBertModel',
  electra: 'ElectraModel',
}

const named = (parameters: ReadonlyMap<string, NamedValues>) => [...parameters].map(([path, { shape, data }]) => ({ path, shape, data }))

/** The checkpoint with what can be merged into its weights (LoRA, IA³) merged. */
function merged(source: ExportSource): ExportSource {
  const mergeable = source.classifier?.recipe?.ingredients.some(({ name }) => name === 'lora' || name === 'ia3')
  return mergeable ? { ...source, ...mergeAdapters(source) } : source
}
