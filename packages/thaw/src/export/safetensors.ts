// A checkpoint for Python's transformers: safetensors under its names, with the class that gives the same logits where there is one.

import { mergeAdapters } from '../adapt/adapter/index.js'
import type { NamedValues } from '../adapt/backbone.js'
import type { CheckpointToWrite } from '../hub/checkpoint.js'
import { layoutOf } from '../hub/names.js'
import { shapedForTransformers } from './heads.js'
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
  if (!classifier) {
    const checkpoint = { config: details, parameters: named(parameters), tokenizer, dtype }
    return layoutOf(config) === 'thaw'
      ? {
          checkpoint,
          className: undefined,
          notes: ["transformers has no class for this backbone's shape: the weights are under Thaw's own paths (model_type thaw)"],
        }
      : { checkpoint, className: backboneClasses[layoutOf(config)], notes: [] }
  }
  const labels = [...classifier.labels]
  const shaped = shapedForTransformers(config, parameters, classifier, dtype)
  if ('reason' in shaped) {
    const checkpoint = { config: details, parameters: named(parameters), tokenizer, dtype }
    const backbone = layoutOf(config) === 'thaw' ? undefined : backboneClasses[layoutOf(config)]
    return {
      checkpoint,
      className: undefined,
      notes: [
        `the classifier as a whole cannot be loaded by transformers: ${shaped.reason}`,
        backbone
          ? `transformers loads the backbone alone (${backbone}); the head is in model.safetensors as heads.classification.weight [width, labels] and .bias`
          : "model.safetensors has everything under Thaw's own paths (model_type thaw)",
      ],
    }
  }
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
