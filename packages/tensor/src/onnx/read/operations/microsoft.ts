// The operations of ONNX Runtime's own domain that are simple chains of others: what its optimizer leaves in a file, and the product that our
// training programs use. Its fused attention and embedding layers are not read: take the file from before the optimization.

import * as ops from '../../../graph/ops/index.js'
import { constant, type Tensor } from '../../../graph/tensor.js'
import type { Call, Importer } from '../call.js'
import { fusedMatMul } from './products.js'

const biased = (call: Call): Tensor => (call.has(1) ? ops.add(call.tensor(0), call.tensor(1)) : call.tensor(0))

/** Layer norm of x + skip (+ bias); the sum is the fourth output. */
const skipLayerNormalization: Importer = (call) => {
  const sum = ops.add(call.tensor(0), call.tensor(1))
  const all = call.has(4) ? ops.add(sum, call.tensor(4)) : sum
  const width = all.shape.at(-1) as number
  const bias = call.has(3) ? call.tensor(3) : constant(new Float32Array(width), [width])
  const y = ops.layerNorm(all, call.tensor(2), bias, call.float('epsilon', 1e-12))
  if (call.node.outputs[1] || call.node.outputs[2]) call.refuse('its mean and deviation are not read')
  return [y, y, y, all]
}

export const microsoft: Readonly<Record<string, Importer>> = {
  FusedMatMul: fusedMatMul,
  Gelu: (call) => ops.gelu(call.tensor(0)),
  BiasGelu: (call) => ops.gelu(biased(call)),
  FastGelu: (call) => ops.geluTanh(biased(call)),
  QuickGelu: (call) => ops.mul(call.tensor(0), ops.sigmoid(ops.mul(call.tensor(0), call.float('alpha', 1.702)))),
  SkipLayerNormalization: skipLayerNormalization,
}
