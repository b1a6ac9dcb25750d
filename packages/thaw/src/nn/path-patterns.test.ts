import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matchesAny, matchesPath, selectPaths } from './path-patterns.js'

test('one part, any parts, lists', () => {
  assert.ok(matchesPath('layers.*.attention.query.weight', 'layers.3.attention.query.weight'))
  assert.ok(!matchesPath('layers.*.weight', 'layers.3.attention.query.weight'))
  assert.ok(matchesPath('layers.**', 'layers.3.attention.query.weight'))
  assert.ok(matchesPath('layers.**', 'layers'))
  assert.ok(matchesPath('layers.**.weight', 'layers.weight'))
  assert.ok(matchesPath('**.bias', 'norm.bias'))
  assert.ok(matchesPath('**.bias', 'layers.0.attention.query.bias'))
  assert.ok(matchesPath('**.bias', 'bias'))
  assert.ok(!matchesPath('**.bias', 'layers.0.attention.unbias'))
  assert.ok(matchesPath('**', 'heads.classification.weight'))
  assert.ok(matchesPath('layers.{0,11}.**', 'layers.11.feedforward.up.bias'))
  assert.ok(!matchesPath('layers.{0,11}.**', 'layers.1.feedforward.up.bias'))
  assert.ok(matchesPath('**.norm.*', 'layers.0.attention.norm.weight'))
  assert.ok(!matchesPath('layers.1.**', 'layers.10.norm.bias'))
})

test('refusals win, and no positive pattern means all', () => {
  assert.ok(!matchesAny(['layers.**', '!**.bias'], 'layers.0.attention.query.bias'))
  assert.ok(matchesAny(['!heads.**'], 'norm.weight'))
})

test('a pattern that fits nothing is an error that shows what there is', () => {
  const paths = ['embeddings.token.weight', 'layers.0.attention.query.weight']
  assert.deepEqual(selectPaths(['layers.**'], paths), ['layers.0.attention.query.weight'])
  assert.throws(() => selectPaths(['layer.**'], paths), {
    message: 'the pattern "layer.**" fits no path; there are embeddings.token.weight, layers.0.attention.query.weight',
  })
  assert.throws(() => matchesPath('layers.{0,1', 'x'), /the pattern "layers.\{0,1": expected parts separated by dots, lists closed by \}/)
})
