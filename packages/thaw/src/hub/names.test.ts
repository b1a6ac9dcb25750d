import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parameterShapes } from '../models/shapes.js'
import { tinyBert, tinyGpt, tinyParameters, tinyTutorial } from '../testing/checkpoints.js'
import { layoutOf, type Parameter, toOurs, toTheirs } from './names.js'

const byPath = (parameters: Parameter[]) => new Map(parameters.map((parameter) => [parameter.path, parameter]))

test('layouts', () => {
  assert.equal(layoutOf(tinyGpt), 'gpt2')
  assert.equal(layoutOf(tinyBert), 'bert')
  assert.equal(layoutOf(tinyTutorial), 'thaw')
  assert.equal(layoutOf({ ...tinyGpt, causal: false }), 'thaw')
  assert.equal(layoutOf({ ...tinyBert, segments: 0 }), 'thaw')
})

// The names that transformers 5.23 saves for models of one layer.
const gptNames =
  'h.0.attn.c_attn.bias h.0.attn.c_attn.weight h.0.attn.c_proj.bias h.0.attn.c_proj.weight h.0.ln_1.bias h.0.ln_1.weight h.0.ln_2.bias h.0.ln_2.weight h.0.mlp.c_fc.bias h.0.mlp.c_fc.weight h.0.mlp.c_proj.bias h.0.mlp.c_proj.weight ln_f.bias ln_f.weight wpe.weight wte.weight'
const bertNames =
  'embeddings.LayerNorm.bias embeddings.LayerNorm.weight embeddings.position_embeddings.weight embeddings.token_type_embeddings.weight embeddings.word_embeddings.weight encoder.layer.0.attention.output.LayerNorm.bias encoder.layer.0.attention.output.LayerNorm.weight encoder.layer.0.attention.output.dense.bias encoder.layer.0.attention.output.dense.weight encoder.layer.0.attention.self.key.bias encoder.layer.0.attention.self.key.weight encoder.layer.0.attention.self.query.bias encoder.layer.0.attention.self.query.weight encoder.layer.0.attention.self.value.bias encoder.layer.0.attention.self.value.weight encoder.layer.0.intermediate.dense.bias encoder.layer.0.intermediate.dense.weight encoder.layer.0.output.LayerNorm.bias encoder.layer.0.output.LayerNorm.weight encoder.layer.0.output.dense.bias encoder.layer.0.output.dense.weight'
const mlmNames =
  'cls.predictions.bias cls.predictions.transform.LayerNorm.bias cls.predictions.transform.LayerNorm.weight cls.predictions.transform.dense.bias cls.predictions.transform.dense.weight'
const mlm = {
  'heads.mlm.transform.weight': [4, 4],
  'heads.mlm.transform.bias': [4],
  'heads.mlm.norm.weight': [4],
  'heads.mlm.norm.bias': [4],
  'heads.mlm.bias': [11],
}

test("GPT-2: transformers' names, query | key | value in one matrix", () => {
  const parameters = byPath(tinyParameters({ ...tinyGpt, layers: 1 }))
  const { tensors, ownNames } = toTheirs('gpt2', parameters, 'F32', true)
  assert.deepEqual(
    tensors.map(({ name }) => name).sort(),
    gptNames.split(' ').map((name) => `transformer.${name}`),
  )
  assert.deepEqual(ownNames, [])
  const { shape, data } = tensors.find(({ name }) => name.endsWith('c_attn.weight'))!
  assert.deepEqual(shape, [4, 12])
  const joined = typeof data === 'function' ? data() : data
  const second = (part: string) => [...parameters.get(`layers.0.attention.${part}.weight`)!.data.subarray(4, 8)]
  assert.deepEqual([...joined.subarray(12, 24)], [...second('query'), ...second('key'), ...second('value')])
})

test("BERT with a masked-LM head: transformers' names, weights transposed", () => {
  const parameters = byPath(tinyParameters({ ...tinyBert, layers: 1, pooler: false }, mlm))
  const { tensors, ownNames } = toTheirs('bert', parameters, 'F32', true)
  assert.deepEqual(tensors.map(({ name }) => name).sort(), [...bertNames.split(' ').map((name) => `bert.${name}`), ...mlmNames.split(' ')])
  assert.deepEqual(ownNames, [])
  const up = tensors.find(({ name }) => name === 'bert.encoder.layer.0.intermediate.dense.weight')!
  const ours = parameters.get('layers.0.feedforward.up.weight')!.data // [4, 6]
  assert.deepEqual(up.shape, [6, 4])
  assert.deepEqual([...(typeof up.data === 'function' ? up.data() : up.data)].slice(0, 4), [ours[0], ours[6], ours[12], ours[18]])
})

test('heads: GPT-2 has no place for the bias, BERT has', () => {
  const heads = { 'heads.sequence.output.weight': [4, 3], 'heads.sequence.output.bias': [3] }
  const gpt = toTheirs('gpt2', byPath(tinyParameters(tinyGpt, heads)), 'F32', true)
  assert.deepEqual(gpt.ownNames, ['heads.sequence.output.bias'])
  assert.deepEqual(gpt.tensors.find(({ name }) => name === 'score.weight')?.shape, [3, 4])
  const bert = toTheirs('bert', byPath(tinyParameters(tinyBert, heads)), 'F32', true)
  assert.deepEqual(bert.ownNames, [])
  assert.deepEqual(bert.tensors.find(({ name }) => name === 'classifier.weight')?.shape, [3, 4])
  // a head of ours is none of transformers', and so keeps its name
  const ours = toTheirs('bert', byPath(tinyParameters(tinyBert, { 'heads.classification.weight': [4, 3] })), 'F32', true)
  assert.deepEqual(ours.ownNames, ['heads.classification.weight'])
})

const paths = (layout: 'gpt2' | 'bert', names: Record<string, number[]>, tied = true) => {
  const { places, ignored } = toOurs(
    layout,
    Object.entries(names).map(([name, shape]) => ({ name, shape })),
    tied,
    'm',
  )
  return { paths: Object.fromEntries(places.map(({ path, shape }) => [path, shape])), ignored }
}

test('every wanted path is found again, with and without the prefix', () => {
  for (const [layout, config] of [
    ['gpt2', tinyGpt],
    ['bert', tinyBert],
  ] as const) {
    for (const prefixed of [true, false]) {
      const { tensors } = toTheirs(layout, byPath(tinyParameters(config)), 'F32', prefixed)
      const { places } = toOurs(layout, tensors, true, 'm')
      const found = new Map(places.map(({ path, shape }) => [path, shape]))
      assert.deepEqual(new Map([...found].sort()), new Map([...parameterShapes(config)].sort()))
    }
  }
})

test('buffers, tied tables, old names, strangers', () => {
  const gpt = paths('gpt2', { 'h.0.attn.bias': [1, 1, 5, 5], 'h.0.attn.masked_bias': [], 'lm_head.weight': [11, 4], 'h.0.adapter.weight': [4] })
  assert.deepEqual(gpt, { paths: { 'h.0.adapter.weight': [4] }, ignored: ['h.0.attn.bias', 'h.0.attn.masked_bias', 'lm_head.weight'] })
  assert.deepEqual(paths('gpt2', { 'lm_head.weight': [11, 4] }, false), { paths: { 'lm_head.weight': [11, 4] }, ignored: [] })
  const bert = paths('bert', {
    'bert.embeddings.position_ids': [1, 5],
    'bert.embeddings.LayerNorm.gamma': [4],
    'bert.embeddings.LayerNorm.beta': [4],
    'cls.predictions.decoder.weight': [11, 4],
    'cls.seq_relationship.weight': [2, 4],
  })
  assert.deepEqual(bert.paths, { 'embeddings.norm.weight': [4], 'embeddings.norm.bias': [4], 'heads.nsp.weight': [4, 2] })
  assert.deepEqual(bert.ignored, ['bert.embeddings.position_ids', 'cls.predictions.decoder.weight'])
})

test('errors: two tensors for one path, shapes against their name', () => {
  const both = "m: tensors 'wte.weight' and 'transformer.wte.weight' both stand for embeddings.token.weight; remove one"
  assert.throws(() => paths('gpt2', { 'wte.weight': [1, 1], 'transformer.wte.weight': [1, 1] }), { message: both })
  const blocks = "m: tensor 'h.0.attn.c_attn.weight': shape [4,10] cannot be cut into 3 equal blocks of columns for layers.#.attention.query.weight"
  assert.throws(() => paths('gpt2', { 'h.0.attn.c_attn.weight': [4, 10] }), { message: `${blocks}; the file does not fit its model_type` })
  const matrix = "m: tensor 'pooler.dense.weight': shape [4] is no matrix, which pooler.weight is; the file does not fit its model_type"
  assert.throws(() => paths('bert', { 'pooler.dense.weight': [4] }), { message: matrix })
})
