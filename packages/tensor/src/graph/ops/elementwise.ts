// Elementwise arithmetic with broadcasting.

import { broadcastShapes, expectOneType, expectType, stretchedAxes } from '../broadcast.js'
import { sameShape } from '../dim.js'
import { apply, asTensor, GraphError, type Operation, scalarValue, Tensor } from '../tensor.js'
import { and, equal, greaterEqual, lessEqual, where } from './compare.js'
import { sum } from './reduce.js'
import { reshape } from './shape.js'

const numbers = ['f32', 'f16', 'bf16', 'i32', 'i64'] as const
const floats = ['f32', 'f16', 'bf16'] as const

/** Sums a gradient over the axes along which its value was stretched. */
export function sumTo(gradient: Tensor, like: Tensor): Tensor {
  if (sameShape(gradient.shape, like.shape)) return gradient
  const axes = stretchedAxes(like.shape, gradient.shape)
  return reshape(axes.length === 0 ? gradient : sum(gradient, axes), like.shape)
}

type BinaryGradient = (a: Tensor, b: Tensor, g: Tensor, y: Tensor) => [() => Tensor, () => Tensor]

function binary(name: string, onnx: string, gradient: BinaryGradient): Operation {
  return {
    name,
    infer([a, b]) {
      expectOneType(name, [a!, b!])
      expectType(name, a!, numbers)
      return [{ shape: broadcastShapes(name, a!, b!), dtype: a!.dtype }]
    },
    gradient({ inputs, outputs }, [g], needed) {
      const [a, b] = inputs as [Tensor, Tensor]
      const rules = gradient(a, b, g!, outputs[0]!)
      return [needed[0] ? sumTo(rules[0](), a) : undefined, needed[1] ? sumTo(rules[1](), b) : undefined]
    },
    onnx: (emit, _node, inputs) => emit.node(onnx, inputs),
  }
}

const select = (chosen: Tensor, tied: Tensor, g: Tensor) => mul(g, where(tied, 0.5, where(chosen, 1, 0)))

const operations = {
  add: binary('add', 'Add', (_a, _b, g) => [() => g, () => g]),
  sub: binary('sub', 'Sub', (_a, _b, g) => [() => g, () => neg(g)]),
  mul: binary('mul', 'Mul', (a, b, g) => [() => mul(g, b), () => mul(g, a)]),
  div: binary('div', 'Div', (_a, b, g, y) => [() => div(g, b), () => neg(div(mul(g, y), b))]),
  // a zero to a positive power does not change with the power (ln 0 would be −∞), a number to the power 0 not with the number, as in PyTorch
  pow: binary('pow', 'Pow', (a, b, g, y) => [
    () => where(equal(b, 0), 0, mul(g, mul(b, pow(a, sub(b, 1))))),
    () => where(and(equal(a, 0), greaterEqual(b, 0)), 0, mul(g, mul(y, log(a)))),
  ]),
  maximum: binary('maximum', 'Max', (a, b, g) => [() => select(greaterEqual(a, b), equal(a, b), g), () => select(lessEqual(a, b), equal(a, b), g)]),
  minimum: binary('minimum', 'Min', (a, b, g) => [() => select(lessEqual(a, b), equal(a, b), g), () => select(greaterEqual(a, b), equal(a, b), g)]),
}

type Operand = Tensor | number

/** Number operands take the type of the other one. */
const pair = (operation: Operation, a: Operand, b: Operand): Tensor => {
  const like = a instanceof Tensor ? a.dtype : b instanceof Tensor ? b.dtype : 'f32'
  return apply(operation, [asTensor(a, like), asTensor(b, like)])
}
const isScalar = (value: Operand, number: number) => (typeof value === 'number' ? value === number : scalarValue(value) === number)

/** a + b */
export const add = (a: Operand, b: Operand): Tensor =>
  a instanceof Tensor && isScalar(b, 0) ? a : b instanceof Tensor && isScalar(a, 0) ? b : pair(operations.add, a, b)
/** a − b */
export const sub = (a: Operand, b: Operand): Tensor => (a instanceof Tensor && isScalar(b, 0) ? a : pair(operations.sub, a, b))
/** a · b */
export const mul = (a: Operand, b: Operand): Tensor =>
  a instanceof Tensor && isScalar(b, 1) ? a : b instanceof Tensor && isScalar(a, 1) ? b : pair(operations.mul, a, b)
/** a / b */
export const div = (a: Operand, b: Operand): Tensor => (a instanceof Tensor && isScalar(b, 1) ? a : pair(operations.div, a, b))
/** a to the power b */
export const pow = (a: Operand, b: Operand): Tensor => pair(operations.pow, a, b)
/** The larger of both; a tie shares the gradient equally, as in PyTorch. */
export const maximum = (a: Operand, b: Operand): Tensor => pair(operations.maximum, a, b)
/** The smaller of both; a tie shares the gradient equally. */
export const minimum = (a: Operand, b: Operand): Tensor => pair(operations.minimum, a, b)

/** An elementwise function of one operand, given its gradient as a function of (x, y, g). */
export function unary(
  name: string,
  onnx: string | Operation['onnx'],
  gradient: (x: Tensor, y: Tensor, g: Tensor) => Tensor,
  types: readonly string[] = floats,
): Operation {
  return {
    name,
    infer([x]) {
      expectType(name, x!, types)
      return [{ shape: x!.shape, dtype: x!.dtype }]
    },
    gradient: ({ inputs, outputs }, [g]) => [gradient(inputs[0]!, outputs[0]!, g!)],
    onnx: typeof onnx === 'string' ? (emit, _node, inputs) => emit.node(onnx, inputs) : onnx!,
  }
}

const one = (operation: Operation) => (x: Tensor) => apply(operation, [x])

/** −x */
export const neg = one(unary('neg', 'Neg', (_x, _y, g) => neg(g), numbers))
/** e^x */
export const exp = one(unary('exp', 'Exp', (_x, y, g) => mul(g, y)))
/** ln x */
export const log = one(unary('log', 'Log', (x, _y, g) => div(g, x)))
/** √x */
export const sqrt = one(unary('sqrt', 'Sqrt', (_x, y, g) => div(mul(g, 0.5), y)))
/** 1/x */
export const reciprocal = one(unary('reciprocal', 'Reciprocal', (_x, y, g) => neg(mul(g, mul(y, y)))))
/** |x| */
export const abs = one(unary('abs', 'Abs', (x, _y, g) => mul(g, sign(x)), numbers))
/** −1, 0 or 1; its gradient is 0. */
export const sign = one(unary('sign', 'Sign', (_x, _y, g) => mul(g, 0), numbers))
/** sin x */
export const sin = one(unary('sin', 'Sin', (x, _y, g) => mul(g, cos(x))))
/** cos x */
export const cos = one(unary('cos', 'Cos', (x, _y, g) => neg(mul(g, sin(x)))))
/** The error function; its gradient is 2/√π · e^(−x²). */
export const erf = one(unary('erf', 'Erf', (x, _y, g) => mul(g, mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI)))))
/** tanh x */
export const tanh = one(unary('tanh', 'Tanh', (_x, y, g) => mul(g, sub(1, square(y)))))
/** 1 / (1 + e^(−x)) */
export const sigmoid = one(unary('sigmoid', 'Sigmoid', (_x, y, g) => mul(g, mul(y, sub(1, y)))))
/** ln(1 + e^x) */
export const softplus = one(unary('softplus', 'Softplus', (x, _y, g) => mul(g, sigmoid(x))))
/** x · x */
export const square = (x: Tensor): Tensor => mul(x, x)
/** 1/√x */
export const rsqrt = (x: Tensor): Tensor => reciprocal(sqrt(x))

/** x held between low and high; the gradient is 0 outside. */
export const clip = (x: Tensor, low: number, high: number): Tensor => apply(clipOperation, [x], { low, high })
const clipOperation: Operation = {
  name: 'clip',
  infer([x], { low, high }) {
    expectType('clip', x!, floats)
    if (!(low <= high)) throw new GraphError(`clip: low ${low} is above high ${high}`)
    return [{ shape: x!.shape, dtype: x!.dtype }]
  },
  gradient({ inputs, attributes }, [g]) {
    const x = inputs[0]!
    return [where(and(greaterEqual(x, attributes.low as number), lessEqual(x, attributes.high as number)), g!, 0)]
  },
  onnx: (emit, { attributes }, [x]) => emit.node('Clip', [x!, emit.scalar(attributes.low as number), emit.scalar(attributes.high as number)]),
}
