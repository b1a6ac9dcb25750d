// Weights in fewer bits, as ONNX Runtime computes with them, beside the same arithmetic by hand.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dim } from '../graph/dim.js'
import * as ops from '../graph/ops/index.js'
import { input, parameter, type Tensor } from '../graph/tensor.js'
import { decodeF16, encodeF16 } from './halves.js'
import type { Precision } from './precision.js'
import { readOnnx } from './read/read-onnx.js'
import { writeOnnx } from './write.js'

const [rows, width, columns] = [6, 64, 96]
const values = (n: number, seed: number, scale = 1) => Float32Array.from({ length: n }, (_, i) => scale * Math.sin(seed + i * i * 0.37 + i))
const parameters = new Map([
  ['table', { shape: [80, width], data: values(80 * width, 1) }],
  ['weight', { shape: [width, columns], data: values(width * columns, 2, 0.1) }],
  ['bias', { shape: [columns], data: values(columns, 3) }],
  ['small', { shape: [columns, 3], data: values(columns * 3, 4) }],
])
const ids = Int32Array.from({ length: rows }, (_, i) => (i * 13) % 80)

/** table[ids] · weight (+ bias), and a small matrix behind it, which stays as it is. */
function graph(bias: boolean): Record<string, Tensor> {
  const x = ops.gather(parameter('table', [80, width]), input('ids', [dim('n')], 'i32'))
  const weight = parameter('weight', [width, columns])
  const y = bias ? ops.linear(x, weight, parameter('bias', [columns])) : ops.matmul(x, weight)
  return { x, y, z: ops.matmul(y, parameter('small', [columns, 3])) }
}

async function run(precision: Precision, bias: boolean) {
  const bytes = writeOnnx(graph(bias), { parameters, precision })
  const { InferenceSession, Tensor: OrtTensor } = await import('onnxruntime-node')
  const session = await InferenceSession.create(bytes)
  const outputs = await session.run({ ids: new OrtTensor('int64', BigInt64Array.from(ids, BigInt), [rows]) })
  await session.release()
  return { bytes, x: outputs.x!.data as Float32Array, y: outputs.y!.data as Float32Array, z: outputs.z!.data as Float32Array }
}

const product = (x: ArrayLike<number>, w: ArrayLike<number>, k: number, n: number, bias?: ArrayLike<number>) =>
  Float32Array.from({ length: (x.length / k) * n }, (_, i) => {
    let sum = 0
    for (let j = 0; j < k; j++) sum += x[Math.floor(i / n) * k + j]! * w[j * n + (i % n)]!
    return sum + (bias?.[i % n] ?? 0)
  })

function near(actual: Float32Array, expected: Float32Array, within: number, what: string): void {
  actual.forEach((value, i) => {
    assert.ok(Math.abs(value - expected[i]!) <= within, `${what} ${i}: ${value} instead of ${expected[i]}`)
  })
}

const half = (data: Float32Array) => {
  const bits = new Uint16Array(data.length)
  encodeF16(data, bits)
  const back = new Float32Array(data.length)
  decodeF16(bits, back)
  return back
}
const chosen = (table: Float32Array) =>
  Float32Array.from({ length: rows * width }, (_, i) => table[ids[Math.floor(i / width)]! * width + (i % width)]!)
const {
  table,
  weight,
  bias: shift,
  small,
} = Object.fromEntries([...parameters].map(([name, { data }]) => [name, data])) as Record<string, Float32Array>

for (const bias of [true, false])
  test(`halves: tables and products are rounded, the rest is not${bias ? '' : ', without a bias'}`, async () => {
    const { x, y, z, bytes } = await run('f16', bias)
    const table16 = chosen(half(table!))
    near(x, table16, 0, 'x')
    // the product's result is a half again: a relative error of 2^-11, and what the order of sums makes
    const exact = product(table16, half(weight!), width, columns, bias ? half(shift!) : undefined)
    near(y, exact, 0.004, 'y')
    near(z, product(y, small!, columns, 3), 1e-4, 'z')
    assert.deepEqual(bytes.length < (await run('f32', bias)).bytes.length * 0.55, true)
  })

for (const bias of [true, false])
  test(`bytes: a scale a row of a table, a scale a column of a weight, one scale for what it is multiplied with${bias ? '' : '; no bias'}`, async () => {
    const { x, y, z, bytes } = await run('i8', bias)
    const tableBytes = Float32Array.from(table!, (value, i) => {
      const row = table!.subarray(Math.floor(i / width) * width, (Math.floor(i / width) + 1) * width)
      const scale = Math.fround(Math.max(...row.map(Math.abs)) / 127)
      return Math.fround(Math.round(value / scale) * scale)
    })
    near(x, chosen(tableBytes), 1e-6, 'x')
    const columnScale = Array.from(
      { length: columns },
      (_, c) => Math.max(...Array.from({ length: width }, (_, r) => Math.abs(weight![r * columns + c]!))) / 64,
    )
    const weightBytes = Float32Array.from(weight!, (value, i) => Math.round(value / columnScale[i % columns]!) * columnScale[i % columns]!)
    const [low, high] = [Math.min(0, ...x), Math.max(0, ...x)]
    const scale = (high - low) / 255
    const zero = Math.round(-low / scale)
    const rounded = x.map((value) => (Math.min(255, Math.max(0, Math.round(value / scale) + zero)) - zero) * scale)
    near(y, product(rounded, weightBytes, width, columns, bias ? shift : undefined), 0.02, 'y')
    near(y, product(chosen(table!), weight!, width, columns, bias ? shift : undefined), 0.1, 'y, beside f32')
    near(z, product(y, small!, columns, 3), 1e-4, 'z')
    assert.ok(bytes.length < (await run('f32', bias)).bytes.length * 0.32)
  })

test('a file in halves is read again; a column of zeros has a scale; a weight that no half can hold is named', () => {
  const read = readOnnx(writeOnnx(graph(true), { parameters, precision: 'f16' }))
  assert.deepEqual([...read.parameters.values()].map(({ source }) => source.name).sort(), ['bias:f16', 'small', 'table:f16', 'weight:f16'])
  const zeros = new Map([...parameters, ['weight', { shape: [width, columns], data: new Float32Array(width * columns) }]])
  assert.ok(writeOnnx(graph(true), { parameters: zeros, precision: 'i8' }).length > 0)
  const large = new Map([...parameters, ['weight', { shape: [width, columns], data: new Float32Array(width * columns).fill(1e5, 7, 8) }]])
  assert.throws(() => writeOnnx(graph(true), { parameters: large, precision: 'f16' }), {
    name: 'GraphError',
    message: 'weight: element 7 is 100000, beyond the largest half, 65504; write f32 or i8',
  })
})

test('a weight that is used in another way too stays beside its smaller form', async () => {
  const w = parameter('weight', [width, columns])
  const x = input('x', [dim('n'), width])
  for (const precision of ['f16', 'i8'] as const) {
    const bytes = writeOnnx({ y: ops.matmul(x, w), sums: ops.sum(w, 0) }, { parameters, precision })
    const { InferenceSession, Tensor: OrtTensor } = await import('onnxruntime-node')
    const session = await InferenceSession.create(bytes)
    const { y, sums } = await session.run({ x: new OrtTensor('float32', values(2 * width, 9), [2, width]) })
    await session.release()
    near(sums!.data as Float32Array, product(new Float32Array(width).fill(1), weight!, width, columns), 1e-5, 'sums')
    near(y!.data as Float32Array, product(values(2 * width, 9), weight!, width, columns), 0.05, 'y')
  }
})
