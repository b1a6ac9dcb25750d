// Checkpoints: the same gradients from activations that are computed again, and less memory (DESIGN E9).

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Feed } from '../../executor/executor.js'
import { languageModel } from '../../testing/block.js'
import { numbers } from '../../testing/derivatives.js'
import { onEachExecutor } from '../../testing/executors.js'
import { grad } from '../grad.js'
import { constant, parameter, type Tensor } from '../tensor.js'
import * as ops from './index.js'

const sizes = { hidden: 8, heads: 2, inner: 16, layers: 3, vocabulary: 11, positions: 5 }
type Wrap = Parameters<typeof languageModel>[1]
const plain: Wrap = (h, f) => f(h)
const recomputed: Wrap = (h, f) => ops.checkpoint([h], ([x]) => [f(x!)])[0]!

await onEachExecutor('checkpoint', (executor) => {
  /** All gradients of a model whose blocks are wrapped in some way, at fixed parameters. */
  async function gradients(loss: Tensor, parameters: ReadonlyMap<string, Tensor>) {
    const paths = [...parameters.keys()]
    const outputs = Object.fromEntries(grad(loss, [...parameters.values()]).map((g, i) => [paths[i]!, g.tensor]))
    const executable = await executor.compile({
      outputs: { loss, ...Object.fromEntries(Object.entries(outputs).map(([path, g]) => [`g:${path}`, g])) },
    })
    const params = await executor.store('params')
    await params.declare([...parameters.values()])
    for (const path of paths.toSorted()) {
      const count = (parameters.get(path)!.shape as number[]).reduce((a, b) => a * b, 1)
      await params.write(
        path,
        numbers(count, path.length * 7 + path.charCodeAt(7)).map((x) => x + (path.endsWith('norm.weight') ? 1 : 0)),
      )
    }
    const feeds: Record<string, Feed> = executable.feeds.includes('ids')
      ? { ids: { data: Int32Array.from([1, 2, 3, 10, 0, 4]), shape: [2, 3] }, targets: { data: Int32Array.from([2, 3, 4, 1, 1, 5]), shape: [2, 3] } }
      : {}
    const result = await executable.bind({ params }).run({ feeds })
    const { operations } = executable
    await executable.dispose()
    await params.dispose()
    return { outputs: result.outputs, operations }
  }

  const same = (actual: Awaited<ReturnType<typeof gradients>>, expected: Awaited<ReturnType<typeof gradients>>) => {
    for (const [name, { data }] of Object.entries(expected.outputs))
      (data as Float32Array).forEach((value, i) => {
        const got = Number(actual.outputs[name]!.data[i])
        assert.ok(Math.abs(got - value) <= 1e-6 + 1e-5 * Math.abs(value), `${name}[${i}]: ${got}, without checkpoints ${value}`)
      })
  }
  const model = (wrap: Wrap) => {
    const { loss, parameters } = languageModel(sizes, wrap)
    return gradients(loss, parameters)
  }

  test('each block computed again: the gradients are the same, and the blocks do run twice', async () => {
    const [once, twice] = [await model(plain), await model(recomputed)]
    same(twice, once)
    assert.equal(twice.operations.LayerNormalization, once.operations.LayerNormalization! + 6)
    assert.equal(twice.operations.Gelu, once.operations.Gelu! + 3)
  })

  test('all blocks as one, and checkpoints inside of checkpoints', async () => {
    const once = await model(plain)
    const nested: Wrap = (h, f, layer) => ops.checkpoint([h], ([x]) => [layer === 1 ? recomputed(x!, f, layer) : f(x!)])[0]!
    same(await model(nested), once)
  })

  test('one set of weights in every block (ALBERT) gets the sum of their gradients, once each', async () => {
    const shared = (again: boolean) => {
      const weight = parameter('shared.weight', [4, 4])
      let h: Tensor = constant(numbers(12, 3), [3, 4])
      const f = (x: Tensor) => ops.tanh(ops.matmul(x, weight))
      for (let n = 0; n < 3; n++) h = again ? ops.checkpoint([h], ([x]) => [f(x!)])[0]! : f(h)
      return gradients(ops.sum(ops.square(h)), new Map([['shared.weight', weight]]))
    }
    same(await shared(true), await shared(false))
  })

  test('an activation that a block reads without having been given it gets its gradient too', async () => {
    const skip = (again: boolean) => {
      const [lower, upper] = [parameter('lower.weight', [4, 4]), parameter('upper.weight', [4, 4])]
      const first = ops.tanh(ops.matmul(constant(numbers(12, 3), [3, 4]), lower))
      const second = ops.sigmoid(first)
      const f = (x: Tensor) => ops.mul(ops.exp(ops.matmul(x, upper)), first)
      const y = again ? ops.checkpoint([second], ([x]) => [f(x!)])[0]! : f(second)
      return gradients(
        ops.sum(ops.square(y)),
        new Map([
          ['lower.weight', lower],
          ['upper.weight', upper],
        ]),
      )
    }
    same(await skip(true), await skip(false))
  })
})

test('peak memory falls when blocks are computed again', () => {
  const peak = (kind: string): { peak: number; loss: number } => {
    const script = fileURLToPath(new URL('../../testing/peak-memory.js', import.meta.url))
    const { stdout, stderr, status } = spawnSync(process.execPath, [script, kind], { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    return JSON.parse(stdout)
  }
  const [kept, again] = [peak('kept'), peak('recomputed')]
  assert.equal(again.loss, kept.loss)
  const saved = kept.peak - again.peak
  assert.ok(saved > 60e6, `${(kept.peak / 1e6).toFixed(0)} MB with activations kept, ${(again.peak / 1e6).toFixed(0)} MB with recomputation`)
})
