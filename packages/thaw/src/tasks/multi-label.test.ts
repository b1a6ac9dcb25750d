import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createExecutor, dim, grad, input } from '@thaw/tensor'
import { labelIds, multiLabel, multiLabelLoss } from './multi-label.js'

const logits = [0.2, -1, 0.5, 1.5, 0.3, -40, 30, 0, 2]
const wanted = [1, 0, 0, 0, 1, 0, 1, 1, 0]
const shape = [3, 3]

/** torch 2.13: BCEWithLogitsLoss(pos_weight=…)(z, y) of these numbers, and its gradient. */
const stored = [
  {
    weights: undefined,
    loss: 0.7734801173210144,
    gradient: [-0.05001845, 0.02988238, 0.06916215, 0.09084161, -0.04728417, 0, 0, -0.05555556, 0.09786633],
  },
  {
    weights: [2, 0.5, 4],
    loss: 0.7706343531608582,
    gradient: [-0.1000369, 0.02988238, 0.06916215, 0.09084161, -0.02364208, 0, 0, -0.02777778, 0.09786633],
  },
]

test("the loss and its gradient are those of PyTorch's BCEWithLogitsLoss, with positive weights and without, and overflow nowhere", async () => {
  await using executor = await createExecutor({ threads: 1 })
  for (const { weights, loss: expected, gradient } of stored) {
    const z = input('z', [dim('batch'), 3])
    const loss = multiLabelLoss(z, 3, weights)
    const program = await executor.compile({ outputs: { loss, gradient: grad(loss, [z])[0]!.tensor } })
    const run = async (values: readonly number[]) => {
      const feeds = { z: { data: Float32Array.from(values), shape }, labels: { data: Float32Array.from(wanted), shape } }
      const { outputs } = await program.bind({}).run({ feeds })
      return { loss: Number(outputs.loss!.data[0]), gradient: [...(outputs.gradient!.data as Float32Array)] }
    }
    const found = await run(logits)
    assert.ok(Math.abs(found.loss - expected) < 1e-6, `${found.loss}, expected ${expected}`)
    found.gradient.forEach((value, i) => {
      assert.ok(Math.abs(value - gradient[i]!) < 1e-6, `gradient ${i}: ${value}, expected ${gradient[i]}`)
    })
    // and of differences, where the function is smooth enough for f32
    for (const i of [0, 1, 2, 3, 4, 8]) {
      const at = (step: number) => run(logits.map((value, k) => (k === i ? value + step : value)))
      const quotient = ((await at(0.05)).loss - (await at(-0.05)).loss) / 0.1
      assert.ok(Math.abs(quotient - found.gradient[i]!) < 1e-4, `difference ${i}: ${quotient}, gradient ${found.gradient[i]}`)
    }
    const extreme = await run(logits.map((value) => value * 1e4))
    assert.ok([extreme.loss, ...extreme.gradient].every(Number.isFinite))
  }
})

test('a task without labels, with an empty one or one twice is refused; so are labels of an example that are none of it', () => {
  assert.deepEqual(multiLabel({ labels: ['urgent'] }), { kind: 'multi-label', labels: ['urgent'], form: 'cross-encoder' })
  const fails = (labels: string[], message: string) => assert.throws(() => multiLabel({ labels }), { message })
  fails([], 'multiLabel: no labels: expected all labels that a text may have')
  fails(['a', ' '], 'multiLabel: label 2 of 2 is empty: expected a name')
  fails(['a', 'b', 'a'], 'multiLabel: the label "a" is given twice')
  assert.throws(() => multiLabel({ labels: ['a'], form: 'x' as never }), {
    message: 'multiLabel: form "x": expected one of cross-encoder, two-tower',
  })
  assert.deepEqual(labelIds(['a', 'b'], ['b', 'a']), [1, 0])
  assert.deepEqual(labelIds(['a', 'b'], []), [])
  assert.throws(() => labelIds(['a', 'b'], ['c']), { message: 'label "c" is not among the model\'s: a, b' })
  assert.throws(() => labelIds(['a', 'b'], undefined), { message: 'no list of labels (labels); expected one, which is empty where none fits' })
})
