import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemory } from '../memory.js'
import { createKernels } from './kernels.js'
import * as reference from './reference.js'

const memory = createMemory(1 << 20)
const kernels = createKernels(memory.memory)

test('all 65,536 halves widen exactly and narrow back to themselves', () => {
  memory.releaseAll()
  const halves = memory.uint16(memory.allocate(65_536 * 2), 65_536)
  const wide = memory.float32(memory.allocate(65_536 * 4), 65_536)
  for (let i = 0; i < 65_536; i++) halves[i] = i
  kernels.f16ToF32(wide.byteOffset, halves.byteOffset, 65_535) // an odd length
  for (let i = 0; i < 65_535; i++) assert.ok(Object.is(wide[i], reference.fromHalf(i)), `${i}: ${wide[i]}`)
  kernels.f32ToF16(halves.byteOffset, wide.byteOffset, 65_535)
  for (let i = 0; i < 65_535; i++) assert.ok(halves[i] === i || (Number.isNaN(wide[i]) && (halves[i]! & 0x7e00) === 0x7e00), `${i}: ${halves[i]}`)
  kernels.bf16ToF32(wide.byteOffset, halves.byteOffset, 7)
  assert.equal(new Uint32Array(wide.buffer, wide.byteOffset, 7)[6], 6 << 16)
})

test('narrowing rounds to nearest, ties to even, over the whole range of exponents', () => {
  memory.releaseAll()
  const bits = Array.from({ length: 20_001 }, (_, i) => reference.word(i, { low: 5, high: 0 }))
  const ties = [
    1 + 2 ** -11,
    1 + 3 * 2 ** -11,
    2 ** -25,
    3 * 2 ** -25,
    2 ** -24,
    65_519.99,
    65_520,
    -65_536,
    1e-44,
    -0,
    2 ** -14 - 2 ** -25,
    Number.POSITIVE_INFINITY,
  ]
  const x = memory.float32(memory.allocate(bits.length * 4), bits.length)
  new Uint32Array(x.buffer, x.byteOffset, bits.length).set(bits)
  // exponents of halves only, for half of the samples
  for (let i = 0; i < x.length; i += 2) x[i] = (1 + (bits[i]! & 0x7fffff) * 2 ** -23) * 2 ** (((bits[i]! >>> 23) % 44) - 27)
  x.set(ties)
  const y = memory.uint16(memory.allocate(x.length * 2), x.length)
  kernels.f32ToF16(y.byteOffset, x.byteOffset, x.length)
  x.forEach((value, i) => {
    assert.equal(y[i], Number.isNaN(value) ? y[i]! | 0x7e00 : reference.toHalf(value), `${value}`)
  })
  kernels.f32ToBf16(y.byteOffset, x.byteOffset, x.length)
  const words = new Uint32Array(x.buffer, x.byteOffset, x.length)
  x.forEach((value, i) => {
    const [kept, rest] = [words[i]! >>> 16, words[i]! & 0xffff]
    const up = rest > 0x8000 || (rest === 0x8000 && kept % 2 === 1) ? 1 : 0
    assert.equal(y[i], Number.isNaN(value) ? kept | 0x40 : kept + up, `${value}`)
  })
})

test('bytes dequantise with a scale and a zero a row', () => {
  memory.releaseAll()
  const [rows, width] = [3, 13]
  const source = memory.uint8(memory.allocate(rows * width), rows * width)
  source.forEach((_, i) => {
    source[i] = i * 37
  })
  const scales = memory.float32(memory.allocate(12), rows)
  scales.set([0.5, 0.25, 2])
  const zeros = memory.int32(memory.allocate(12), rows)
  zeros.set([128, 3, -7])
  const target = memory.float32(memory.allocate(rows * width * 4), rows * width)
  kernels.dequantizeU8(target.byteOffset, source.byteOffset, rows, width, scales.byteOffset, zeros.byteOffset)
  target.forEach((value, i) => {
    assert.equal(value, (source[i]! - zeros[Math.floor(i / width)]!) * scales[Math.floor(i / width)]!)
  })
  kernels.dequantizeI8(target.byteOffset, source.byteOffset, rows, width, scales.byteOffset)
  target.forEach((value, i) => {
    assert.equal(value, ((source[i]! << 24) >> 24) * scales[Math.floor(i / width)]!)
  })
})
