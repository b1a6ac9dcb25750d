import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tinyBert, tinyGpt, tinyTutorial } from '../testing/checkpoints.js'
import { type CheckpointConfig, formatConfig, parseConfig } from './config-json.js'

const none = new Set<string>()
const pooled = new Set(['bert.pooler.dense.weight'])

test('all three kinds come back as they were', () => {
  for (const model of [tinyGpt, tinyBert, tinyTutorial, { ...tinyGpt, activation: 'gelu' as const }, { ...tinyBert, activation: 'relu' as const }]) {
    const config: CheckpointConfig = {
      model,
      labels: ['__proto__', 'b'],
      tokens: { pad: 0, eos: 3 },
      thaw: { pooling: 'mean', recipe: { epochs: 3 } },
    }
    assert.deepEqual(parseConfig(formatConfig(config, none), pooled, 'c').config, config)
    assert.deepEqual(parseConfig(formatConfig({ model }, none), pooled, 'c').config, { model })
  }
})

test("the keys are transformers'", () => {
  const gpt = JSON.parse(formatConfig({ model: tinyGpt, labels: ['a', 'b'] }, new Set(['sequence'])))
  assert.deepEqual(gpt.architectures, ['GPT2ForSequenceClassification'])
  assert.deepEqual(JSON.parse(formatConfig({ model: tinyGpt }, new Set(['classification']))).architectures, ['GPT2Model'])
  assert.deepEqual([gpt.model_type, gpt.n_embd, gpt.n_inner, gpt.activation_function, gpt.bos_token_id], ['gpt2', 4, 6, 'gelu_new', null])
  assert.deepEqual([gpt.id2label, gpt.label2id, gpt.thaw], [{ 0: 'a', 1: 'b' }, { a: 0, b: 1 }, undefined])
  const bert = JSON.parse(formatConfig({ model: tinyBert }, new Set(['mlm'])))
  assert.deepEqual([bert.architectures, bert.intermediate_size, bert.type_vocab_size, bert.layer_norm_eps], [['BertForMaskedLM'], 6, 2, 1e-12])
  assert.deepEqual(JSON.parse(formatConfig({ model: tinyBert }, new Set(['classification']))).architectures, ['BertModel'])
  const own = JSON.parse(formatConfig({ model: tinyTutorial }, none))
  assert.deepEqual([own.model_type, own.thaw.config], ['thaw', tinyTutorial])
})

test("GPT-2's defaults are transformers'", () => {
  const { model } = parseConfig('{"model_type":"gpt2"}', none, 'c').config
  assert.deepEqual([model.vocabulary, model.hidden, model.inner, model.positions, model.activation], [50257, 768, 3072, 1024, 'gelu-tanh'])
})

test('errors name the file and the key', () => {
  const refused = (text: string | object, message: string | RegExp) =>
    assert.throws(() => parseConfig(typeof text === 'string' ? text : JSON.stringify(text), none, 'c.json'), { message })
  refused('{', /^c\.json: not JSON \(.*\)\. Download or save it again\.$/)
  refused('3', 'c.json: expected a JSON object; got 3')
  refused(
    {},
    'c.json: model_type is missing; the kinds that can be loaded are gpt2, bert, roberta, xlm-roberta, distilbert, electra and thaw. Choose a checkpoint of one of these.',
  )
  refused(
    { model_type: 'llama' },
    'c.json: model_type is "llama"; the kinds that can be loaded are gpt2, bert, roberta, xlm-roberta, distilbert, electra and thaw. Choose a checkpoint of one of these.',
  )
  refused({ model_type: 'gpt2', n_embd: '8' }, 'c.json: n_embd must be a number; got "8"')
  refused({ model_type: 'gpt2', n_embd: 10, n_head: 4 }, 'c.json: heads is 4, which does not divide hidden, 10; choose one of 1, 2, 5, 10')
  refused({ model_type: 'bert', hidden_act: 'silu' }, 'c.json: hidden_act is "silu"; known are gelu, gelu_new, gelu_pytorch_tanh, relu')
  const relative = 'c.json: position_embedding_type is "relative_key", which Thaw\'s models do not have; only "absolute" can be loaded'
  refused({ model_type: 'bert', position_embedding_type: 'relative_key' }, relative)
  refused(
    { model_type: 'thaw', thaw: { config: { ...tinyGpt, width: 1 } } },
    /^c\.json: thaw\.config: unknown key 'width'; the keys are vocabulary, /,
  )
  refused(
    { model_type: 'gpt2', id2label: { 0: 'a', 2: 'b' } },
    "c.json: id2label has 2 entries but no text under '1'; ids must run from 0 without gaps",
  )
  const fails = (config: CheckpointConfig, message: string) => assert.throws(() => formatConfig(config, none), { message })
  fails({ model: tinyGpt, labels: ['a', 'a'] }, "config.labels: 'a' is there twice; labels must be distinct")
  fails({ model: tinyGpt, thaw: { config: 1 } }, "config.thaw: the key 'config' is taken by the backbone's; rename it")
  fails({ model: tinyGpt, tokens: { pad: 11 } }, 'config.tokens.pad: 11 is no row of a vocabulary of 11; give an id from 0 to 10')
})
