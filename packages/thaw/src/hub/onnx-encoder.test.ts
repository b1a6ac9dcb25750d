// Encoders in ONNX files: their roles are found, and a BERT becomes a backbone that computes the same.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { createExecutor, dim, type ImportedModel, input, ops, readOnnx, type Tensor } from '@thaw/tensor'
import { transformer } from '../models/transformer.js'
import { Scope } from '../nn/scope.js'
import { onnxBackbone } from './onnx-backbone.js'
import { onnxEncoder } from './onnx-encoder.js'

const fixtures = new URL('../../../tensor/fixtures/onnx/', import.meta.url)
const read = (name: string) => readOnnx(new Uint8Array(gunzipSync(readFileSync(new URL(`${name}.onnx.gz`, fixtures)))))
const stored = JSON.parse(readFileSync(new URL('expected.json', fixtures), 'utf8')) as {
  inputs: { ids: number[]; mask: number[]; shape: number[] }
  models: Record<string, { shape: number[]; output: number[] }>
}

test('the ids, the mask and the hidden states of an export', () => {
  const encoder = onnxEncoder(read('bert-sdpa-jit-17'))
  assert.equal(encoder.width, 16)
  assert.equal(encoder.maxLength, 24)
  assert.equal(encoder.segments, undefined)
  assert.equal(encoder.ids.node.attributes.path, 'input_ids')
  assert.equal(encoder.hidden, encoder.model.outputs.output)
})

test('hidden states inside a model whose output is something else', () => {
  const model = read('einsum-eager-jit-13')
  assert.throws(
    () => onnxEncoder(model),
    (error: Error) =>
      error.message ===
      'ONNX encoder: there is no output of the shape [batch, time, width]; the outputs are output f32 [batch, 5]: name a value as `hidden`',
  )
  const encoder = onnxEncoder(model, { hidden: '/norm/Add_1_output_0' })
  assert.deepEqual(encoder.hidden.shape.map(String), ['batch', 'sequence', '16'])
  assert.throws(() => onnxEncoder(model, { hidden: 'nothing' }), /there is no value "nothing" of the shape/)
})

test('inputs that are not known', () => {
  const model = (inputs: Record<string, Tensor>) => ({ ...read('bert-eager-jit-17'), inputs }) as ImportedModel
  const ids = input('input_ids', [dim('batch'), dim('sequence')], 'i32')
  assert.throws(
    () => onnxEncoder(model({ input_ids: ids })),
    /no input is called attention_mask or mask or .*; the inputs are input_ids i32 \[batch, sequence\]/,
  )
  const more = { input_ids: ids, mask: ids, past_key: input('past_key', [dim('batch'), 2, 3, 4]) }
  assert.throws(() => onnxEncoder(model(more)), /what to feed to past_key is not known/)
})

for (const name of ['bert-eager-jit-13', 'bert-eager-dynamo-20', 'fresh-eager-jit-17'])
  test(`${name} as a backbone computes what PyTorch does`, async () => {
    const { config, parameters, unused } = onnxBackbone(read(name))
    assert.deepEqual(config, {
      ...{ vocabulary: 48, hidden: 16, layers: 2, heads: 2, inner: 32, positions: 24, segments: 2, pooler: false },
      ...{ block: 'post', causal: false, positionKind: 'learned', activation: 'gelu', dropout: 0.1, normEpsilon: 1e-12 },
    })
    assert.deepEqual(unused, [])
    const shape = [dim('batch'), dim('time')]
    const { hidden } = transformer(new Scope(), config, {
      ids: input('ids', shape, 'i32'),
      visible: ops.greater(input('mask', shape, 'i32'), 0),
      positions: input('positions', shape, 'i32'),
    })
    const executor = await createExecutor({ threads: 1, worker: false })
    const params = await executor.store('params')
    await params.declare([...parameters].map(([path, { shape: own }]) => ({ path, shape: own, dtype: 'f32' })))
    for (const [path, { data }] of parameters) await params.write(path, data)
    const { ids, mask, shape: given } = stored.inputs
    const program = await executor.compile({ outputs: { hidden } })
    const { outputs } = await program.bind({ params }).run({
      feeds: {
        ids: { shape: given, data: Int32Array.from(ids) },
        mask: { shape: given, data: Int32Array.from(mask) },
        positions: { shape: given, data: Int32Array.from(ids, (_, i) => i % given[1]!) },
      },
    })
    stored.models[name.split('-')[0]!]!.output.forEach((value, i) => {
      assert.ok(Math.abs(Number(outputs.hidden!.data[i]) - value) < 1e-5, `hidden[${i}]: ${outputs.hidden!.data[i]}, PyTorch has ${value}`)
    })
    await executor[Symbol.asyncDispose]()
  })

test('other models are no such backbone', () => {
  assert.throws(
    () => onnxBackbone(read('gpt2-sdpa-jit-17')),
    /^Error: ONNX backbone: no parameter ends in embeddings\.word_embeddings\.weight: only BERT's shape is known; adapt the graph itself with onnxEncoder$/,
  )
})
