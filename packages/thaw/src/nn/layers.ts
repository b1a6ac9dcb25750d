// Layers: functions of a scope, a path and activations. Activations are rows [batch·time, hidden] throughout, because a product over all rows
// at once is what the hardware does best.

import { ops, type Tensor } from '@thaw/tensor'
import type { Scope } from './scope.js'

/** x · weight + bias. x [rows, in] → [rows, out]. */
export function linear(scope: Scope, path: string, x: Tensor, inputs: number, outputs: number): Tensor {
  const weight = scope.parameter(`${path}.weight`, [inputs, outputs])
  return scope.site(path, ops.linear(x, weight, scope.parameter(`${path}.bias`, [outputs])))
}

/** Layer normalisation with gain (`weight`) and bias. */
export function layerNorm(scope: Scope, path: string, x: Tensor, size: number, epsilon: number): Tensor {
  return scope.site(path, ops.layerNorm(x, scope.parameter(`${path}.weight`, [size]), scope.parameter(`${path}.bias`, [size]), epsilon))
}

/** Each row with mean 0 and variance 1 over its last axis: layer normalisation without gain and bias. */
export function standardised(x: Tensor, epsilon: number): Tensor {
  const centred = ops.sub(x, ops.mean(x, -1, true))
  return ops.div(centred, ops.sqrt(ops.add(ops.mean(ops.square(centred), -1, true), epsilon)))
}

/** Dropout in training; nothing otherwise. */
export const dropout = (scope: Scope, path: string, x: Tensor, rate: number): Tensor => (scope.training ? ops.dropout(x, rate, scope.name(path)) : x)

export const activations = { gelu: ops.gelu, 'gelu-tanh': ops.geluTanh, relu: ops.relu } as const
