// Weights stored in 8 bits are float parameters: (q − zero) · scale. ONNX Runtime itself may compute such products in 8 bits, and so less exactly.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { TypedArray } from '../../graph/dtype.js'
import { modelBytes, type NodeOf, runStock } from '../../testing/onnx.js'
import { testExecutor } from '../../testing/run.js'
import { replaceInitializers } from '../replace.js'
import { writeOnnx } from '../write.js'
import { readOnnx } from './read-onnx.js'

const weight = Int8Array.from({ length: 12 }, (_, i) => ((i * 37) % 255) - 127)
const x = { shape: [2, 4], data: Float32Array.from({ length: 8 }, (_, i) => Math.sin(i)) }
const initializers = (more: Record<string, { shape: number[]; data: TypedArray; dtype?: 'i8' }>) => ({
  q: { shape: [4, 3], data: weight, dtype: 'i8' as const },
  ...more,
})
const product: NodeOf = { type: 'MatMul', inputs: ['x', 'onnx::MatMul_5'], name: '/query/MatMul' }
const scales = (shape: number[]) => ({ shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => 0.01 * (i + 1)) })
const zeros = { shape: [3], data: Int8Array.of(3, -5, 7), dtype: 'i8' as const }

/** The weight at a row and a column, written out. */
type Weight = (row: number, column: number) => number
const q = (row: number, column: number) => weight[row * 3 + column]!

const forms: Record<string, { nodes: NodeOf[]; initializers: ReturnType<typeof initializers>; weight: Weight }> = {
  'a cast and a product, a scale for each row': {
    nodes: [
      { type: 'Cast', inputs: ['q'], outputs: ['f'], attributes: { to: 1 } },
      { type: 'Mul', inputs: ['f', 's'], outputs: ['onnx::MatMul_5'] },
    ],
    initializers: initializers({ s: scales([4, 1]) }),
    weight: (row, column) => q(row, column) * 0.01 * (row + 1),
  },
  'DequantizeLinear, one scale': {
    nodes: [{ type: 'DequantizeLinear', inputs: ['q', 's'], outputs: ['onnx::MatMul_5'] }],
    initializers: initializers({ s: scales([]) }),
    weight: (row, column) => q(row, column) * 0.01,
  },
  'DequantizeLinear, a scale and a zero for each column': {
    nodes: [{ type: 'DequantizeLinear', inputs: ['q', 's', 'z'], outputs: ['onnx::MatMul_5'], attributes: { axis: -1 } }],
    initializers: initializers({ s: scales([3]), z: zeros }),
    weight: (row, column) => (q(row, column) - zeros.data[column]!) * 0.01 * (column + 1),
  },
}

after(async () => (await testExecutor())[Symbol.asyncDispose]())

for (const [how, form] of Object.entries(forms))
  test(how, async () => {
    const bytes = modelBytes({
      nodes: [...form.nodes, product],
      inputs: { x: ['batch', 4] },
      initializers: form.initializers,
      outputs: [{ name: 'y', dtype: 'f32', shape: ['batch', 3] }],
    })
    const model = readOnnx(bytes)
    assert.deepEqual([...model.parameters.keys()], ['query.weight'])
    const executor = await testExecutor()
    const params = await executor.store('params')
    const { tensor, data } = model.parameters.get('query.weight')!
    await params.declare([tensor])
    await params.write('query.weight', data)
    const program = await executor.compile({ outputs: model.outputs })
    const { y } = (await program.bind({ params }).run({ feeds: { x } })).outputs
    const stock = await runStock(writeOnnx(model.outputs, { parameters: model.parameters }), { x })
    for (let i = 0; i < 6; i++) {
      const [row, column] = [Math.floor(i / 3), i % 3]
      const expected = [0, 1, 2, 3].reduce((sum, k) => sum + x.data[row * 4 + k]! * form.weight(k, column), 0)
      for (const { data: found } of [y!, stock.y!])
        assert.ok(Math.abs(Number(found[i]) - expected) < 1e-5, `y[${i}]: ${found[i]}, written out ${expected}`)
    }
    assert.throws(
      () => replaceInitializers(bytes, model.parameters, new Map()),
      /query\.weight: the file has it as int8: only float weights can be replaced; use writeOnnx/,
    )
  })

test('scales that do not fit are left to the nodes', () => {
  const nodes: NodeOf[] = [{ type: 'DequantizeLinear', inputs: ['q', 's'], outputs: ['onnx::MatMul_5'], name: '/dequantize' }, product]
  const bytes = modelBytes({ nodes, inputs: { x: ['batch', 4] }, initializers: initializers({ s: scales([2]) }) })
  assert.throws(() => readOnnx(bytes), /node "\/dequantize" \(DequantizeLinear\): quantized models are not read/)
})
