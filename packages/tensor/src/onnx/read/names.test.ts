import assert from 'node:assert/strict'
import { test } from 'node:test'
import { modelBytes, type NodeOf } from '../../testing/onnx.js'
import type { NodeMessage } from './messages.js'
import { isGenerated, scopeOf, unique } from './names.js'
import { readOnnx } from './read-onnx.js'

const node = (name: string, scopes?: string): NodeMessage => ({
  name,
  type: 'MatMul',
  domain: '',
  inputs: [],
  outputs: [],
  attributes: new Map(),
  metadata: new Map(scopes === undefined ? [] : [['pkg.torch.onnx.name_scopes', scopes]]),
})

test('names that an exporter made up', () => {
  for (const name of ['onnx::MatMul_123', 'val_67', '_v_12', '463', '/layer/Constant_output_0', 'const_3', '']) assert.ok(isGenerated(name), name)
  for (const name of ['encoder.layer.0.query.weight', 'W', 'weight', 'bert/embeddings/word_embeddings', 'validity.weight'])
    assert.ok(!isGenerated(name), name)
})

test('the module of a node', () => {
  assert.equal(scopeOf(node('/encoder/layer.0/attention/self/query/MatMul')), 'encoder.layer.0.attention.self.query')
  assert.equal(scopeOf(node('/model/model.0/auto_model/pooler/Gemm')), 'model.0.auto_model.pooler')
  assert.equal(scopeOf(node('node_MatMul_66', "['', 'm', 'm.encoder', 'm.encoder.query', 'linear']")), 'm.encoder.query')
  assert.equal(scopeOf(node('MatMul_3')), undefined)
  assert.equal(scopeOf(node('/MatMul')), undefined)
})

test('a path that is taken gets a number', () => assert.equal(unique('w', new Set(['w', 'w_2'])), 'w_3'))

/** What the parameters of a file are called here, and how they lie. */
function named(nodes: NodeOf[], initializers: Record<string, readonly number[]>) {
  const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)
  const bytes = modelBytes({
    nodes,
    inputs: { x: ['batch', 4] },
    initializers: Object.fromEntries(
      Object.entries(initializers).map(([name, shape]) => [name, { shape, data: Float32Array.from({ length: size(shape) }, (_, i) => i) }]),
    ),
  })
  const { parameters, report } = readOnnx(bytes)
  return {
    paths: Object.fromEntries(
      [...parameters].map(([path, { shape, source }]) => [path, `${source.name} [${shape}]${source.transposed ? ' transposed' : ''}`]),
    ),
    report,
    data: (path: string) => [...parameters.get(path)!.data],
  }
}

test('a weight is called after the bias that is added to its product', () => {
  const nodes: NodeOf[] = [
    { type: 'MatMul', inputs: ['x', 'onnx::MatMul_7'], outputs: ['p'], name: 'MatMul_0' },
    { type: 'Add', inputs: ['h.0.query.bias', 'p'] },
  ]
  assert.deepEqual(named(nodes, { 'onnx::MatMul_7': [4, 3], 'h.0.query.bias': [3] }).paths, {
    'h.0.query.weight': 'onnx::MatMul_7 [4,3]',
    'h.0.query.bias': 'h.0.query.bias [3]',
  })
})

test('or after the node, or keeps the name of the file', () => {
  const nodes = (name: string): NodeOf[] => [{ type: 'MatMul', inputs: ['x', 'val_7'], name }]
  assert.deepEqual(Object.keys(named(nodes('/encoder/query/MatMul'), { val_7: [4, 3] }).paths), ['encoder.query.weight'])
  assert.deepEqual(Object.keys(named(nodes('MatMul_0'), { val_7: [4, 3] }).paths), ['val_7'])
})

test('weights that are stored [out, in] are [in, out] here', () => {
  const gemm = named([{ type: 'Gemm', inputs: ['x', 'fc.weight', 'fc.bias'], attributes: { transB: 1 } }], { 'fc.weight': [3, 4], 'fc.bias': [3] })
  assert.deepEqual(gemm.paths, { 'fc.weight': 'fc.weight [4,3] transposed', 'fc.bias': 'fc.bias [3]' })
  assert.deepEqual(gemm.data('fc.weight'), [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])
  assert.deepEqual(gemm.report.patterns.linear, 1)
  const turned = named(
    [
      { type: 'Transpose', inputs: ['fc.weight'], outputs: ['t'], attributes: { perm: [1, 0] } },
      { type: 'MatMul', inputs: ['x', 't'] },
    ],
    { 'fc.weight': [3, 4] },
  )
  assert.deepEqual(turned.paths, { 'fc.weight': 'fc.weight [4,3] transposed' })
})

test('a table that a head shares stays as the lookup has it', () => {
  const nodes: NodeOf[] = [
    { type: 'Cast', inputs: ['x'], outputs: ['ids'], attributes: { to: 7 } },
    { type: 'Gather', inputs: ['wte.weight', 'ids'], outputs: ['h'] },
    { type: 'Transpose', inputs: ['wte.weight'], outputs: ['t'], attributes: { perm: [1, 0] } },
    { type: 'MatMul', inputs: ['h', 't'] },
  ]
  const { paths, report } = named(nodes, { 'wte.weight': [7, 4] })
  assert.deepEqual(paths, { 'wte.weight': 'wte.weight [7,4]' })
  assert.deepEqual(report.tied, ['wte.weight'])
})

test('scalars and computed tables are constants', () => {
  const nodes: NodeOf[] = [
    { type: 'Mul', inputs: ['x', 'scale'], outputs: ['a'] },
    { type: 'Mul', inputs: ['a', 'rotary.inv_freq'] },
  ]
  assert.deepEqual(named(nodes, { scale: [1], 'rotary.inv_freq': [4] }).paths, {})
})
