// Which way gradients go: through what leads to the tensors that are asked for, and nowhere else.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { block, languageModel, parameters } from '../testing/block.js'
import { numbers } from '../testing/derivatives.js'
import { onEachExecutor } from '../testing/executors.js'
import { runWith } from '../testing/operations.js'
import { grad } from './grad.js'
import * as ops from './ops/index.js'
import { apply, GraphError, input, type Operation, parameter, stateOperation, type Tensor } from './tensor.js'
import { nodesOf } from './walk.js'

/** Nodes of the gradients that are not nodes of the loss. */
function backwardNodes(loss: Tensor, wrt: readonly Tensor[]) {
  const forward = new Set(nodesOf([loss]))
  const gradients = grad(loss, wrt).flatMap(({ contributions }) => contributions.flatMap((part) => ('rows' in part ? [part.rows.values] : [part])))
  return nodesOf(gradients).filter((node) => !forward.has(node))
}

/** A classifier on a Transformer of so many layers. */
function classifier(layers: number) {
  const { parameters: all, hidden } = languageModel({ layers, hidden: 8, heads: 2, inner: 16, vocabulary: 20, positions: 6 })
  const head = parameter('heads.classification.weight', [8, 3])
  const loss = ops.crossEntropy(ops.linear(hidden, head), input('labels', [ops.reshape(hidden, [-1, 8]).shape[0]!], 'i32'))
  return { loss, head, all }
}

test('no backward node lies below the lowest trainable parameter', () => {
  const [two, six] = [classifier(2), classifier(6)]
  // a head alone: as many nodes on six frozen layers as on two, and none of them reads what a layer computed inside
  assert.equal(backwardNodes(six.loss, [six.head]).length, backwardNodes(two.loss, [two.head]).length)
  const forward = nodesOf([six.loss])
  const lastNorm = forward.findLast((node) => node.operation.name === 'layer-norm')!
  for (const node of backwardNodes(six.loss, [six.head]))
    for (const source of node.inputs) assert.ok(source.node.id >= lastNorm.id || source.node.operation === stateOperation, node.operation.name)

  // the last layer and the head: two more layers below change nothing; the loss stops at the last layer's own weights
  const trained = ({ all, head }: ReturnType<typeof classifier>, from: string) => [
    head,
    ...[...all].filter(([path]) => path >= from && path.startsWith('layers.')).map(([, x]) => x),
  ]
  assert.equal(backwardNodes(six.loss, trained(six, 'layers.5')).length, backwardNodes(two.loss, trained(two, 'layers.1')).length)
  const attentions = (nodes: ReturnType<typeof nodesOf>) => nodes.filter((node) => node.operation.name === 'attention-gradient').length
  assert.equal(attentions(backwardNodes(six.loss, trained(six, 'layers.5'))), 1)
  assert.equal(attentions(backwardNodes(six.loss, trained(six, 'layers.3'))), 3)
  assert.equal(attentions(backwardNodes(six.loss, [...six.all.values()])), 6)
})

test('a middle layer alone: the gradient passes the layers above it and stops', () => {
  const { loss, all } = classifier(6)
  const up = all.get('layers.3.feedforward.up.weight')!
  const nodes = backwardNodes(loss, [up])
  const count = (name: string) => nodes.filter((node) => node.operation.name === name).length
  assert.equal(count('attention-gradient'), 2) // of layers 4 and 5; layer 3's attention lies below its feed-forward part
  assert.equal(count('gelu-tanh-gradient'), 3)
})

const opaque: Operation = { name: 'opaque', infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }] }

test('an operation without a derivative is named, unless nothing flows through it', () => {
  const weight = parameter('weight', [3])
  const hidden = apply(opaque, [weight])
  assert.throws(() => grad(ops.sum(hidden), [weight]), new GraphError('grad: opaque has no derivative'))
  const loss = ops.sum(ops.mul(weight, ops.stopGradient(hidden)))
  assert.equal(grad(loss, [weight])[0]!.contributions.length, 1)
  const second: Operation = { ...opaque, name: 'smooth-gradient' }
  assert.throws(() => grad(ops.sum(apply(second, [weight])), [weight]), new GraphError('grad: smooth-gradient has no second derivative'))
})

test('what does not depend on a tensor has the gradient zero, of its shape', () => {
  const [used, unused] = [parameter('used', [3]), parameter('unused', [2, 2])]
  const [, gradient] = grad(ops.sum(used), [used, unused])
  assert.deepEqual(gradient!.contributions, [])
  assert.deepEqual(gradient!.tensor.shape, [2, 2])
})

await onEachExecutor('gradients', (executor) => {
  const run = async (outputs: Record<string, Tensor>, feeds: Record<string, readonly number[]>, shape: readonly number[]) => {
    const given = Object.fromEntries(Object.entries(feeds).map(([name, data]) => [name, { data: Float32Array.from(data), shape }]))
    const [result] = await runWith(executor, outputs, [given])
    return Object.fromEntries(Object.entries(result!).map(([name, { data }]) => [name, Array.from(data as Float32Array)]))
  }

  test('with respect to a value in the middle, and to what it was computed from', async () => {
    const x = input('x', [2])
    const y = ops.square(x)
    const loss = ops.sum(ops.mul(x, y)) // x³
    const [dx, dy] = grad(loss, [x, y])
    assert.deepEqual(await run({ dx: dx!.tensor, dy: dy!.tensor }, { x: [2, 3] }, [2]), { dx: [12, 27], dy: [2, 3] })
  })

  test('one tensor in two places of an operation counts twice, not four times, in second derivatives too', async () => {
    const x = input('x', [1, 1, 3, 2])
    const loss = ops.sum(ops.square(ops.attention(x, x, x)))
    const direction = input('direction', [1, 1, 3, 2])
    const [gradient] = grad(loss, [x])
    const [second] = grad(ops.sum(ops.mul(gradient!.tensor, direction)), [x])
    const at = numbers(6, 5)
    const v = [...numbers(6, 6)]
    const epsilon = 1e-2
    const gradientAt = async (by: number) => (await run({ g: gradient!.tensor }, { x: [...at].map((a, i) => a + by * v[i]!) }, [1, 1, 3, 2])).g!
    const [ahead, behind] = [await gradientAt(epsilon), await gradientAt(-epsilon)]
    const { h } = await run({ h: second!.tensor }, { x: [...at], direction: v }, [1, 1, 3, 2])
    h!.forEach((value, i) => {
      const difference = (ahead[i]! - behind[i]!) / (2 * epsilon)
      assert.ok(Math.abs(value - difference) < 2e-3 * (1 + Math.abs(difference)), `[${i}] ${value}, finite differences give ${difference}`)
    })
  })

  test('several outputs with seeds', async () => {
    const x = input('x', [2])
    const [dx] = grad([ops.exp(x), ops.square(x)], [x], [undefined, ops.full([2], 3)])
    assert.deepEqual(await run({ dx: dx!.tensor }, { x: [1, 2] }, [2]), { dx: [6, 12] })
  })

  test('a Hessian-vector product through a Transformer block is the finite difference of gradients', async () => {
    const sizes = { hidden: 8, heads: 2, inner: 16 }
    const [batch, time] = [2, 3]
    const { all, weight } = parameters()
    const h = input('h', [batch * time, 8])
    const y = block(weight, 'layers.0', h, sizes, batch, time, ops.causalBias(time, time))
    const loss = ops.mean(ops.square(ops.sub(y, input('goal', [batch * time, 8]))))
    const leaves = [...all.values()]
    const gradients = grad(loss, leaves).map((g) => g.tensor)
    const vectors = leaves.map((x, i) => input(`v${i}`, x.shape))
    const product = grad(gradients, leaves, vectors).map((g) => g.tensor)
    const executable = await executor.compile({
      outputs: Object.fromEntries([...gradients.map((g, i) => [`g${i}`, g]), ...product.map((p, i) => [`p${i}`, p])] as [string, Tensor][]),
    })
    const store = await executor.store('params')
    await store.declare(leaves)
    const size = (x: Tensor) => (x.shape as number[]).reduce((a, b) => a * b, 1)
    const start = leaves.map((x, i) =>
      numbers(size(x), i + 1).map((value) =>
        x.rank > 1 ? value * 0.7 : value * 0.3 + (String(x.node.attributes.path).endsWith('norm.weight') ? 1 : 0),
      ),
    )
    const direction = leaves.map((x, i) => numbers(size(x), i + 101))
    const feeds = {
      h: { data: numbers(48, 7), shape: [6, 8] },
      goal: { data: numbers(48, 8), shape: [6, 8] },
      ...Object.fromEntries(vectors.map((x, i) => [`v${i}`, { data: direction[i]!, shape: x.shape as number[] }])),
    }
    const at = async (by: number) => {
      for (const [i, x] of leaves.entries())
        await store.write(
          x.node.attributes.path as string,
          start[i]!.map((value, k) => value + by * direction[i]![k]!),
        )
      const { outputs } = await executable.bind({ params: store }).run({ feeds })
      return outputs
    }
    const epsilon = 2e-3
    const [here, ahead, behind] = [await at(0), await at(epsilon), await at(-epsilon)]
    let [error, length] = [0, 0]
    for (const [i, x] of leaves.entries()) {
      const [p, a, b] = [here[`p${i}`]!, ahead[`g${i}`]!, behind[`g${i}`]!].map(({ data }) => data as Float32Array)
      let [own, ownLength] = [0, 0]
      p!.forEach((value, k) => {
        const difference = (a![k]! - b![k]!) / (2 * epsilon)
        own += (value - difference) ** 2
        ownLength += difference ** 2
      })
      assert.ok(
        Math.sqrt(own) <= 0.02 * Math.sqrt(ownLength) + 2e-3,
        `${x.node.attributes.path}: off by ${Math.sqrt(own)} of ${Math.sqrt(ownLength)}`,
      )
      error += own
      length += ownLength
    }
    assert.ok(Math.sqrt(error / length) < 2e-3, `relative error ${Math.sqrt(error / length)}`)
    await executable.dispose()
    await store.dispose()
  })
})
