// Arithmetic, comparisons, selection and activations.

import * as ops from '../../../graph/ops/index.js'
import { scalarValue, type Tensor } from '../../../graph/tensor.js'
import type { Call, Importer } from '../call.js'

type Binary = (a: Tensor, b: Tensor) => Tensor

/** The operands, with sizes that meet made the same. */
function operands(call: Call): Tensor[] {
  const tensors = call.tensors()
  call.align(...tensors.map((x) => x.shape))
  return tensors
}

const binary =
  (apply: Binary): Importer =>
  (call) => {
    const [a, b] = operands(call) as [Tensor, Tensor]
    return apply(a, b)
  }

const variadic =
  (apply: Binary): Importer =>
  (call) =>
    operands(call).reduce(apply)

const unary =
  (apply: (x: Tensor) => Tensor): Importer =>
  (call) =>
    apply(call.tensor(0))

/** Whole powers become products, which have simpler gradients and are what patterns look for. */
function power(a: Tensor, b: Tensor): Tensor {
  const exponent =
    scalarValue(b) ?? (b.node.operation.name === 'constant' && b.shape.every((d) => d === 1) ? Number(b.node.attributes.data[0]) : undefined)
  if (exponent === 1) return a
  if (exponent === 2) return ops.square(a)
  if (exponent === 3) return ops.mul(ops.square(a), a)
  if (exponent === 0.5) return ops.sqrt(a)
  if (exponent === -1) return ops.reciprocal(a)
  return ops.pow(a, ops.cast(b, a.dtype))
}

/** a − b ⌊a/b⌋ for integers of one sign. */
const modulo: Importer = (call) => {
  const [a, b] = operands(call) as [Tensor, Tensor]
  if (a.dtype !== 'i32') call.refuse('the remainder is read for integers only')
  return ops.sub(a, ops.mul(b, ops.div(a, b)))
}

const where: Importer = (call) => {
  const [condition, a, b] = operands(call) as [Tensor, Tensor, Tensor]
  return ops.where(condition, a, b)
}

const isNaN: Importer = (call) => ops.not(ops.equal(call.tensor(0), call.tensor(0)))

const isInfinite: Importer = (call) => ops.equal(ops.abs(call.tensor(0)), Number.POSITIVE_INFINITY)

const exclusiveOr: Binary = (a, b) => ops.and(ops.or(a, b), ops.not(ops.and(a, b)))

const clip: Importer = (call) => {
  const x = call.tensor(0)
  const bound = (name: string, operand: number) => {
    const attribute = call.float(name, Number.NaN)
    if (!Number.isNaN(attribute)) return attribute
    return call.has(operand) ? (call.scalar(operand) ?? call.tensor(operand)) : undefined
  }
  const [low, high] = [bound('min', 1), bound('max', 2)]
  if (x.dtype === 'f32' && (low === undefined || typeof low === 'number') && (high === undefined || typeof high === 'number'))
    return ops.clip(x, low ?? Number.NEGATIVE_INFINITY, high ?? Number.POSITIVE_INFINITY)
  const above = low === undefined ? x : ops.maximum(x, low)
  return high === undefined ? above : ops.minimum(above, high)
}

const gelu: Importer = (call) => (call.text('approximate', 'none') === 'tanh' ? ops.geluTanh : ops.gelu)(call.tensor(0))

/** α (e^x − 1) below zero. */
const elu: Importer = (call) => {
  const x = call.tensor(0)
  const below = ops.mul(ops.sub(ops.exp(ops.minimum(x, 0)), 1), call.float('alpha', 1))
  return ops.where(ops.greater(x, 0), x, below)
}

const hardSigmoid: Importer = (call) => ops.clip(ops.add(ops.mul(call.tensor(0), call.float('alpha', 0.2)), call.float('beta', 0.5)), 0, 1)

export const elementwise: Readonly<Record<string, Importer>> = {
  Add: variadic(ops.add),
  Sub: binary(ops.sub),
  Mul: variadic(ops.mul),
  Div: binary(ops.div),
  Pow: binary(power),
  Mod: modulo,
  Max: variadic(ops.maximum),
  Min: variadic(ops.minimum),
  Sum: variadic(ops.add),
  Mean: (call) => ops.div(operands(call).reduce(ops.add), call.values.length),
  Neg: unary(ops.neg),
  Abs: unary(ops.abs),
  Sign: unary(ops.sign),
  Exp: unary(ops.exp),
  Log: unary(ops.log),
  Sqrt: unary(ops.sqrt),
  Reciprocal: unary(ops.reciprocal),
  Sin: unary(ops.sin),
  Cos: unary(ops.cos),
  Erf: unary(ops.erf),
  Tanh: unary(ops.tanh),
  Sigmoid: unary(ops.sigmoid),
  Softplus: unary(ops.softplus),
  Relu: unary(ops.relu),
  LeakyRelu: (call) => ops.leakyRelu(call.tensor(0), call.float('alpha', 0.01)),
  Elu: elu,
  HardSigmoid: hardSigmoid,
  Gelu: gelu,
  Floor: unary(ops.floor),
  Ceil: unary(ops.ceil),
  Round: unary(ops.round),
  Equal: binary(ops.equal),
  Less: binary(ops.less),
  LessOrEqual: binary(ops.lessEqual),
  Greater: binary(ops.greater),
  GreaterOrEqual: binary(ops.greaterEqual),
  Not: unary(ops.not),
  And: binary(ops.and),
  Or: binary(ops.or),
  Xor: binary(exclusiveOr),
  BitwiseNot: unary(ops.not),
  BitwiseAnd: binary(ops.and),
  BitwiseOr: binary(ops.or),
  Where: where,
  IsNaN: isNaN,
  IsInf: isInfinite,
  Clip: clip,
}
