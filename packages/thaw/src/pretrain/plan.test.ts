import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plannedSteps, scheduleOf, validationInterval, warmupSteps } from './plan.js'
import { type PretrainSettings, pretrainSettings } from './settings.js'

const settings = (given: Partial<PretrainSettings> = {}) => pretrainSettings({ text: ['a.txt'], ...given })

test('the length is what was told: steps, what fits into the minutes with a tenth for validation, epochs', () => {
  assert.equal(plannedSteps(settings({ steps: 7 }), 100, 0.5), 7)
  assert.equal(plannedSteps(settings({ minutes: 11 }), 100, 0.5), 1200)
  assert.equal(plannedSteps(settings({ epochs: 2.5 }), 100, 0.5), 250)
  assert.equal(plannedSteps(settings(), 100, 0.5), 100)
})

test('every schedule begins with the warm-up and reaches its peak', () => {
  for (const schedule of ['cosine', 'linear', 'constant', 'inverse-square-root'] as const) {
    const factors = Array.from({ length: 100 }, (_, step) => scheduleOf(settings({ schedule, warmup: 10 }), 100)(step))
    assert.ok(factors[0]! < 0.11 && factors[0]! > 0.08, `${schedule} begins at ${factors[0]}`)
    assert.ok(Math.abs(Math.max(...factors) - 1) < 0.01, schedule)
    const without = scheduleOf(settings({ schedule, warmup: 0 }), 100)
    assert.equal(without(0), 1)
    const end = { cosine: [0.05, 0.06], linear: [0, 0.02], constant: [1, 1], 'inverse-square-root': [0.31, 0.33] }[schedule]
    assert.ok(factors[99]! >= end[0]! && factors[99]! <= end[1]!, `${schedule} ends at ${factors[99]}`)
  }
  assert.equal(warmupSteps(settings(), 400), 8)
  assert.equal(warmupSteps(settings(), 1e6), 1000)
  assert.throws(() => warmupSteps(settings({ warmup: 50 }), 50), {
    message: /^warmup 50: the run has 50 steps, so the rate would never reach its peak/,
  })
})

test('validation is twenty times, or as often as a tenth of the time allows, and at the end in any case', () => {
  assert.equal(validationInterval(settings(), 10_000, 60_000), 500)
  assert.equal(validationInterval(settings({ batch: 10, time: 100 }), 300, 9_000), 30) // 9 batches cost 3 steps, a tenth of the run is 30
  assert.equal(validationInterval(settings(), 5, 60_000), 5)
  assert.equal(validationInterval(settings({ validateEvery: 3 }), 300, 60_000), 3)
})

test('settings that cannot be are named', () => {
  const fails = (given: Partial<PretrainSettings>, message: string | RegExp) => assert.throws(() => settings(given), { message })
  fails({ config: { embedding: 64 } }, "config: embedding 64: a causal model's embeddings are as wide as its layers, 256; leave embedding out")
  fails({ batch: 1.5 }, 'batch 1.5: expected a whole number above 0')
  fails({ rate: 0 }, 'rate 0: expected a number above 0')
  fails({ warmup: -1 }, 'warmup -1: expected a whole number of at least 0')
  fails({ schedule: 'step' as never }, 'schedule "step": expected one of cosine, inverse-square-root, linear, constant')
  fails({ valid: ['-'] }, 'valid: standard input can be given as the text only; name a file')
  fails({ time: 512 }, 'time 512: the model has 128 positions; give a shorter time, or more positions')
  fails({ config: { heads: 5 } }, /^config: heads is 5, which does not divide hidden, 256/)
})
