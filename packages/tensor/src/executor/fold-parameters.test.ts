// Folding: the same results from fewer, plainer parameters.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dim } from '../graph/dim.js'
import * as ops from '../graph/ops/index.js'
import { constant, input, parameter } from '../graph/tensor.js'
import { nodesOf } from '../graph/walk.js'
import { foldParameters } from './fold-parameters.js'
import { createExecutor } from './onnxruntime/index.js'

const values = (n: number, seed: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(seed + i))

test('joined weights and a low-rank update become one parameter each; what depends on the input stays', async () => {
  await using executor = await createExecutor({ threads: 1, worker: false })
  const parameters = new Map(
    Object.entries({
      'a.query.weight': [4, 3],
      'a.key.weight': [4, 3],
      'a.query.bias': [3],
      'a.key.bias': [3],
      'b.weight': [6, 2],
      'b.down': [6, 1],
      'b.up': [1, 2],
      unused: [5],
    }).map(([path, shape], i) => [
      path,
      {
        shape,
        data: values(
          shape.reduce((a, b) => a * b, 1),
          i,
        ),
      },
    ]),
  )
  const p = (path: string) => parameter(path, parameters.get(path)!.shape)
  const x = input('x', [dim('n'), 4])
  const joined = ops.concat([p('a.query.weight'), p('a.key.weight')], 1)
  const h = ops.linear(x, joined, ops.concat([p('a.query.bias'), p('a.key.bias')]))
  const updated = ops.add(p('b.weight'), ops.mul(ops.matmul(p('b.down'), p('b.up')), 2))
  const outputs = { y: ops.matmul(h, updated), first: ops.slice(p('a.query.bias'), 0, 0, 1), seven: ops.add(constant(3), constant(4)) }
  const folded = await foldParameters(executor, outputs, parameters)
  assert.deepEqual([...folded.parameters.keys()].sort(), ['a.query.bias#1', 'a.{query,key}.bias', 'a.{query,key}.weight', 'b.{weight,down,up}'])
  assert.deepEqual([...folded.parameters.get('a.{query,key}.weight')!.shape], [4, 6])
  assert.deepEqual(
    nodesOf([folded.outputs.y!])
      .map(({ operation }) => operation.name)
      .filter((name) => name === 'concat' || name === 'add'),
    [],
  )
  const run = async (
    graph: typeof outputs | typeof folded.outputs,
    stored: ReadonlyMap<string, { shape: readonly number[]; data: Float32Array }>,
  ) => {
    const store = await executor.store('params')
    await store.declare([...stored].map(([path, { shape }]) => ({ path, shape: [...shape], dtype: 'f32' as const })))
    for (const [path, { data }] of stored) await store.write(path, data)
    const program = await executor.compile({ outputs: graph })
    return (await program.bind({ params: store }).run({ feeds: { x: { data: values(8, 50), shape: [2, 4] } } })).outputs
  }
  const [before, after] = [await run(outputs, parameters), await run(folded.outputs, folded.parameters)]
  for (const name of ['y', 'first', 'seven'])
    before[name]!.data.forEach((value, i) => {
      assert.ok(Math.abs(Number(value) - Number(after[name]!.data[i])) < 1e-6, `${name} ${i}`)
    })
})
