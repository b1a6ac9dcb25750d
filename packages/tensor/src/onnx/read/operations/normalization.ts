// Normalisation and softmax.

import * as ops from '../../../graph/ops/index.js'
import { constant, type Tensor } from '../../../graph/tensor.js'
import type { Call, Importer } from '../call.js'

const filled = (size: number, value: number) => constant(new Float32Array(size).fill(value), [size])

/** The width of the last axis. @throws where the node normalises over others, or the size is not fixed. */
function width(call: Call, x: Tensor): number {
  const size = x.shape.at(-1)
  if (call.axis('axis', -1, x.rank) !== x.rank - 1) call.refuse('only the last axis is read')
  return typeof size === 'number' ? size : call.refuse(`the last axis of ${call.describe(0)} has no fixed size`)
}

const layerNormalization: Importer = (call) => {
  const x = call.tensor(0)
  const size = width(call, x)
  const bias = call.has(2) ? ops.reshape(call.tensor(2), [size]) : filled(size, 0)
  // with the rows' means and inverse deviations, as ONNX has them too
  return ops.layerNorm(x, ops.reshape(call.tensor(1), [size]), bias, call.float('epsilon', 1e-5)).node.outputs
}

/** RMSNormalization of opset 23, and what ONNX Runtime called SimplifiedLayerNormalization before. */
const rmsNormalization: Importer = (call) => {
  const x = call.tensor(0)
  return ops.rmsNorm(x, ops.reshape(call.tensor(1), [width(call, x)]), call.float('epsilon', 1e-5))
}

/** Until opset 13 softmax took all axes from `axis` on as one. */
const softmax =
  (apply: (x: Tensor, axis: number) => Tensor): Importer =>
  (call) => {
    const x = call.tensor(0)
    const axis = call.axis('axis', call.opset < 13 ? 1 : -1, x.rank)
    if (call.opset >= 13 || axis === x.rank - 1) return apply(x, axis)
    const flat = ops.reshape(x, call.flattened(x.shape))
    return ops.reshape(apply(flat, 1), x.shape)
  }

export const normalization: Readonly<Record<string, Importer>> = {
  LayerNormalization: layerNormalization,
  RMSNormalization: rmsNormalization,
  SimplifiedLayerNormalization: rmsNormalization,
  Softmax: softmax(ops.softmax),
  LogSoftmax: softmax(ops.logSoftmax),
}
