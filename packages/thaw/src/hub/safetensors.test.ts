import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { inFolder } from '../testing/checkpoints.js'
import type { Dtype } from './dtypes.js'
import { readSafetensors } from './safetensors.js'
import { writeSafetensors } from './safetensors-write.js'

// Written by Python's safetensors 0.8.0 from torch tensors.
const fromPython =
  '2AIAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCJ9LCJpNjQiOnsiZHR5cGUiOiJJNjQiLCJzaGFwZSI6WzJdLCJkYXRhX29mZnNldHMiOlswLDE2XX0sImY2NCI6eyJkdHlwZSI6IkY2NCIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzE2LDI0XX0sImYzMiI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbMSwyXSwiZGF0YV9vZmZzZXRzIjpbMjQsMzJdfSwibm9uZSI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbMCwzXSwiZGF0YV9vZmZzZXRzIjpbMzIsMzJdfSwic2NhbGFyIjp7ImR0eXBlIjoiRjMyIiwic2hhcGUiOltdLCJkYXRhX29mZnNldHMiOlszMiwzNl19LCJpMzIiOnsiZHR5cGUiOiJJMzIiLCJzaGFwZSI6WzFdLCJkYXRhX29mZnNldHMiOlszNiw0MF19LCJiZjE2Ijp7ImR0eXBlIjoiQkYxNiIsInNoYXBlIjpbMl0sImRhdGFfb2Zmc2V0cyI6WzQwLDQ0XX0sImYxNiI6eyJkdHlwZSI6IkYxNiIsInNoYXBlIjpbM10sImRhdGFfb2Zmc2V0cyI6WzQ0LDUwXX0sImkxNiI6eyJkdHlwZSI6IkkxNiIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzUwLDUyXX0sImk4Ijp7ImR0eXBlIjoiSTgiLCJzaGFwZSI6WzFdLCJkYXRhX29mZnNldHMiOls1Miw1M119LCJ1OCI6eyJkdHlwZSI6IlU4Iiwic2hhcGUiOlsxXSwiZGF0YV9vZmZzZXRzIjpbNTMsNTRdfSwiZmxhZyI6eyJkdHlwZSI6IkJPT0wiLCJzaGFwZSI6WzJdLCJkYXRhX29mZnNldHMiOls1NCw1Nl19fSAgICAgIPn/////////AAAAAAABAAAAAAAAAADgPwAAwD8AABDAAACAQAUAAADNPYD/Zi7/ewEA/f+cyAEA'

test('reads what Python wrote, and writes the same bytes', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'a.safetensors')
    await writeFile(path, fromPython, 'base64')
    await using file = await readSafetensors(path)
    assert.deepEqual(file.metadata, { format: 'pt' })
    assert.deepEqual(await file.read('f32'), Float32Array.of(1.5, -2.25))
    assert.deepEqual(await file.read('f16'), Float32Array.of(0.0999755859375, 65504, 2 ** -24))
    assert.deepEqual(await file.read('bf16'), Float32Array.of(0.10009765625, -Infinity))
    assert.deepEqual(await file.read('f64'), Float32Array.of(0.5))
    assert.deepEqual(await file.read('i64'), Float64Array.of(-7, 2 ** 40))
    assert.deepEqual(await file.read('i32'), Int32Array.of(5))
    assert.deepEqual(await file.read('i16'), Int16Array.of(-3))
    assert.deepEqual(await file.read('u8'), Uint8Array.of(200))
    assert.deepEqual(await file.read('i8'), Int8Array.of(-100))
    assert.deepEqual(await file.read('flag'), Uint8Array.of(1, 0))
    assert.deepEqual(await file.read('scalar'), Float32Array.of(4))
    assert.deepEqual(await file.read('none'), new Float32Array(0))
    const copy = join(folder, 'b.safetensors')
    const tensors = await Promise.all(
      [...file.entries].map(async ([name, { dtype, shape }]) => ({ name, dtype, shape, data: await file.read(name) })),
    )
    await writeSafetensors(copy, tensors, file.metadata)
    assert.deepEqual(await readFile(copy), await readFile(path))
    assert.deepEqual((await readdir(folder)).sort(), ['a.safetensors', 'b.safetensors'])
  }))

test('readInto fills a part of larger memory; halves pass through chunks', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'a.safetensors')
    const data = Float32Array.from({ length: 2_100_000 }, (_, i) => (i % 2048) - 1000)
    const each = (['F32', 'F16', 'F64'] as Dtype[]).map((dtype) => ({ name: dtype, dtype, shape: [3, 700_000], data }))
    await writeSafetensors(path, each)
    await using file = await readSafetensors(path)
    const memory = new Float32Array(data.length + 2)
    for (const { name } of each) {
      memory.fill(0.5)
      await file.readInto(name, memory.subarray(1, -1))
      assert.ok(Buffer.from(memory.buffer, 4, data.byteLength).equals(Buffer.from(data.buffer)), name)
      assert.deepEqual([memory[0], memory.at(-1)], [0.5, 0.5])
    }
  }))

test('property: whatever is written comes back', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'p.safetensors')
    const tensor = fc.record({
      name: fc.string({ unit: 'binary' }).filter((name) => name !== '__metadata__'),
      shape: fc.array(fc.nat(4), { maxLength: 3 }),
      dtype: fc.constantFrom<Dtype>('F32', 'BF16', 'F64', 'I64', 'U8'),
    })
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 6 }), async (tensors) => {
        const filled = tensors.map((one, n) => {
          const length = one.shape.reduce((a, b) => a * b, 1)
          const values = Array.from({ length }, (_, i) => (i + n) % 100)
          return {
            ...one,
            data: one.dtype === 'U8' ? Uint8Array.from(values) : one.dtype === 'I64' ? Float64Array.from(values) : Float32Array.from(values),
          }
        })
        await writeSafetensors(path, filled)
        await using file = await readSafetensors(path)
        assert.equal(file.entries.size, filled.length)
        for (const { name, shape, data } of filled) {
          assert.deepEqual(file.entries.get(name)?.shape, shape)
          assert.deepEqual(await file.read(name), data)
        }
      }),
      { numRuns: 30 },
    )
  }))

test('property: a file cut off or lengthened anywhere is refused', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'p.safetensors')
    const whole = Buffer.from(fromPython, 'base64')
    for (let size = 0; size < whole.length + 9; size += 7) {
      if (size === whole.length) continue
      await writeFile(path, Buffer.concat([whole, Buffer.alloc(9)]).subarray(0, size))
      await assert.rejects(readSafetensors(path), size < whole.length ? /truncated/ : /oversized/)
    }
  }))

test('errors of reading', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'a.safetensors')
    const big = BigInt64Array.of(1n, 2n ** 60n)
    await writeSafetensors(path, [{ name: 'n', dtype: 'I64', shape: [2], data: big }])
    await using file = await readSafetensors(path)
    const fails = (promise: Promise<unknown>, message: string) => assert.rejects(promise, { message })
    await fails(file.read('m'), `${path}: there is no tensor 'm'; the file has 'n'`)
    const exact = 'beyond the whole numbers that JavaScript holds exactly (±2^53). Store it as F64 or I32.'
    await fails(file.read('n'), `${path}: tensor 'n': element 1 is 1152921504606846976, ${exact}`)
    await fails(
      file.readInto('n', new Float32Array(2)),
      `${path}: tensor 'n': its dtype is I64, expected a float type (F32, F16, BF16, F64). Save it as F32.`,
    )
    await writeSafetensors(path, [{ name: 'f', dtype: 'F32', shape: [2], data: new Float32Array(2) }])
    await using floats = await readSafetensors(path)
    const target = `${path}: tensor 'f': shape [2] has 2 elements, the target has 3; give an array of that length`
    await fails(floats.readInto('f', new Float32Array(3)), target)
  }))

test('errors of writing leave the old file and nothing else', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'a.safetensors')
    const good = { name: 'f', dtype: 'F32' as Dtype, shape: [2], data: new Float32Array(2) }
    await writeSafetensors(path, [good])
    const before = await readFile(path)
    const fails = (changes: object, message: string) =>
      assert.rejects(writeSafetensors(path, [{ ...good, ...changes }]), { message: `${path}: ${message}` })
    await fails({ data: new Float32Array(3) }, "tensor 'f': shape [2] has 2 elements, the data has 3")
    await fails({ data: Int32Array.of(1, 2) }, "tensor 'f': Int32Array cannot be written as F32; convert it first")
    await fails(
      { dtype: 'F16', data: Float32Array.of(1, 7e4) },
      "tensor 'f': element 1 is 70000, beyond F16's largest value, 65504; write F32 or BF16",
    )
    await fails({ dtype: 'I64', data: Float32Array.of(1, 0.5) }, "tensor 'f': element 1 is 0.5; I64 holds whole numbers only")
    await fails({ dtype: 'BOOL', data: Uint8Array.of(1, 2) }, "tensor 'f': element 1 is 2; BOOL holds 0 and 1 only, use U8 for other values")
    await fails({ shape: [-2] }, "tensor 'f': shape [-2] must be whole, non-negative numbers")
    await fails({ name: '__metadata__' }, "'__metadata__' is not a tensor's name; the format keeps it for the file's own notes")
    await assert.rejects(writeSafetensors(path, [good, good]), { message: `${path}: two tensors to write are named 'f'; names must be distinct` })
    assert.deepEqual(await readFile(path), before)
    assert.deepEqual(await readdir(folder), ['a.safetensors'])
  }))
