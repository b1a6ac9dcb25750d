// Activations: ReLU, GELU in its three forms (Hendrycks & Gimpel 2016), SiLU. GELU's gradient is one node, because it is bound by memory:
// each pass over a feed-forward layer's activations that it saves shows in the step's time (DESIGN D2c).

import { expectType } from '../broadcast.js'
import { apply, type Operation, type Tensor } from '../tensor.js'
import { greater, where } from './compare.js'
import { add, erf, exp, mul, sigmoid, square, sub, unary } from './elementwise.js'

const one = (operation: Operation) => (x: Tensor) => apply(operation, [x])

/** max(x, 0) */
export const relu = one(unary('relu', 'Relu', (x, _y, g) => where(greater(x, 0), g, 0)))

/** x · Φ(x), exact. Its gradient is Φ(x) + x φ(x). */
export const gelu = one(
  unary(
    'gelu',
    (emit, _node, [x]) => emit.node('Gelu', [x!], { approximate: 'none' }),
    (x, _y, g) => {
      const cdf = mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5)
      const density = mul(exp(mul(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI))
      return mul(g, add(cdf, mul(x, density)))
    },
  ),
)

const scale = 2 * Math.sqrt(2 / Math.PI) // of the logistic form: tanh(u) = 2σ(2u) − 1
const cubic = 0.044715

/** dy/dx · g for the tanh form, from x and y. With s = σ(2u): s + y (1 − s) (2u)′. */
const geluTanhGradient: Operation = {
  name: 'gelu-tanh-gradient',
  infer([x, _y, g]) {
    expectType('gelu-tanh-gradient', g!, ['f32', 'f16', 'bf16'])
    return [{ shape: x!.shape, dtype: x!.dtype }]
  },
  decompose([x, y, g]) {
    const polynomial = add(mul(square(x!), scale * cubic), scale)
    const s = sigmoid(mul(x!, polynomial))
    const slope = sub(mul(polynomial, 3), 2 * scale)
    return [mul(g!, add(s, mul(mul(y!, sub(1, s)), slope)))]
  },
}

/** 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))), the form of GPT-2 and BERT's original code. */
export const geluTanh = one(
  unary(
    'gelu-tanh',
    (emit, _node, [x]) => emit.node('Gelu', [x!], { approximate: 'tanh' }),
    (x, y, g) => apply(geluTanhGradient, [x, y, g]),
  ),
)

/** x · σ(1.702 x) */
export const quickGelu = (x: Tensor): Tensor => mul(x, sigmoid(mul(x, 1.702)))
/** x · σ(x), also called swish. */
export const silu = (x: Tensor): Tensor => mul(x, sigmoid(x))
/** x where positive, slope · x elsewhere. */
export const leakyRelu = (x: Tensor, slope = 0.01): Tensor => where(greater(x, 0), x, mul(x, slope))
