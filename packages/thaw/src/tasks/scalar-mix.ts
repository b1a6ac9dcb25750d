// A frozen encoder's layers, mixed: γ Σ softmax(w)_l · layer_l, then a linear head (ELMo: Peters et al. 2018, equation 1). Pooling over tokens and
// mixing over layers are both linear, so a text is represented by each layer's mean once and for all, and training touches the head only.

import { dim, input, ops, type Tensor } from '@thaw/tensor'
import type { TransformerConfig } from '../models/config.js'
import { transformer } from '../models/transformer.js'
import { dropout, linear, standardised } from '../nn/layers.js'
import type { Scope } from '../nn/scope.js'
import type { ClassifierInputs } from './classification.js'
import { pool } from './pooling.js'

/** Each layer's mean over the visible tokens: [batch, layers + 1, hidden]. */
export function layerMeans(scope: Scope, config: TransformerConfig, inputs: ClassifierInputs): Tensor {
  const { layers } = transformer(scope, config, inputs)
  return ops.stack(
    layers.map((layer) => pool('mean', layer, inputs.visible)),
    1,
  )
}

/** Logits from layer means fed as `means` [batch, layers + 1, hidden]. Trained: heads.mix.{weights,scale}, heads.classification. */
export function mixedLogits(scope: Scope, config: TransformerConfig, labels: number, rate: number): Tensor {
  const means = input('means', [dim('batch'), config.layers + 1, config.hidden])
  return mixHead(scope, config, means, labels, rate)
}

/** The head over layer means. Each layer is normalised first, as ELMo does where layers differ in scale. */
export function mixHead(scope: Scope, config: TransformerConfig, means: Tensor, labels: number, rate: number): Tensor {
  const count = config.layers + 1
  const weights = ops.softmax(scope.parameter('heads.mix.weights', [count]))
  const mixed = ops.matmul(ops.reshape(weights, [1, 1, count]), standardised(means, 1e-5)) // [batch, 1, hidden]
  const rows = ops.mul(ops.reshape(mixed, [means.shape[0]!, config.hidden]), scope.parameter('heads.mix.scale', [1]))
  return linear(scope, 'heads.classification', dropout(scope, 'heads.classification.dropout', rows, rate), config.hidden, labels)
}
