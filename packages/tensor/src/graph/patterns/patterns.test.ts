// Patterns in all the ways that exporters write them: what is recognised, and that it computes what its parts did, gradients included.

import assert from 'node:assert/strict'
import { describe as suite, test } from 'node:test'
import { compute, type Value } from '../../testing/run.js'
import { dim } from '../dim.js'
import { grad } from '../grad.js'
import * as ops from '../ops/index.js'
import { constant, input, type Tensor } from '../tensor.js'
import { nodesOf } from '../walk.js'
import { simplify } from './index.js'

const { abs, add, div, erf, expand, matmul, mean, mul, not, reciprocal, reshape, softmax, sqrt, square, sub, sum, tanh, transpose, where } = ops
const wave = (shape: readonly number[], phase: number): Value => ({
  dtype: 'f32',
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(phase + 1.3 * i)),
})
const kinds = (tensor: Tensor) => nodesOf([tensor]).map(({ operation }) => operation.name)

/** Asserts that y has the operation after simplification, and that values and gradients are those of before. */
async function recognised(name: string, y: Tensor, feeds: Record<string, Value>, tolerance = 2e-6): Promise<Tensor> {
  const simple = simplify([y]).tensors[0]!
  assert.ok(kinds(simple).includes(name), `${name} in ${kinds(simple)}`)
  const leaves = nodesOf([y]).flatMap(({ operation, outputs }) => (operation.name === 'input' && outputs[0]!.dtype === 'f32' ? [outputs[0]!] : []))
  const outputs: Record<string, Tensor> = { before: y, after: simple }
  const wave2 = (t: Tensor) => sum(mul(t, ops.sin(t)))
  grad(wave2(y), leaves).forEach((g, i) => {
    outputs[`before${i}`] = g.tensor
  })
  grad(wave2(simple), leaves).forEach((g, i) => {
    outputs[`after${i}`] = g.tensor
  })
  const found = await compute(outputs, feeds)
  for (const key of Object.keys(outputs).filter((name) => name.startsWith('before'))) {
    const [before, after] = [found[key]!.data, found[key.replace('before', 'after')]!.data]
    Array.from(before, Number).forEach((value, i) => {
      assert.ok(Math.abs(Number(after[i]) - value) <= tolerance * Math.max(1, Math.abs(value)), `${key}[${i}]: ${value} became ${after[i]}`)
    })
  }
  return simple
}

suite('layer norm', () => {
  const x = input('x', [dim('n'), 6])
  const [gain, bias] = [input('gain', [6]), input('bias', [6])]
  const feeds = { x: wave([3, 6], 0), gain: wave([6], 1), bias: wave([6], 2) }
  const centred = sub(x, mean(x, -1, true))
  const root = sqrt(add(mean(square(centred), -1, true), 1e-3))
  const forms: Record<string, Tensor> = {
    'a quotient': add(mul(div(centred, root), gain), bias),
    'other orders': add(bias, mul(gain, div(centred, sqrt(add(1e-3, mean(mul(centred, centred), -1, true)))))),
    'an inverse root': add(mul(mul(centred, reciprocal(root)), gain), bias),
  }
  for (const [how, y] of Object.entries(forms)) test(how, async () => assert.equal(kinds(await recognised('layer-norm', y, feeds, 2e-5)).length, 4))

  test('not over another axis, nor with another centre', () => {
    const first = sub(x, mean(x, 0, true))
    const wrong = add(mul(div(first, sqrt(add(mean(square(first), 0, true), 1e-3))), gain), bias)
    const other = add(mul(div(centred, sqrt(add(mean(square(x), -1, true), 1e-3))), gain), bias)
    for (const y of [wrong, other]) assert.ok(!kinds(simplify([y]).tensors[0]!).includes('layer-norm'))
  })
})

suite('GELU', () => {
  const x = input('x', [dim('n'), 6])
  const feeds = { x: wave([3, 6], 0) }
  const exact = add(erf(div(x, Math.SQRT2)), 1)
  const cube = mul(square(x), x)
  const u = mul(add(x, mul(cube, 0.044715)), 0.7978845608028654)
  const exactForms: Record<string, Tensor> = {
    'half at the end': mul(mul(x, exact), 0.5),
    'half of the sum': mul(x, mul(0.5, exact)),
    'half of x, times the inverse root': mul(mul(x, 0.5), add(1, erf(mul(x, 0.7071067690849304)))),
    'divided by two': div(mul(exact, x), 2),
  }
  for (const [how, y] of Object.entries(exactForms)) test(how, async () => void (await recognised('gelu', y, feeds)))
  const tanhForms: Record<string, Tensor> = {
    'the tanh form': mul(mul(x, 0.5), add(tanh(u), 1)),
    'its factored form': mul(0.5, mul(x, add(1, tanh(mul(mul(x, 0.7978845608), add(1, mul(mul(x, 0.044715), x))))))),
  }
  for (const [how, y] of Object.entries(tanhForms)) test(how, async () => void (await recognised('gelu-tanh', y, feeds)))
  test('not with another factor', () => {
    for (const y of [mul(mul(x, exact), 0.6), mul(mul(abs(x), exact), 0.5), mul(mul(x, add(erf(x), 1)), 0.5)])
      assert.deepEqual(
        kinds(simplify([y]).tensors[0]!).filter((name) => name.startsWith('gelu')),
        [],
      )
  })
})

suite('attention', () => {
  const [batch, time] = [dim('batch'), dim('time')]
  const three = ['q', 'k', 'v'].map((name) => input(name, [batch, time, 2, 4])) as [Tensor, Tensor, Tensor]
  const [q, k, v] = three.map((x) => transpose(x, [0, 2, 1, 3])) as [Tensor, Tensor, Tensor]
  const visible = input('visible', [batch, time], 'bool')
  const seen = reshape(visible, [batch, 1, 1, time])
  const feeds = { q: wave([2, 3, 2, 4], 0), k: wave([2, 3, 2, 4], 1), v: wave([2, 3, 2, 4], 2) }
  const mask: Value = { dtype: 'bool', shape: [2, 3], data: Uint8Array.of(1, 1, 1, 1, 1, 0) }
  /** The second row of the batch sees nothing. */
  const blind: Value = { dtype: 'bool', shape: [2, 3], data: Uint8Array.of(1, 1, 0, 0, 0, 0) }
  const keys = transpose(three[1], [0, 2, 3, 1]) // [batch, heads, size, time]
  const scores = matmul(q, keys)
  const scale = 0.5
  const guard = (p: Tensor) => where(not(ops.equal(p, p)), 0, p)
  const infinite = where(seen, 0, Number.NEGATIVE_INFINITY)

  const forms: Record<string, Tensor> = {
    'scaled scores': matmul(softmax(mul(scores, scale)), v),
    'divided scores, an added mask': matmul(softmax(add(div(scores, 2), where(seen, 0, -3.4e38))), v),
    'scaled queries and keys': matmul(softmax(add(matmul(mul(q, Math.SQRT1_2), mul(keys, Math.SQRT1_2)), infinite)), v),
    'hidden scores replaced': matmul(softmax(where(expand(seen, scores.shape), mul(scores, scale), -1e9)), v),
    'hidden scores replaced where they are hidden': matmul(softmax(where(not(expand(seen, scores.shape)), -1e9, mul(scores, scale))), v),
    'a position bias and a mask': matmul(softmax(add(add(scores, input('bias', [1, 2, time, time])), where(seen, 0, -1e9))), v),
    'a guard against rows of −∞': matmul(guard(softmax(add(mul(scores, scale), infinite))), v),
    'keys turned by way of three axes': matmul(softmax(matmul(q, reshape(transpose(reshape(k, [-1, time, 4]), [0, 2, 1]), [batch, 2, 4, time]))), v),
  }
  for (const [how, y] of Object.entries(forms))
    test(how, async () => {
      const all: Record<string, Value> = { ...feeds, bias: wave([1, 2, 3, 3], 3), visible: mask }
      const names = nodesOf([y]).flatMap(({ attributes }) => (attributes.path ? [attributes.path as string] : []))
      await recognised('attention', y, Object.fromEntries(names.map((name) => [name, all[name]!])), 5e-6)
    })

  test('a row that sees nothing gives zeros behind the guard, as before', async () => {
    const y = matmul(guard(softmax(add(mul(scores, scale), infinite))), v)
    const simple = simplify([y]).tensors[0]!
    const { before, after } = await compute({ before: y, after: simple }, { ...feeds, visible: blind })
    Array.from(before!.data, Number).forEach((value, i) => {
      assert.ok(Math.abs(Number(after!.data[i]) - value) < 1e-6)
    })
    assert.ok(Array.from(after!.data.slice(24), Number).every((value) => value === 0))
    const slope = grad(sum(square(simple)), [three[0]])[0]!.tensor
    const { g } = await compute({ g: slope }, { ...feeds, visible: blind })
    assert.ok(Array.from(g!.data, Number).every(Number.isFinite))
  })

  test('three axes: heads and batch are one', async () => {
    const flat = (name: string) => input(name, [dim('rows'), dim('time'), 4])
    const y = matmul(softmax(mul(matmul(flat('q'), transpose(flat('k'))), scale)), flat('v'))
    const rows = { q: wave([3, 5, 4], 0), k: wave([3, 5, 4], 1), v: wave([3, 5, 4], 2) }
    assert.equal((await recognised('attention', y, rows)).rank, 3)
  })

  test('not over another axis, nor where a mask might leave something over', () => {
    for (const y of [
      matmul(softmax(scores, -2), v),
      matmul(softmax(where(expand(seen, scores.shape), scores, -10)), v),
      matmul(softmax(mul(ops.relu(scores), 2)), v),
    ])
      assert.ok(!kinds(simplify([y]).tensors[0]!).includes('attention'))
  })
})

suite('products', () => {
  test('a weight and a bias are linear', async () => {
    const y = add(input('b', [5]), matmul(input('x', [dim('n'), 3, 4]), input('w', [4, 5])))
    await recognised('affine', y, { x: wave([2, 3, 4], 0), w: wave([4, 5], 1), b: wave([5], 2) })
  })

  test('transposes are merged, and read by the product', async () => {
    const [a, b] = [input('a', [dim('n'), 3, 4]), input('b', [dim('n'), 5, 4])]
    const y = matmul(transpose(transpose(a, [0, 2, 1]), [0, 2, 1]), transpose(b))
    const simple = await recognised('matmul', y, { a: wave([2, 3, 4], 0), b: wave([2, 5, 4], 1) })
    assert.deepEqual(kinds(simple), ['input', 'input', 'matmul'])
  })

  test('a constant stays what it is', () => assert.deepEqual(kinds(simplify([constant(1)]).tensors[0]!), ['constant']))
})
