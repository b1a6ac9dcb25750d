import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Contender } from './demo.js'
import { gain, gainSentence } from './summary.js'

const contender = (name: string, accuracy: number[]): Contender => ({
  name,
  what: '',
  accuracy,
  macroF1: accuracy,
  valid: accuracy,
  seconds: accuracy,
  trained: 1,
  epochs: [],
  settings: '',
})

test('the gain is of pairs of runs on the same labels, with its standard error', () => {
  const contenders = [contender('from scratch', [0.4, 0.45, 0.41]), contender('full fine-tuning', [0.5, 0.56, 0.53])]
  const { mean, deviation, error } = gain({ contenders }) // 10, 11, 12 points
  assert.ok(Math.abs(mean - 11) < 1e-9 && Math.abs(deviation - 1) < 1e-9 && Math.abs(error - 1 / Math.sqrt(3)) < 1e-9)
  assert.equal(gainSentence({ contenders }), 'Full fine-tuning gains 11.0 points on scratch (standard error 0.6, 3 seeds).')
})

test('a loss is called one', () => {
  const contenders = [contender('from scratch', [0.5]), contender('full fine-tuning', [0.4])]
  assert.equal(gainSentence({ contenders }), 'Full fine-tuning loses 10.0 points to scratch.')
})
