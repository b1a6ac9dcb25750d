// A classifier of ours as one of transformers' …ForSequenceClassification, where such a class computes the same logits. Our head is one linear layer on
// one hidden state; theirs put a layer of their own between the two (BERT: tanh, DistilBERT: ReLU, ELECTRA: GELU) or have no bias (GPT-2). A hidden
// state that comes out of a layer norm is bounded, |x_i| ≤ |gain_i|·√width + |bias_i|, so that each of these layers can be set to pass it on: tanh is
// the identity to f32's last digit on small numbers, ReLU and GELU on large ones. Poolings over tokens (mean, max, a mix of layers) have no class.

import type { NamedValues } from '../adapt/backbone.js'
import type { ClassifierDetails } from '../adapt/classifier.js'
import { type Layout, layoutOf } from '../hub/names.js'
import type { TransformerConfig } from '../models/config.js'
import { minimalNormSolution } from './least-squares.js'

export interface ShapedModel {
  config: TransformerConfig
  parameters: Map<string, NamedValues>
  /** transformers' class. */
  className: string
}

type Parameters = ReadonlyMap<string, NamedValues>

const classNames = {
  bert: 'BertForSequenceClassification',
  distilbert: 'DistilBertForSequenceClassification',
  electra: 'ElectraForSequenceClassification',
  gpt2: 'GPT2ForSequenceClassification',
} as const satisfies Partial<Record<Layout, string>>

/** Above this GELU is the identity in f32: 1 − Φ(6) = 1e-9. */
const geluIdentity = 6
/** Below this tanh is: x²/3 is under half of the type's last digit. */
const tanhIdentity = { F32: 2e-4, F16: 0.03 }

/**
 * The model in transformers' shape, or the reason why there is none. `parameters` are the backbone's and `heads.classification.{weight,bias}`;
 * updates of weights have been merged into them.
 */
export function shapedForTransformers(
  config: TransformerConfig,
  parameters: Parameters,
  details: ClassifierDetails,
  dtype: 'F32' | 'F16' = 'F32',
): ShapedModel | { reason: string } {
  const layout = layoutOf(config)
  if (layout === 'thaw' || layout === 'roberta') return { reason: "transformers has no class for this backbone's shape" }
  const inserted = insertedPath(parameters)
  if (inserted) return { reason: `transformers has no place for what the recipe put into the network (${inserted})` }
  if (details.form === 'two-tower')
    return { reason: 'the head compares two texts that are read apart (two towers), which no class of transformers does' }
  if (details.mix) return { reason: 'the head reads a mix of all layers, averaged over the tokens, which no class of transformers does' }
  const wanted = layout === 'gpt2' ? ['last', 'clf'] : ['first']
  if (!wanted.includes(details.pooling))
    return {
      reason: `the head reads the text by pooling ${details.pooling}; ${classNames[layout]} reads the ${layout === 'gpt2' ? 'last' : 'first'} token`,
    }
  const shaped = layout === 'gpt2' ? withoutBias(config, parameters) : throughLayer(layout, config, parameters, dtype)
  return 'reason' in shaped ? shaped : { ...shaped, className: classNames[layout] }
}

const knownPath = /^(embeddings|layers\.\d+\.(attention|feedforward)\.(query|key|value|output|norm|up|down)|norm|pooler|heads)\b/

/** The first parameter that no pretrained form has: of an adapter, say. */
export const insertedPath = (parameters: Parameters): string | undefined => [...parameters.keys()].find((path) => !knownPath.test(path))

const head = (parameters: Parameters, kind: 'weight' | 'bias'): NamedValues => parameters.get(`heads.classification.${kind}`)!

/** The backbone's parameters and others beside them. */
function beside(parameters: Parameters, others: Record<string, NamedValues>): Map<string, NamedValues> {
  const backbone = [...parameters].filter(([path]) => !path.startsWith('heads.') && !path.startsWith('pooler.'))
  return new Map([...backbone, ...Object.entries(others)])
}

/** A square layer that multiplies by `scale` and adds `shifts`. */
const passing = (size: number, scale: number, shifts: Float32Array): [NamedValues, NamedValues] => [
  { shape: [size, size], data: Float32Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? scale : 0)) },
  { shape: [size], data: shifts },
]

/** BERT, DistilBERT, ELECTRA: the layer between is set to pass the hidden state on. */
function throughLayer(
  layout: 'bert' | 'distilbert' | 'electra',
  config: TransformerConfig,
  parameters: Parameters,
  dtype: 'F32' | 'F16',
): Omit<ShapedModel, 'className'> {
  const [weight, bias] = [head(parameters, 'weight'), head(parameters, 'bias')]
  const [size, labels] = weight.shape as [number, number]
  const bounds = hiddenBounds(config, parameters)
  if (layout === 'bert') {
    // tanh(s·x)/s with a power of two, which costs no digits
    const scale = 2 ** Math.floor(Math.log2(tanhIdentity[dtype] / Math.max(...bounds)))
    const [poolerWeight, poolerBias] = passing(size, scale, new Float32Array(size))
    return {
      config: { ...config, pooler: true },
      parameters: beside(parameters, {
        'pooler.weight': poolerWeight,
        'pooler.bias': poolerBias,
        'heads.sequence.output.weight': { shape: weight.shape, data: weight.data.map((x) => x / scale) },
        'heads.sequence.output.bias': bias,
      }),
    }
  }
  // f(x + b) − b with b so large that f is the identity; the head's bias takes b back
  const shifts = Float32Array.from(bounds, (bound) => Math.ceil(bound) + (layout === 'electra' ? geluIdentity : 0))
  const [denseWeight, denseBias] = passing(size, 1, shifts)
  const taken = Float32Array.from(bias.data, (value, label) => {
    let sum = value
    for (let i = 0; i < size; i++) sum -= shifts[i]! * weight.data[i * labels + label]!
    return sum
  })
  return {
    config,
    parameters: beside(parameters, {
      'heads.sequence.dense.weight': denseWeight,
      'heads.sequence.dense.bias': denseBias,
      'heads.sequence.output.weight': weight,
      'heads.sequence.output.bias': { shape: bias.shape, data: taken },
    }),
  }
}

/** The largest |x_i| that the last layer norm can give out. */
function hiddenBounds(config: TransformerConfig, parameters: Parameters): Float32Array {
  const norm = `layers.${config.layers - 1}.feedforward.norm`
  const [gain, bias] = [parameters.get(`${norm}.weight`)!.data, parameters.get(`${norm}.bias`)!.data]
  return gain.map((g, i) => Math.abs(g) * Math.sqrt(config.hidden) + Math.abs(bias[i]!))
}

/** GPT-2: the head's bias c becomes a shift d of the final norm's bias, with Wᵀd = c. */
function withoutBias(config: TransformerConfig, parameters: Parameters): Omit<ShapedModel, 'className'> | { reason: string } {
  const [weight, bias] = [head(parameters, 'weight'), head(parameters, 'bias')]
  const norm = parameters.get('norm.bias')!
  const shift = minimalNormSolution(weight.data, weight.shape as [number, number], bias.data)
  if (!shift)
    return {
      reason:
        "GPT2ForSequenceClassification's head has no bias, and the final norm cannot take this one on (the head's columns depend on each other)",
    }
  return {
    config,
    parameters: beside(parameters, {
      'norm.bias': { shape: norm.shape, data: norm.data.map((x, i) => x + shift[i]!) },
      'heads.sequence.output.weight': weight,
    }),
  }
}
