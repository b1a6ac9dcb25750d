import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compute } from '../../testing/run.js'
import { grad, hessianVectorProduct } from '../grad.js'
import { constant, GraphError, parameter, type Tensor } from '../tensor.js'
import * as ops from './index.js'

const values = async (outputs: Record<string, Tensor>) =>
  Object.fromEntries(Object.entries(await compute(outputs)).map(([name, { data }]) => [name, Array.from(data as Float32Array)]))

test('a gradient reversal layer passes values on and turns gradients round', async () => {
  const x = constant([1, -2, 3])
  const y = ops.customGradient(
    [x],
    ([x]) => x!,
    (g) => [ops.mul(g, -0.5)],
  )
  const [dx] = grad(ops.sum(ops.square(y)), [x])
  assert.deepEqual(await values({ y: ops.mul(y, 1), dx: dx!.tensor }), { y: [1, -2, 3], dx: [-1, 2, -3] })
})

test('a straight-through estimate: a step forward, the identity backward; what the value computes inside has no say', async () => {
  const x = constant([-1, 0.2, 3])
  const step = ops.customGradient(
    [x],
    ([x]) => ops.where(ops.greater(x!, 0), 1, 0),
    (g) => [g],
  )
  const [dx] = grad(ops.sum(ops.mul(step, constant([5, 6, 7]))), [x])
  assert.deepEqual(await values({ step, dx: dx!.tensor }), { step: [0, 1, 1], dx: [5, 6, 7] })
})

test('a rule sees inputs and output, may leave an input out, and is itself differentiated', async () => {
  const x = constant([0.5, 1])
  const scale = constant(3)
  // the square, with x³ for its derivative
  const odd = ops.customGradient(
    [x, scale],
    ([x, scale]) => ops.mul(ops.square(x!), scale!),
    (g, [x], y) => [ops.mul(ops.mul(g, y), ops.div(x!, 3)), undefined],
  )
  const [dx, dscale] = grad(ops.sum(odd), [x, scale])
  const [second] = hessianVectorProduct(ops.sum(odd), [x], [constant([1, 1])])
  // y·x/3 differentiates to x/3 · dy/dx (the rule again: y·x/3) + y/3
  const expected = [0.5, 1].map((x) => (x / 3) * ((3 * x * x * x) / 3) + (3 * x * x) / 3)
  const result = await values({ dx: dx!.tensor, dscale: dscale!.tensor, second: second!.tensor })
  assert.deepEqual(result.dx, [0.125, 1])
  assert.deepEqual(result.dscale, [0])
  result.second!.forEach((value, i) => {
    assert.ok(Math.abs(value - expected[i]!) < 1e-6, `${value}, expected ${expected[i]}`)
  })
})

test('a parameter that the value reads in secret, or a rule that does not fit, is refused', () => {
  const x = parameter('layers.0.weight', [2])
  const other = parameter('layers.1.weight', [2])
  assert.throws(
    () =>
      ops.customGradient(
        [x],
        ([x]) => ops.mul(x!, other),
        (g) => [g],
      ),
    new GraphError('custom-gradient: the value reads layers.1.weight f32 [2], which is not among the inputs: add it'),
  )
  const loss = (rule: (g: Tensor) => Tensor[]) => ops.sum(ops.customGradient([x], ([x]) => ops.exp(x!), rule))
  assert.throws(
    () =>
      grad(
        loss((g) => [ops.sum(g)]),
        [x],
      ),
    new GraphError('custom-gradient: the gradient f32 [] does not fit the input layers.0.weight f32 [2]'),
  )
  assert.throws(
    () =>
      grad(
        loss((g) => [g, g]),
        [x],
      ),
    new GraphError('custom-gradient: the rule gives 2 gradients for 1 inputs: give one for each, or undefined'),
  )
})
