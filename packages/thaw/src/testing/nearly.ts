// Results of two programs that compute the same: everything equal but numbers, which may differ in their last digits.

import assert from 'node:assert/strict'

/** Fails where two values differ in anything but numbers, or in a number by more than `within`. */
export function nearlyEqual(actual: unknown, expected: unknown, within = 1e-6, at = 'value'): void {
  if (typeof expected === 'number' && typeof actual === 'number')
    assert.ok(Math.abs(actual - expected) <= within, `${at}: ${actual} but ${expected} was expected, within ${within}`)
  else if (typeof expected === 'object' && expected !== null && typeof actual === 'object' && actual !== null) {
    assert.deepEqual(Object.keys(actual), Object.keys(expected), at)
    for (const [key, value] of Object.entries(expected)) nearlyEqual((actual as Record<string, unknown>)[key], value, within, `${at}.${key}`)
  } else assert.equal(actual, expected, at)
}
