// Layer normalisation (Ba, Kiros & Hinton 2016) and RMS normalisation (Zhang & Sennrich 2019) over the last axis.

import { expectOneType, expectType } from '../broadcast.js'
import { type Shape, sameDim, sizeOf } from '../dim.js'
import { throughDecomposition } from '../grad.js'
import { applyAll, describe, GraphError, type Operation, type Tensor } from '../tensor.js'
import { add, div, mul, rsqrt, sqrt, square, sub } from './elementwise.js'
import { columnSums, matmul } from './matmul.js'
import { mean } from './reduce.js'
import { reshape } from './shape.js'

const statistics = (shape: Shape): Shape => [...shape.slice(0, -1), 1]

const expectFit = (operation: string, t: Tensor, x: Tensor) => {
  if (t.rank !== 1 || x.rank === 0 || !sameDim(t.shape[0]!, x.shape.at(-1)!))
    throw new GraphError(`${operation}: ${describe(t)} does not fit the last axis of ${describe(x)}`)
}

/** Outputs: y, the rows' means, their inverse deviations. */
const layerNormOperation: Operation = {
  name: 'layer-norm',
  infer([x, gain, bias]) {
    expectType('layer-norm', x!, ['f32', 'f16', 'bf16'])
    for (const t of [gain!, bias!]) expectFit('layer-norm', t, x!)
    expectOneType('layer-norm', [x!, gain!, bias!])
    const rows = { shape: statistics(x!.shape), dtype: x!.dtype }
    return [{ shape: x!.shape, dtype: x!.dtype }, rows, rows]
  },
  gradient(node, [g, ...others], needed) {
    // in a second derivative the means and deviations have gradients too: the general way
    if (others.some((other) => other !== undefined)) return throughDecomposition(node, [g, ...others], needed)
    const { inputs, outputs } = node
    const [x, gain, bias] = inputs as [Tensor, Tensor, Tensor]
    const [dx, dgain] = applyAll(layerNormGradient, [x, gain, outputs[1]!, outputs[2]!, g!])
    const rows = reshape(g!, [sizeOf(x.shape.slice(0, -1)), x.shape.at(-1)!])
    return [needed[0] ? dx! : undefined, needed[1] ? dgain! : undefined, needed[2] ? reshape(columnSums(rows), bias.shape) : undefined]
  },
  decompose([x, gain, bias], { epsilon }) {
    const centre = mean(x!, -1, true)
    const centred = sub(x!, centre)
    const inverse = rsqrt(add(mean(square(centred), -1, true), epsilon as number))
    return [add(mul(mul(centred, inverse), gain!), bias!), centre, inverse]
  },
  onnx: (emit, { attributes }, inputs) =>
    emit.node('LayerNormalization', inputs, { axis: -1, epsilon: { float: attributes.epsilon as number } }, { outputs: 3 }),
}

/**
 * With x̂ = (x − mean)·inverse and h = g·gain: dx = inverse·(h − mean(h) − x̂·mean(h·x̂)), dgain = Σ g·x̂.
 * The row means are products with the gain as a column, which reads g and g·x̂ once instead of writing h.
 */
const layerNormGradient: Operation = {
  name: 'layer-norm-gradient',
  infer: ([x, gain]) => [
    { shape: x!.shape, dtype: x!.dtype },
    { shape: gain!.shape, dtype: gain!.dtype },
  ],
  decompose([x, gain, centre, inverse, g]) {
    const width = x!.shape.at(-1)!
    const rows = (t: Tensor) => reshape(t, [sizeOf(t.shape.slice(0, -1)), t.shape.at(-1)!])
    const [x2, g2, centre2, inverse2] = [rows(x!), rows(g!), rows(centre!), rows(inverse!)] as [Tensor, Tensor, Tensor, Tensor]
    const normal = mul(sub(x2, centre2), inverse2)
    const product = mul(g2, normal)
    const column = reshape(gain!, [width, 1])
    const share = { alpha: 1 / (width as number) }
    const meanH = matmul(g2, column, share)
    const meanHX = matmul(product, column, share)
    const dx = mul(sub(sub(mul(g2, gain!), meanH), mul(normal, meanHX)), inverse2)
    return [reshape(dx, x!.shape), reshape(columnSums(product), gain!.shape)]
  },
}

/** (x − mean)/√(variance + ε) · gain + bias over the last axis. gain, bias [hidden]. */
export function layerNorm(x: Tensor, gain: Tensor, bias: Tensor, epsilon = 1e-5): Tensor {
  if (typeof x.shape.at(-1) !== 'number') throw new GraphError(`layer-norm: the last axis of ${describe(x)} must have a fixed size`)
  return applyAll(layerNormOperation, [x, gain, bias], { epsilon })[0]!
}

/** x / √(mean(x²) + ε) · gain over the last axis. gain [hidden]. */
export function rmsNorm(x: Tensor, gain: Tensor, epsilon = 1e-6): Tensor {
  expectFit('rms-norm', gain, x)
  return mul(div(x, sqrt(add(mean(square(x), -1, true), epsilon))), gain)
}
