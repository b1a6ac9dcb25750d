import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeBF16, decodeF16, encodeBF16, encodeF16 } from './halves.js'

// What torch 2.13 gives for .half() and .bfloat16().
const values = [65519.9, -65519, 2049, 2051, 6.1e-5, 6e-5, 2.98e-8, 2.99e-8, 1e-8, -0, Infinity, 1.0009765, 0.33325]
const f16 = [0x7bff, 0xfbff, 0x6800, 0x6802, 0x3ff, 0x3ef, 0, 1, 0, 0x8000, 0x7c00, 0x3c01, 0x3555]
const bf16 = [0x4780, 0xc780, 0x4500, 0x4500, 0x3880, 0x387c, 0x3300, 0x3300, 0x322c, 0x8000, 0x7f80, 0x3f80, 0x3eab]

test('halves are rounded to nearest even, as in PyTorch', () => {
  const into = new Uint16Array(values.length)
  assert.equal(encodeF16(Float32Array.from(values), into), -1)
  assert.deepEqual([...into], f16)
  encodeBF16(Float32Array.from(values), into)
  assert.deepEqual([...into], bf16)
})

test('every binary16 pattern survives there and back', () => {
  const patterns = Uint16Array.from({ length: 65536 }, (_, i) => i)
  const floats = new Float32Array(65536)
  const back = new Uint16Array(65536)
  decodeF16(patterns, floats)
  encodeF16(floats, back)
  for (let i = 0; i < 65536; i++) {
    if (Number.isNaN(floats[i])) assert.equal(back[i]! & 0x7e00, 0x7e00)
    else assert.equal(back[i], i)
  }
})

test('every bfloat16 pattern survives there and back', () => {
  const patterns = Uint16Array.from({ length: 65536 }, (_, i) => i)
  const floats = new Float32Array(65536)
  const back = new Uint16Array(65536)
  decodeBF16(patterns, floats)
  encodeBF16(floats, back)
  for (let i = 0; i < 65536; i++) {
    if (Number.isNaN(floats[i])) assert.equal(back[i]! & 0x7fc0, 0x7fc0)
    else assert.equal(back[i], i)
  }
})

test('the first finite value beyond binary16 is pointed out', () => {
  const into = new Uint16Array(4)
  assert.equal(encodeF16(Float32Array.of(1, Infinity, 65520, 1e9), into), 2)
  assert.deepEqual([...into], [0x3c00, 0x7c00, 0x7c00, 0x7c00])
})
