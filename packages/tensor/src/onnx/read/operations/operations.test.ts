// Every operation that is read, against ONNX Runtime running the same file.

import assert from 'node:assert/strict'
import { after, describe as suite, test } from 'node:test'
import type { DType, TypedArray } from '../../../graph/dtype.js'
import { modelBytes, type NodeOf, runStock, type StockValue } from '../../../testing/onnx.js'
import { testExecutor } from '../../../testing/run.js'
import type { OnnxAttribute, OnnxValue } from '../../wire.js'
import { readOnnx } from '../read-onnx.js'

const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)
const wave = (shape: readonly number[], phase = 0): StockValue => ({
  shape,
  data: Float32Array.from({ length: size(shape) }, (_, i) => 1.7 * Math.sin(phase + i * 1.37)),
})
const positive = (shape: readonly number[]): StockValue => ({ shape, data: Float32Array.from({ length: size(shape) }, (_, i) => 0.4 + (i % 5)) })
const whole = (values: readonly number[], shape: readonly number[] = [values.length]): StockValue => ({
  shape,
  data: BigInt64Array.from(values, BigInt),
})
const flags = (values: readonly number[], shape: readonly number[] = [values.length]): StockValue => ({ shape, data: Uint8Array.from(values) })
const floats = (values: readonly number[], shape: readonly number[] = [values.length]): StockValue => ({ shape, data: Float32Array.from(values) })

interface Case {
  type: string
  /** What tells this case from others of its type. */
  how?: string
  /** Fed at each run. */
  feeds?: Record<string, StockValue>
  /** In the file. */
  fixed?: Record<string, StockValue>
  /** Operands, if not all feeds and then all fixed values. */
  inputs?: readonly string[]
  attributes?: Record<string, OnnxAttribute>
  nodes?: readonly NodeOf[]
  outputs?: readonly DType[]
  opset?: number
  domain?: string
}

const elementwise = (types: readonly string[], x: StockValue): Case[] => types.map((type) => ({ type, feeds: { x } }))
const pairs = (types: readonly string[], output: DType = 'f32'): Case[] =>
  types.map((type) => ({ type, feeds: { a: wave([2, 3]), b: { ...wave([3], 2), data: Float32Array.of(0.3, -1, 1.5) } }, outputs: [output] }))
const x234 = wave([2, 3, 4])
const axes = (type: string): Case[] => [
  { type, how: 'axes as an attribute', feeds: { x: x234 }, attributes: { axes: [1], keepdims: 0 }, opset: 11 },
  { type, how: 'axes as an operand', feeds: { x: x234 }, fixed: { axes: whole([-1, 0]) }, opset: 18 },
  { type, how: 'all axes', feeds: { x: x234 }, attributes: { keepdims: 0 } },
]

const cases: Case[] = [
  ...elementwise(
    [
      'Neg',
      'Abs',
      'Sign',
      'Exp',
      'Sin',
      'Cos',
      'Erf',
      'Tanh',
      'Sigmoid',
      'Softplus',
      'Relu',
      'Floor',
      'Ceil',
      'Round',
      'LeakyRelu',
      'Elu',
      'HardSigmoid',
      'Identity',
    ],
    wave([2, 3]),
  ),
  ...elementwise(['Log', 'Sqrt', 'Reciprocal'], positive([2, 3])),
  { type: 'Gelu', feeds: { x: x234 }, opset: 20 },
  { type: 'Gelu', how: 'tanh', feeds: { x: x234 }, attributes: { approximate: 'tanh' }, opset: 20 },
  ...pairs(['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Sum', 'Mean']),
  ...pairs(['Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual'], 'bool'),
  ...[2, 3, 0.5, -1, 1, 1.7].map(
    (exponent): Case => ({ type: 'Pow', how: `to the power ${exponent}`, feeds: { x: positive([2, 3]) }, fixed: { p: floats([exponent], []) } }),
  ),
  { type: 'Mod', feeds: { a: whole([7, 8, 9]) }, fixed: { b: whole([3]) }, outputs: ['i64'] },
  { type: 'Div', how: 'of integers', feeds: { a: whole([7, 8, 9]) }, fixed: { b: whole([3]) }, outputs: ['i64'] },
  ...['And', 'Or', 'Xor'].map((type): Case => ({ type, feeds: { a: flags([0, 0, 1, 1]), b: flags([0, 1, 0, 1]) }, outputs: ['bool'] })),
  { type: 'Not', feeds: { a: flags([0, 1]) }, outputs: ['bool'] },
  { type: 'Where', feeds: { c: flags([0, 1, 1]), a: wave([2, 3]), b: wave([1], 1) } },
  { type: 'IsNaN', feeds: { x: floats([0, Number.NaN, 1]) }, outputs: ['bool'] },
  { type: 'IsInf', feeds: { x: floats([0, Number.NEGATIVE_INFINITY, 1]) }, outputs: ['bool'] },
  { type: 'Clip', how: 'bounds as attributes', feeds: { x: x234 }, attributes: { min: { float: -0.5 }, max: { float: 1 } }, opset: 9 },
  { type: 'Clip', how: 'bounds as operands', feeds: { x: x234 }, fixed: { low: floats([-0.5], []), high: floats([1], []) } },
  {
    type: 'Clip',
    how: 'of integers, no lower bound',
    feeds: { x: whole([-3, 2, 9]) },
    fixed: { high: whole([5], []) },
    inputs: ['x', '', 'high'],
    outputs: ['i64'],
  },
  { type: 'MatMul', feeds: { a: x234, b: wave([4, 5], 1) } },
  { type: 'MatMul', how: 'with a batch', feeds: { a: wave([2, 1, 3, 4]), b: wave([5, 4, 2], 1) } },
  { type: 'MatMul', how: 'with vectors', feeds: { a: wave([4]), b: wave([3, 4, 2], 1) } },
  { type: 'MatMul', how: 'of a matrix and a vector', feeds: { a: x234, b: wave([4], 1) } },
  {
    type: 'Gemm',
    feeds: { a: wave([4, 2]), b: wave([3, 4], 1), c: wave([3], 2) },
    attributes: { transA: 1, transB: 1, alpha: { float: 0.5 }, beta: { float: 2 } },
  },
  { type: 'Gemm', how: 'without a third operand', feeds: { a: wave([2, 4]), b: wave([4, 3], 1) } },
  { type: 'Einsum', feeds: { a: wave([2, 3, 4]), b: wave([2, 5, 4], 1) }, attributes: { equation: 'bqd,bkd->bqk' } },
  ...['ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceProd', 'ReduceL1', 'ReduceL2', 'ReduceSumSquare', 'ReduceLogSumExp'].flatMap(axes),
  { type: 'ReduceSum', feeds: { x: x234 }, fixed: { axes: whole([1]) }, attributes: { keepdims: 0 }, opset: 13 },
  { type: 'ReduceSum', how: 'no axes, no operation', feeds: { x: x234 }, attributes: { noop_with_empty_axes: 1 }, opset: 13 },
  { type: 'Softmax', feeds: { x: x234 }, attributes: { axis: 1 }, opset: 13 },
  { type: 'Softmax', how: 'over all axes from one on, as before opset 13', feeds: { x: x234 }, opset: 11 },
  { type: 'LogSoftmax', feeds: { x: x234 }, opset: 13 },
  { type: 'LayerNormalization', feeds: { x: x234 }, fixed: { gain: wave([4], 1), bias: wave([4], 2) }, attributes: { epsilon: { float: 1e-3 } } },
  {
    type: 'LayerNormalization',
    how: 'without a bias, with its statistics',
    feeds: { x: x234 },
    fixed: { gain: wave([4], 1) },
    outputs: ['f32', 'f32', 'f32'],
  },
  { type: 'RMSNormalization', feeds: { x: x234 }, fixed: { gain: wave([4], 1) }, opset: 23 },
  { type: 'Reshape', feeds: { x: x234 }, fixed: { shape: whole([0, -1, 2]) } },
  { type: 'Flatten', feeds: { x: x234 }, attributes: { axis: -1 } },
  { type: 'Unsqueeze', how: 'axes as an attribute', feeds: { x: wave([2, 3]) }, attributes: { axes: [0, 3] }, opset: 11 },
  { type: 'Unsqueeze', how: 'axes as an operand', feeds: { x: wave([2, 3]) }, fixed: { axes: whole([-1]) } },
  { type: 'Transpose', feeds: { x: x234 } },
  { type: 'Transpose', how: 'in an order', feeds: { x: x234 }, attributes: { perm: [1, 0, 2] } },
  { type: 'Expand', feeds: { x: wave([3, 1]) }, fixed: { shape: whole([2, 1, 4]) } },
  { type: 'Tile', feeds: { x: wave([2, 3]) }, fixed: { repeats: whole([2, 3]) } },
  { type: 'Concat', feeds: { a: wave([2, 3]), b: wave([2, 3], 1) }, attributes: { axis: -1 } },
  { type: 'Trilu', feeds: { x: wave([2, 4, 4]) } },
  { type: 'Trilu', how: 'lower, shifted', feeds: { x: wave([4, 4]) }, fixed: { k: whole([-1], []) }, attributes: { upper: 0 } },
  { type: 'Trilu', how: 'of flags', feeds: { x: flags([1, 1, 1, 1, 1, 1, 1, 1, 1], [3, 3]) }, attributes: { upper: 0 }, outputs: ['bool'] },
  { type: 'Cast', feeds: { x: wave([2, 3]) }, attributes: { to: 7 }, outputs: ['i64'] },
  { type: 'CastLike', feeds: { x: whole([1, 0, 2]) }, fixed: { like: floats([0]) } },
  { type: 'Gather', feeds: { x: x234, ids: whole([1, 0, 1, 1], [2, 2]) }, attributes: { axis: 1 } },
  { type: 'Gather', how: 'one known place', feeds: { x: x234 }, fixed: { at: whole([-1], []) }, attributes: { axis: 1 } },
  { type: 'Gather', how: 'known places of a fixed axis', fixed: { x: x234, at: whole([-1, 0]) }, attributes: { axis: 2 } },
  { type: 'GatherElements', feeds: { x: wave([2, 3]), ids: whole([1, 0, 1, 1, 0, 0], [2, 3]) } },
  { type: 'GatherND', feeds: { x: x234, ids: whole([0, 1, 1, 2], [2, 2]) } },
  { type: 'Slice', feeds: { x: x234 }, fixed: { from: whole([-2, 1]), to: whole([2 ** 40, -1]), axes: whole([1, 2]) } },
  { type: 'Slice', how: 'bounds as attributes', feeds: { x: x234 }, attributes: { starts: [1], ends: [3], axes: [2] }, opset: 9 },
  { type: 'Slice', how: 'every second', feeds: { x: x234 }, fixed: { from: whole([0]), to: whole([4]), axes: whole([2]), steps: whole([2]) } },
  {
    type: 'Slice',
    how: 'backwards',
    feeds: { x: x234 },
    fixed: { from: whole([-1]), to: whole([-(2 ** 40)]), axes: whole([1]), steps: whole([-1]) },
  },
  { type: 'Pad', feeds: { x: wave([2, 3]) }, fixed: { pads: whole([0, 1, 2, 0]), value: floats([9], []) } },
  { type: 'TopK', feeds: { x: wave([2, 5]) }, fixed: { k: whole([2]) }, outputs: ['f32', 'i64'] },
  { type: 'ArgMax', feeds: { x: wave([2, 5]) }, attributes: { axis: 1, keepdims: 0 }, outputs: ['i64'] },
  { type: 'OneHot', feeds: { ids: whole([1, 0, 2]) }, fixed: { depth: whole([4], []), values: floats([-1, 2]) } },
  { type: 'CumSum', feeds: { x: wave([2, 5]) }, fixed: { axis: whole([1], []) }, attributes: { exclusive: 1, reverse: 1 } },
  { type: 'Split', fixed: { x: wave([2, 5]), sizes: whole([2, 3]) }, attributes: { axis: 1 }, outputs: ['f32', 'f32'] },
  { type: 'Split', how: 'in equal pieces', fixed: { x: wave([2, 6]) }, attributes: { axis: 1 }, outputs: ['f32', 'f32'] },
  { type: 'Constant', attributes: { value_floats: { floats: [1, 2] } } },
  { type: 'Constant', how: 'of integers', attributes: { value_ints: [1, 2] }, outputs: ['i64'] },
  { type: 'ConstantOfShape', fixed: { shape: whole([2, 3]) } },
  { type: 'Range', fixed: { from: whole([2], []), to: whole([9], []), by: whole([3], []) }, outputs: ['i64'] },
  { type: 'Size', feeds: { x: x234 }, outputs: ['i64'] },
  { type: 'Shape', feeds: { x: x234 }, attributes: { start: 1, end: -1 }, outputs: ['i64'] },
  {
    type: 'Attention',
    feeds: { q: wave([2, 3, 8]), k: wave([2, 3, 8], 1), v: wave([2, 3, 8], 2) },
    attributes: { q_num_heads: 2, kv_num_heads: 2, is_causal: 1 },
    opset: 23,
  },
  {
    type: 'Attention',
    how: 'heads share keys, a mask',
    feeds: {
      q: wave([1, 4, 3, 2]),
      k: wave([1, 2, 5, 2], 1),
      v: wave([1, 2, 5, 2], 2),
      mask: flags([1, 1, 1, 1, 0, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0], [3, 5]),
    },
    attributes: { scale: { float: 0.3 } },
    opset: 23,
  },
  {
    type: 'RotaryEmbedding',
    feeds: { x: wave([1, 2, 3, 6]), cos: wave([1, 3, 2], 1), sin: wave([1, 3, 2], 2) },
    attributes: { rotary_embedding_dim: 4 },
    opset: 23,
  },
  { type: 'FusedMatMul', domain: 'com.microsoft', feeds: { a: x234, b: wave([2, 5, 4], 1) }, attributes: { transB: 1, alpha: { float: 0.5 } } },
  { type: 'Gelu', domain: 'com.microsoft', feeds: { x: x234 } },
  { type: 'BiasGelu', domain: 'com.microsoft', feeds: { x: x234 }, fixed: { b: wave([4], 1) } },
  { type: 'FastGelu', domain: 'com.microsoft', feeds: { x: x234 }, fixed: { b: wave([4], 1) } },
  { type: 'QuickGelu', domain: 'com.microsoft', feeds: { x: x234 } },
  {
    type: 'SkipLayerNormalization',
    domain: 'com.microsoft',
    feeds: { x: x234, skip: wave([2, 3, 4], 1) },
    fixed: { gain: wave([4], 2), bias: wave([4], 3), more: wave([4], 4) },
  },
]

/** What is fed as integers is i32 in our graphs. */
const ours = ({ shape, data }: StockValue): StockValue => ({ shape, data: data instanceof BigInt64Array ? Int32Array.from(data, Number) : data })
const typeOf = (data: TypedArray): DType => (data instanceof BigInt64Array ? 'i64' : data instanceof Uint8Array ? 'bool' : 'f32')

suite('operations against ONNX Runtime', () => {
  after(async () => {
    await (await testExecutor())[Symbol.asyncDispose]()
  })
  for (const { type, how, feeds = {}, fixed = {}, inputs, attributes = {}, outputs = ['f32'] as readonly DType[], opset = 17, domain = '' } of cases)
    test(`${domain ? `${domain}:` : ''}${type}${how ? `, ${how}` : ''}`, async () => {
      const operands = inputs ?? [...Object.keys(feeds), ...Object.keys(fixed)]
      const names = outputs.map((_, i) => `y${i}`)
      const ranks = (count: number) => Array.from({ length: count }, (_, i) => `o${i}`)
      const bytes = (shapes: readonly (readonly number[])[] | undefined) =>
        modelBytes({
          nodes: [{ type, domain, inputs: operands, outputs: names, attributes }],
          inputs: Object.fromEntries(Object.entries(feeds).map(([name, { shape, data }]) => [name, { dtype: typeOf(data), shape }])),
          initializers: fixed,
          outputs: names.map((name, i): OnnxValue => ({ name, dtype: outputs[i]!, shape: ranks(shapes?.[i]?.length ?? 0) })),
          opset,
        })
      const model = readOnnx(bytes(undefined), { parameters: () => false })
      const executable = await (await testExecutor()).compile({ outputs: model.outputs })
      const wanted = Object.fromEntries(executable.feeds.map((name) => [name, ours(feeds[name]!)]))
      const found = (await executable.bind({}).run({ feeds: wanted })).outputs
      const stock = await runStock(bytes(names.map((name) => found[name]!.shape)), feeds)
      for (const name of names) {
        assert.deepEqual(found[name]!.shape, [...stock[name]!.shape])
        Array.from(stock[name]!.data as Iterable<number | bigint>, Number).forEach((value, i) => {
          const got = Number(found[name]!.data[i])
          assert.ok(Math.abs(got - value) <= 1e-5 * Math.max(1, Math.abs(value)), `${name}[${i}]: got ${got}, ONNX Runtime has ${value}`)
        })
      }
      await executable.dispose()
    })
})
