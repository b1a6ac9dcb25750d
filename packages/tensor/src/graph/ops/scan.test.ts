// Scans against the same steps written out one after the other, against finite differences, and in the size of their graphs.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Executor } from '../../executor/executor.js'
import { lower } from '../../onnx/lower.js'
import { onEachExecutor } from '../../testing/executors.js'
import { checkGradients, values } from '../../testing/finite-differences.js'
import { compute, type Value } from '../../testing/run.js'
import { dim } from '../dim.js'
import { grad } from '../grad.js'
import { constant, GraphError, input, type Tensor } from '../tensor.js'
import { where } from './compare.js'
import { dropout } from './dropout.js'
import { add, mul, sigmoid, sub, tanh } from './elementwise.js'
import { gather, slice, stack } from './indexing.js'
import { linear, matmul } from './matmul.js'
import { checkpoint } from './order.js'
import { sum } from './reduce.js'
import { type ScanOptions, type ScanStep, scan } from './scan.js'
import { cast, full, reshape, squeeze } from './shape.js'

/** The same loop with every step written out: what a scan must equal. */
function unrolled(step: ScanStep, { carry = [], xs = [], reverse = false, mask }: ScanOptions): ReturnType<typeof scan> {
  const steps = (mask ?? xs[0]!).shape[0] as number
  let carried = carry
  const ys: (readonly Tensor[])[] = []
  for (let i = 0; i < steps; i++) {
    const t = reverse ? steps - 1 - i : i
    const at = (x: Tensor) => squeeze(slice(x, 0, t, t + 1), 0)
    const result = step(carried, xs.map(at))
    const counts = mask && at(mask)
    const before = carried
    carried = counts ? result.carry.map((x, k) => where(counts, x, before[k]!)) : result.carry
    ys[t] = (result.ys ?? []).map((y) => (counts ? where(counts, y, 0) : y))
  }
  return { carry: carried, ys: ys[0]!.map((_, k) => stack(ys.map((list) => list[k]!))) }
}

const near = (got: Value, wanted: Value, what: string, tolerance = 1e-5) => {
  assert.deepEqual(got.shape, wanted.shape, what)
  got.data.forEach((x: number | bigint, i: number) => {
    assert.ok(
      Math.abs(Number(x) - Number(wanted.data[i])) <= tolerance * (1 + Math.abs(Number(wanted.data[i]))),
      `${what}[${i}]: ${x}, expected ${wanted.data[i]}`,
    )
  })
}

/** Values and gradients of a scan and of its written-out form, over all outputs. */
async function sameAsUnrolled(
  executor: Executor,
  build: (run: typeof scan, inputs: Record<string, Tensor>) => ReturnType<typeof scan>,
  feeds: Record<string, Value>,
) {
  const inputs = Object.fromEntries(Object.entries(feeds).map(([name, { shape, dtype }]) => [name, input(name, shape, dtype)]))
  const wrt = Object.keys(feeds).filter((name) => feeds[name]!.dtype === 'f32')
  const tensors: Record<string, Tensor> = {}
  for (const [form, run] of [
    ['scan', scan],
    ['unrolled', unrolled],
  ] as const) {
    const { carry, ys } = build(run, inputs)
    const outputs = [...carry, ...ys].filter((y) => y.dtype === 'f32')
    const seeds = outputs.map((y, i) => constant(values(y.shape as number[], i + 3).data, y.shape as number[]))
    for (const [i, y] of [...carry, ...ys].entries()) tensors[`${form} y${i}`] = y
    for (const [i, g] of grad(
      outputs,
      wrt.map((name) => inputs[name]!),
      seeds,
    ).entries())
      tensors[`${form} gradient of ${wrt[i]}`] = g.tensor
  }
  const results = await compute(tensors, feeds, executor)
  for (const name of Object.keys(results).filter((x) => x.startsWith('scan'))) near(results[name]!, results[name.replace('scan', 'unrolled')]!, name)
}

const f32 = (shape: readonly number[], data: readonly number[]): Value => ({ dtype: 'f32', shape, data: Float32Array.from(data) })
const cell =
  (weight: Tensor, bias: Tensor): ScanStep =>
  ([h], [x]) => {
    const next = tanh(add(x!, linear(h!, weight, bias)))
    return { carry: [next], ys: [next] }
  }

await onEachExecutor('scan', (executor) => {
  test('running sums, forwards and backwards', async () => {
    const x = input('x', [3, 2])
    const sums: ScanStep = ([total], [xt]) => ({ carry: [add(total!, xt!)], ys: [add(total!, xt!)] })
    const forwards = scan(sums, { carry: [full([2], 0)], xs: [x] })
    const backwards = scan(sums, { carry: [full([2], 0)], xs: [x], reverse: true })
    const results = await compute(
      { forwards: forwards.ys[0]!, last: forwards.carry[0]!, backwards: backwards.ys[0]! },
      { x: f32([3, 2], [1, 10, 2, 20, 3, 30]) },
      executor,
    )
    assert.deepEqual([...results.forwards!.data], [1, 10, 3, 30, 6, 60])
    assert.deepEqual([...results.last!.data], [6, 60])
    assert.deepEqual([...results.backwards!.data], [6, 60, 5, 50, 3, 30])
  })

  test('a recurrent layer: captured weight and bias', async () => {
    const feeds = { h: values([2, 3], 1), x: values([4, 2, 3], 2), weight: values([3, 3], 3), bias: values([3], 4) }
    await sameAsUnrolled(executor, (run, { h, x, weight, bias }) => run(cell(weight!, bias!), { carry: [h!], xs: [x!] }), feeds)
    await checkGradients(executor, ({ h, x, weight, bias }) => scan(cell(weight!, bias!), { carry: [h!], xs: [x!] }).ys, feeds)
  })

  test('a product from the other side, states as columns', async () => {
    const feeds = { h: values([3, 2], 1), x: values([4, 3, 2], 2), weight: values([3, 3], 3) }
    const step =
      (weight: Tensor): ScanStep =>
      ([h], [x]) => {
        const next = tanh(add(x!, matmul(weight, h!, { transA: true })))
        return { carry: [next], ys: [mul(next, next)] }
      }
    await sameAsUnrolled(executor, (run, { h, x, weight }) => run(step(weight!), { carry: [h!], xs: [x!] }), feeds)
    await sameAsUnrolled(executor, (run, { h, x, weight }) => run(step(weight!), { carry: [h!], xs: [x!], reverse: true }), feeds)
  })

  test('batched products, several carried values, captures that are used twice or only multiplied', async () => {
    const feeds = { a: values([2, 1, 3], 1), b: values([3], 2), x: values([3, 2, 4, 3], 3), keys: values([2, 4, 3], 4), gain: values([3], 5) }
    await sameAsUnrolled(
      executor,
      (run, { a, b, x, keys, gain }) =>
        run(
          ([a, b], [x]) => {
            const scores = matmul(a!, add(keys!, x!), { transB: true }) // [2, 1, 4]
            const mixture = matmul(sigmoid(scores), keys!) // [2, 1, 3]
            return { carry: [tanh(mul(mixture, gain!)), sub(b!, sum(mul(mixture, gain!), [0, 1]))], ys: [scores, b!, x!] }
          },
          { carry: [a!, b!], xs: [x!] },
        ),
      feeds,
    )
  })

  test('a mask: carried values wait, ys are 0', async () => {
    const mask: Value = { dtype: 'bool', shape: [4, 2, 1], data: Uint8Array.of(1, 1, 1, 0, 1, 0, 0, 0) }
    const feeds = { h: values([2, 3], 1), x: values([4, 2, 3], 2), weight: values([3, 3], 3), bias: values([3], 4), mask }
    for (const reverse of [false, true])
      await sameAsUnrolled(
        executor,
        (run, { h, x, weight, bias, mask }) => run(cell(weight!, bias!), { carry: [h!], xs: [x!], mask: mask!, reverse }),
        feeds,
      )
    const { ys, carry } = scan(([n]) => ({ carry: [add(n!, 1)], ys: [n!] }), {
      carry: [full([2, 1], 0, 'i32')],
      mask: input('mask', [4, 2, 1], 'bool'),
    })
    const results = await compute({ counts: carry[0]!, ys: ys[0]! }, { mask }, executor)
    assert.deepEqual([...results.counts!.data], [3, 1])
    assert.deepEqual([...results.ys!.data], [0, 0, 1, 0, 2, 0, 0, 0])
  })

  test('a decoder: rows of a captured table by carried ids, a number of steps instead of sequences', async () => {
    const feeds = { h: values([2, 3], 1), table: values([5, 3], 2) }
    await sameAsUnrolled(
      executor,
      (run, { h, table }) => {
        const step: ScanStep = ([h, ids], [t]) => {
          const next = tanh(add(h!, gather(table!, ids!)))
          const rows = matmul(next, table!, { transB: true }) // [2, 5]
          return { carry: [next, cast(mul(add(cast(ids!, 'f32'), cast(t!, 'f32')), 0.7), 'i32')], ys: [rows] }
        }
        return run(step, { carry: [h!, constant([1, 3], [2], 'i32')], xs: [constant([0, 1, 2, 3], [4], 'i32')] })
      },
      feeds,
    )
    const { ys } = scan(([x]) => ({ carry: [mul(x!, 2)], ys: [x!] }), { carry: [full([], 1)], length: 4 })
    assert.deepEqual([...(await compute({ y: ys[0]! }, {}, executor)).y!.data], [1, 2, 4, 8])
  })

  test('a scan inside a scan', async () => {
    const feeds = { h: values([2], 1), x: values([2, 3, 2], 2), weight: values([2, 2], 3) }
    await sameAsUnrolled(
      executor,
      (run, { h, x, weight }) =>
        run(
          ([h], [x]) => {
            const inner = run(([h], [x]) => ({ carry: [tanh(add(x!, reshape(matmul(reshape(h!, [1, 2]), weight!), [2])))], ys: [h!] }), {
              carry: [h!],
              xs: [x!],
            })
            return { carry: inner.carry, ys: [sum(inner.ys[0]!, 0)] }
          },
          { carry: [h!], xs: [x!] },
        ),
      feeds,
    )
  })

  test('a scan that is computed again for its gradient; a captured value that is an output too', async () => {
    const feeds = { h: values([2, 3], 1), x: values([4, 2, 3], 2), weight: values([3, 3], 3), bias: values([3], 4) }
    await sameAsUnrolled(
      executor,
      (run, { h, x, weight, bias }) => {
        const twice = mul(weight!, 2)
        const [last, ys] = checkpoint([h!, x!, twice, bias!], ([h, x, weight, bias]) => {
          const { carry, ys } = run(cell(weight!, bias!), { carry: [h!], xs: [x!] })
          return [carry[0]!, ys[0]!]
        })
        return { carry: [last!], ys: [ys!, twice] }
      },
      feeds,
    )
  })

  test('second derivatives: the gradient of a scan is a scan', async () => {
    const feeds = { h: values([2, 2], 1), x: values([3, 2, 2], 2), weight: values([2, 2], 3), bias: values([2], 4) }
    await checkGradients(
      executor,
      ({ h, x, weight, bias }) => {
        const { ys } = scan(cell(weight!, bias!), { carry: [h!], xs: [x!] })
        return grad(sum(mul(ys[0]!, ys[0]!)), [h!, x!, weight!, bias!]).map((g) => g.tensor)
      },
      feeds,
    )
  })

  test('a named number of steps', async () => {
    const x = input('x', [dim('steps'), 2, 3])
    const weight = input('weight', [3, 3])
    const { ys } = scan(cell(weight, full([3], 0.1)), { carry: [full([2, 3], 0)], xs: [x] })
    const [dx, dw] = grad(sum(mul(ys[0]!, ys[0]!)), [x, weight])
    const executable = await executor.compile({ outputs: { y: ys[0]!, dx: dx!.tensor, dw: dw!.tensor } })
    for (const steps of [1, 5]) {
      const feeds = { x: values([steps, 2, 3], 2), weight: values([3, 3], 3) }
      const fixed = input('x', [steps, 2, 3])
      const written = unrolled(cell(weight, full([3], 0.1)), { carry: [full([2, 3], 0)], xs: [fixed] })
      const expected = grad(sum(mul(written.ys[0]!, written.ys[0]!)), [fixed, weight])
      const { outputs } = await executable.bind({}).run({ feeds })
      const reference = await compute({ y: written.ys[0]!, dx: expected[0]!.tensor, dw: expected[1]!.tensor }, feeds, executor)
      for (const name of ['y', 'dx', 'dw']) near(outputs[name]!, reference[name]!, `${name}, ${steps} steps`)
    }
    await executable.dispose()
  })

  test('a dropout mask made in a step is one for all steps', async () => {
    const { ys } = scan(([h]) => ({ carry: [h!], ys: [dropout(full([64], 1), 0.5, 'site')] }), { carry: [full([], 0)], length: 3 })
    const { data } = (await compute({ y: ys[0]! }, {}, executor)).y!
    assert.deepEqual(data.slice(0, 64), data.slice(64, 128))
    assert.deepEqual(data.slice(0, 64), data.slice(128))
    assert.ok(data.includes(0 as never) && data.includes(2 as never))
  })
})

test('steps of a named number; the graph is the same for 3 and for 300, and no larger than for 2', () => {
  const count = (steps: number | ReturnType<typeof dim>) => {
    const [x, weight] = [input('x', [steps, 2, 3]), input('weight', [3, 3])]
    const { ys } = scan(cell(weight, full([3], 0)), { carry: [full([2, 3], 0)], xs: [x] })
    const [dx, dw] = grad(sum(ys[0]!), [x, weight])
    return lower({ loss: sum(ys[0]!), dx: dx!.tensor, dw: dw!.tensor }).operations
  }
  assert.deepEqual(count(3), count(300))
  assert.deepEqual(count(2), count(3))
  assert.equal(count(dim('steps')).Scan, count(3).Scan)
  // the product of the step, the one of the step back, and one for the weight after all steps
  const { Scan, Gemm, MatMul, FusedMatMul } = count(3)
  assert.deepEqual({ Scan, Gemm, MatMul, FusedMatMul }, { Scan: 2, Gemm: 1, MatMul: 1, FusedMatMul: 1 })
})

test('only what the backward pass reads is kept', () => {
  const x = input('x', [5, 2, 3])
  const step: ScanStep = ([h], [x]) => {
    const next = mul(sigmoid(add(h!, x!)), 2)
    return { carry: [next], ys: [] }
  }
  const { carry } = scan(step, { carry: [full([2, 3], 0)], xs: [x] })
  const graph = (outputs: Record<string, Tensor>) => lower(outputs).model.length
  const [forward, both] = [{ last: carry[0]! }, { last: carry[0]!, dx: grad(sum(carry[0]!), [x])[0]!.tensor }]
  assert.ok(graph(forward) < graph(both))
  const kept = carry[0]!.node.outputs.filter((y) => grad(sum(carry[0]!), [x])[0]!.tensor.node.inputs.includes(y))
  assert.equal(kept.length, 1, 'the sigmoid')
})

test('mistakes are named', () => {
  const x = input('x', [4, 2])
  const keep: ScanStep = (carry) => ({ carry })
  const message = (build: () => unknown): string => {
    try {
      build()
    } catch (error) {
      assert.ok(error instanceof GraphError)
      return error.message
    }
    return 'nothing was thrown'
  }
  assert.equal(
    message(() => scan(keep, { carry: [full([2], 0)] })),
    'scan: there are no sequences: give the number of steps as length',
  )
  assert.equal(
    message(() => scan(keep, { xs: [x, input('y', [5])] })),
    'scan: y f32 [5] has 5 steps, the others have 4',
  )
  assert.equal(
    message(() => scan(keep, { xs: [x], length: 3 })),
    'scan: length is 3, but x f32 [4, 2] has 4 steps',
  )
  assert.equal(
    message(() => scan(keep, { xs: [input('z', [])] })),
    'scan: z f32 [] is a scalar: a sequence has the steps as its first axis',
  )
  assert.equal(
    message(() => scan(() => ({ carry: [full([3], 0)] }), { carry: [full([2], 0)], xs: [x] })),
    'scan: carry 0 starts as f32 [2] and is f32 [3] after a step: a carried value keeps its shape and type',
  )
  assert.equal(
    message(() => scan(() => ({ carry: [] }), { carry: [full([2], 0)], xs: [x] })),
    'scan: 1 carried values go into a step and 0 come out',
  )
  let leaked: Tensor | undefined
  scan((carry, [x]) => ({ carry, ys: [(leaked = add(x!, 1))] }), { xs: [x] })
  assert.equal(
    message(() => lower({ leaked: leaked! })),
    'scan: x 0 f32 [2] is used outside of its scan: give it out among the step\u2019s ys'.replace('\u2019', "'"),
  )
})
