// Shape arithmetic disappears while a graph is read: over names of dimensions as well as over numbers.

import assert from 'node:assert/strict'
import { describe as suite, test } from 'node:test'
import { nodesOf } from '../../graph/walk.js'
import { joined, type ModelOf, modelBytes, modelFunction, type NodeOf, nodeWithGraphs } from '../../testing/onnx.js'
import { compute } from '../../testing/run.js'
import type { OnnxError } from './messages.js'
import { readOnnx } from './read-onnx.js'

const i64 = (...values: number[]) => ({ shape: [values.length], data: BigInt64Array.from(values, BigInt) })
const scalar = (value: number) => ({ shape: [], data: BigInt64Array.of(BigInt(value)) })

/** The shape of y, and the kinds of operations that are left. */
function left(nodes: NodeOf[], more: Partial<ModelOf> = {}) {
  const model = readOnnx(modelBytes({ nodes, inputs: { x: ['batch', 'time', 12] }, ...more }))
  const { y } = model.outputs
  return { shape: y!.shape.map(String), operations: nodesOf([y!]).map(({ operation }) => operation.name), model }
}

suite('folding', () => {
  test('a view by heads, as exporters write it', () => {
    const nodes: NodeOf[] = [
      { type: 'Shape', inputs: ['x'], outputs: ['s'] },
      { type: 'Gather', inputs: ['s', 'zero'], outputs: ['b'] },
      { type: 'Gather', inputs: ['s', 'one'], outputs: ['t'] },
      { type: 'Unsqueeze', inputs: ['b', 'axes'], outputs: ['b1'] },
      { type: 'Unsqueeze', inputs: ['t', 'axes'], outputs: ['t1'] },
      { type: 'Concat', inputs: ['b1', 't1', 'heads', 'rest'], outputs: ['target'], attributes: { axis: 0 } },
      { type: 'Reshape', inputs: ['x', 'target'] },
    ]
    const initializers = { zero: scalar(0), one: scalar(1), axes: i64(0), heads: i64(3), rest: i64(-1) }
    const { shape, operations, model } = left(nodes, { initializers })
    assert.deepEqual(shape, ['batch', 'time', '3', '4'])
    assert.deepEqual(operations, ['input', 'reshape'])
    assert.equal(model.report.folded, 6)
  })

  test('sizes are compared by what they can be at least', () => {
    // Where(shape = -1, 1, shape): an expand of PyTorch's
    const nodes: NodeOf[] = [
      { type: 'Shape', inputs: ['x'], outputs: ['s'] },
      { type: 'ConstantOfShape', inputs: ['three'], outputs: ['ones'] },
      { type: 'Sub', inputs: ['ones', 'one'], outputs: ['minus'] },
      { type: 'Cast', inputs: ['minus'], outputs: ['m'], attributes: { to: 7 } },
      { type: 'Equal', inputs: ['s', 'm'], outputs: ['free'] },
      { type: 'Where', inputs: ['free', 'm', 's'], outputs: ['target'] },
      { type: 'Expand', inputs: ['c', 'target'] },
    ]
    const initializers = { three: i64(3), one: { shape: [], data: Float32Array.of(1) }, c: { shape: [1], data: Float32Array.of(2) } }
    const { shape, operations } = left(nodes, { initializers })
    assert.deepEqual(shape, ['batch', 'time', '12'])
    assert.deepEqual(operations, ['constant', 'expand'])
  })

  test('arithmetic over names', () => {
    const nodes: NodeOf[] = [
      { type: 'Shape', inputs: ['x'], outputs: ['s'], attributes: { start: 1, end: 2 } },
      { type: 'Mul', inputs: ['s', 'two'], outputs: ['double'] },
      { type: 'Add', inputs: ['double', 'two'], outputs: ['more'] },
      { type: 'Div', inputs: ['more', 'two'], outputs: ['half'] },
      { type: 'ConstantOfShape', inputs: ['half'] },
    ]
    assert.deepEqual(left(nodes, { initializers: { two: i64(2) } }).shape, ['time+1'])
  })

  test('a size that is used as a value becomes one', async () => {
    const nodes: NodeOf[] = [
      { type: 'Shape', inputs: ['x'], outputs: ['s'] },
      { type: 'Cast', inputs: ['s'], outputs: ['f'], attributes: { to: 1 } },
      { type: 'Mul', inputs: ['f', 'half'], outputs: ['h'] },
      { type: 'ReduceSum', inputs: ['x'], outputs: ['zero'], attributes: { keepdims: 0 } },
      { type: 'Add', inputs: ['h', 'zero'] },
    ]
    const { model } = left(nodes, { initializers: { half: { shape: [], data: Float32Array.of(0.5) } } })
    const { y } = await compute(model.outputs as never, { x: { dtype: 'f32', shape: [2, 3, 12], data: new Float32Array(72) } })
    assert.deepEqual([...y!.data], [1, 1.5, 6])
  })

  test('a slice as long as a size says so', () => {
    const nodes: NodeOf[] = [
      { type: 'Shape', inputs: ['x'], outputs: ['s'], attributes: { start: 1, end: 2 } },
      { type: 'Slice', inputs: ['table', 'zero', 's', 'axes'] },
    ]
    const initializers = { table: { shape: [1, 512], data: new Float32Array(512) }, zero: i64(0), axes: i64(1) }
    const { shape, model } = left(nodes, { initializers })
    assert.deepEqual(shape, ['1', 'time'])
    assert.deepEqual(model.report.assumptions, ['time ≤ 512'])
  })

  test('names of one size that meet become one', () => {
    const nodes: NodeOf[] = [{ type: 'Add', inputs: ['x', 'z'] }]
    const model = readOnnx(modelBytes({ nodes, inputs: { x: ['batch', 'sequence'], z: ['b2', 's2'] } }))
    assert.deepEqual(model.outputs.y!.shape.map(String), ['batch', 'sequence'])
    assert.deepEqual(model.inputs.z!.shape.map(String), ['batch', 'sequence'])
    assert.deepEqual(model.report.assumptions, ['s2 = sequence', 'b2 = batch'])
  })

  test('sizes as files write them', () => {
    const nodes: NodeOf[] = [{ type: 'Identity', inputs: ['x'] }]
    const model = readOnnx(modelBytes({ nodes, inputs: { x: ['past + 2*new', 'batch-size', 0, 5, ''] } }))
    assert.deepEqual(model.inputs.x!.shape.map(String), ['2*new+past', 'batch_size', 'x_2', '5', 'x_4'])
  })
})

suite('nested graphs', () => {
  const branches = {
    then_branch: modelBytes({ nodes: [{ type: 'Mul', inputs: ['x', 'w'], outputs: ['a'] }] }),
    else_branch: modelBytes({ nodes: [{ type: 'NonZero', inputs: ['x'], outputs: ['a'] }] }),
  }

  test('of an If whose condition is known, the branch that runs is read', async () => {
    const bytes = joined(
      modelBytes({
        nodes: [
          { type: 'Shape', inputs: ['x'], outputs: ['s'] },
          { type: 'Size', inputs: ['s'], outputs: ['rank'] },
          { type: 'Equal', inputs: ['rank', 'one'], outputs: ['c'] },
        ],
        inputs: { x: ['n'] },
        outputs: ['y'],
        initializers: { one: scalar(1), w: { shape: [1], data: Float32Array.of(3) } },
      }),
      nodeWithGraphs({ type: 'If', name: 'choice', inputs: ['c'], outputs: ['y'] }, branches),
    )
    const { outputs } = readOnnx(bytes)
    const { y } = await compute(outputs as never, { x: { dtype: 'f32', shape: [2], data: Float32Array.of(1, 2) } })
    assert.deepEqual([...y!.data], [3, 6])
  })

  test("a model's own functions are put in the place of their calls", async () => {
    const body = modelBytes({
      nodes: [
        { type: 'Mul', inputs: ['a', 'b'], outputs: ['m'] },
        { type: 'Clip', inputs: ['m', '', 'top'], outputs: ['r'] },
      ],
    })
    const bytes = joined(
      modelBytes({
        nodes: [{ type: 'scaled', domain: 'my.functions', inputs: ['x', 'w'], name: 'call' }],
        inputs: { x: ['n', 2] },
        initializers: { w: { shape: [2], data: Float32Array.of(3, 5) } },
      }),
      modelFunction('my.functions', 'scaled', ['a', 'b', 'top'], ['r'], body),
    )
    const model = readOnnx(bytes)
    assert.deepEqual([...model.parameters.keys()], ['w'])
    assert.deepEqual(
      nodesOf([model.outputs.y!]).map(({ operation }) => operation.name),
      ['state', 'input', 'mul', 'clip'],
    )
    const broken = joined(
      modelBytes({ nodes: [{ type: 'scaled', domain: 'my.functions', inputs: ['x'], name: 'call' }], inputs: { x: ['n', 2] } }),
      modelFunction(
        'my.functions',
        'scaled',
        ['a'],
        ['r'],
        modelBytes({ nodes: [{ type: 'Unique', inputs: ['a'], outputs: ['r'], name: 'inner' }] }),
      ),
    )
    assert.throws(
      () => readOnnx(broken),
      (error: OnnxError) => error.message.startsWith('model.onnx: node "call/inner" (Unique): this operation is not read'),
    )
  })
})
