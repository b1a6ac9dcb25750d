// For tests: the gradient of any graph beside the quotients of differences that it is the limit of, element by element.

import assert from 'node:assert/strict'
import type { Executor } from '../executor/executor.js'
import { grad } from '../graph/grad.js'
import { add, mul } from '../graph/ops/elementwise.js'
import { sum } from '../graph/ops/reduce.js'
import { input, type Tensor } from '../graph/tensor.js'
import { numbers } from './derivatives.js'
import type { Value } from './run.js'

/** f32 values of a shape. */
export const values = (shape: readonly number[], seed = 1): Value => ({
  dtype: 'f32',
  shape,
  data: numbers(
    shape.reduce((a, b) => a * b, 1),
    seed,
  ),
})

/**
 * Asserts that the gradient of Σ w·f(x) (w: fixed numbers) with respect to each f32 feed is what central differences give.
 * `build` makes f's outputs out of inputs of the feeds' names.
 */
export async function checkGradients(
  executor: Executor,
  build: (inputs: Record<string, Tensor>) => readonly Tensor[],
  feeds: Readonly<Record<string, Value>>,
  { step = 1e-2, tolerance = 2e-3 } = {},
): Promise<void> {
  const inputs = Object.fromEntries(Object.entries(feeds).map(([name, { shape, dtype }]) => [name, input(name, shape, dtype)]))
  const outputs = build(inputs)
  const weights = outputs.map((y, i) => values(y.shape as number[], 7 + i))
  const scalar = outputs.map((y, i) => sum(mul(y, input(`weight ${i}`, y.shape)))).reduce(add)
  const all = { ...feeds, ...Object.fromEntries(weights.map((w, i) => [`weight ${i}`, w])) }
  const wrt = Object.keys(feeds).filter((name) => feeds[name]!.dtype === 'f32')
  const gradients = grad(
    scalar,
    wrt.map((name) => inputs[name]!),
  )
  const exact = await executor.compile({ outputs: Object.fromEntries(gradients.map((g, i) => [`gradient of ${wrt[i]}`, g.tensor])) })
  const value = await executor.compile({ outputs: { scalar } })
  const only = (names: readonly string[], given: Readonly<Record<string, Value>>) =>
    Object.fromEntries(Object.entries(given).filter(([name]) => names.includes(name)))
  const at = async (given: Readonly<Record<string, Value>>) =>
    Number((await value.bind({}).run({ feeds: only(value.feeds, given) })).outputs.scalar!.data[0])
  const computed = (await exact.bind({}).run({ feeds: only(exact.feeds, all) })).outputs
  for (const name of wrt) {
    const { shape, data } = feeds[name]!
    for (let i = 0; i < data.length; i++) {
      const moved = (by: number) => ({ dtype: 'f32' as const, shape, data: (data as Float32Array).map((x, k) => (k === i ? x + by : x)) })
      const quotient = ((await at({ ...all, [name]: moved(step) })) - (await at({ ...all, [name]: moved(-step) }))) / (2 * step)
      const got = Number(computed[`gradient of ${name}`]!.data[i])
      assert.ok(
        Math.abs(got - quotient) <= tolerance * (1 + Math.abs(quotient)),
        `${name}[${i}]: the gradient is ${got}, differences give ${quotient}`,
      )
    }
  }
  await exact.dispose()
  await value.dispose()
}
