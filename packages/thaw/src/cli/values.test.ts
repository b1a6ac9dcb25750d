// What options say where a value is not what they expect, and what they read.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pairs } from './values.js'

test('pairs: numbers, booleans and words by name; names of schemes have hyphens and digits', () => {
  assert.deepEqual(pairs('layers=2,tied=true,activation=gelu'), { layers: 2, tied: true, activation: 'gelu' })
  assert.deepEqual(pairs('l2-sp=0.1,gradual-unfreezing=1e-4'), { 'l2-sp': 0.1, 'gradual-unfreezing': 1e-4 })
  for (const wrong of ['layers', 'layers=', '=2', '2=2']) assert.throws(() => pairs(wrong), /Expected name=value, or several with commas/)
})
