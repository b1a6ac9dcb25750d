import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemory } from './memory.js'

test('allocations are aligned, never 0, and views share the one plain ArrayBuffer', () => {
  const memory = createMemory(1000)
  const first = memory.allocate(3)
  const second = memory.allocate(65)
  assert.deepEqual([first, second, memory.used], [64, 128, 192])
  const view = memory.float32(second, 2)
  assert.ok(view.buffer instanceof ArrayBuffer)
  view.set([1, 2])
  assert.deepEqual([...memory.uint8(second, 4)], [0, 0, 128, 63])
  assert.equal(memory.int32(second, 1)[0], 0x3f800000)
  assert.equal(memory.uint16(second, 2)[1], 0x3f80)
})

test('what is released is used again, and neighbours merge', () => {
  const memory = createMemory(65_536 - 64)
  const [a, b, c] = [memory.allocate(64), memory.allocate(64), memory.allocate(64)]
  memory.release(a)
  memory.release(b)
  assert.equal(memory.allocate(128), a)
  assert.throws(() => memory.release(b), { message: `release: nothing is allocated at ${b}` })
  memory.release(c)
  memory.releaseAll()
  assert.equal(memory.used, 0)
  assert.equal(memory.allocate(memory.bytes), 64)
})

test('zeros are zeros, whether memory was used before, in part, or never', () => {
  const memory = createMemory(4096)
  const first = memory.allocate(256)
  memory.uint8(first, 256).fill(7)
  memory.release(first)
  const again = memory.allocateZeros(100)
  assert.equal(again, first)
  assert.ok(memory.uint8(again, 100).every((byte) => byte === 0))
  const across = memory.allocateZeros(1000)
  assert.ok(memory.uint8(across, 1000).every((byte) => byte === 0))
  memory.uint8(across, 1000).fill(7)
  memory.release(across)
  assert.ok(memory.uint8(memory.allocateZeros(2000), 2000).every((byte) => byte === 0))
})

test('errors say what does not fit and what to do', () => {
  const memory = createMemory(10)
  memory.allocate(64)
  assert.throws(() => memory.allocate(70_000), {
    name: 'RangeError',
    message:
      'allocate: no room for 70000 bytes: 64 of 65472 are in use and the largest free block has 65408; create the memory larger before it is filled',
  })
  assert.throws(() => memory.allocate(1.5), { message: 'allocate: bytes must be a whole number from 0, got 1.5' })
  assert.throws(() => createMemory(-1), { message: 'createMemory: bytes must be a whole number from 0, got -1' })
  assert.throws(() => createMemory(2 ** 32), {
    message: 'createMemory: 4294967296 bytes do not fit one memory (at most 4294967232): put part of the tensors into a second memory',
  })
})
