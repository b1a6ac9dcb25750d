// For tests: small ONNX files, made by hand, and the reference that runs them: ONNX Runtime itself, without anything of ours.

import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import protobuf from 'protobufjs/minimal.js'
import type { DType, TypedArray } from '../graph/dtype.js'
import { encodeModel, type OnnxAttribute, type OnnxInitializer, type OnnxValue } from '../onnx/wire.js'

export interface NodeOf {
  type: string
  inputs: readonly string[]
  outputs?: readonly string[]
  name?: string
  domain?: string
  attributes?: Record<string, OnnxAttribute>
}

export interface ModelOf {
  nodes: readonly NodeOf[]
  inputs?: Record<string, readonly (number | string)[] | { dtype: DType; shape: readonly (number | string)[] }>
  /** Names, or names with types. */
  outputs?: readonly (string | OnnxValue)[]
  initializers?: Record<string, { shape: readonly number[]; data: TypedArray; dtype?: DType }>
  opset?: number
}

const dtypeOf = (data: TypedArray): DType =>
  data instanceof Float32Array ? 'f32' : data instanceof BigInt64Array ? 'i64' : data instanceof Int32Array ? 'i32' : 'bool'

/** A model's bytes. The last node's outputs are the model's unless others are named. */
export function modelBytes({ nodes, inputs = {}, outputs, initializers = {}, opset = 17 }: ModelOf): Uint8Array {
  const complete = nodes.map((node, i) => ({
    domain: '',
    attributes: {},
    ...node,
    outputs: node.outputs ?? [i === nodes.length - 1 ? 'y' : `n${i}`],
  }))
  return encodeModel({
    nodes: complete,
    inputs: Object.entries(inputs).map(([name, given]) => ('dtype' in given ? { name, ...given } : { name, dtype: 'f32', shape: given })),
    outputs: (outputs ?? complete.at(-1)!.outputs).map((output) => (typeof output === 'string' ? { name: output, dtype: 'f32', shape: [] } : output)),
    initializers: Object.entries(initializers).map(
      ([name, { shape, data, dtype }]): OnnxInitializer => ({ name, shape, data, dtype: dtype ?? dtypeOf(data) }),
    ),
    opset,
  })
}

/** Bytes that add to a model's graph an initializer stored in another file. */
export function externalInitializer(name: string, shape: readonly number[], entries: Record<string, string>): Uint8Array {
  const { Writer } = protobuf
  const tensor = Writer.create()
  for (const size of shape) tensor.uint32(8).int64(size)
  tensor.uint32(16).int32(1)
  tensor.uint32((8 << 3) | 2).string(name)
  for (const [key, value] of Object.entries(entries))
    tensor.uint32((13 << 3) | 2).bytes(Writer.create().uint32(10).string(key).uint32(18).string(value).finish())
  tensor.uint32(14 << 3).int32(1)
  const graph = Writer.create()
    .uint32((5 << 3) | 2)
    .bytes(tensor.finish())
  return Writer.create()
    .uint32((7 << 3) | 2)
    .bytes(graph.finish())
    .finish()
}

export const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

/** An export of PyTorch's in fixtures/onnx (made by bench/peers/export_onnx.py). */
export const exported = (name: string): Uint8Array =>
  new Uint8Array(gunzipSync(readFileSync(new URL(`../../fixtures/onnx/${name}.onnx.gz`, import.meta.url))))

export interface StockValue {
  shape: readonly number[]
  data: TypedArray
}

/** What ONNX Runtime computes for a file, in a session with its default options. */
export async function runStock(bytes: Uint8Array, feeds: Readonly<Record<string, StockValue>>): Promise<Record<string, StockValue>> {
  const ort = await import('onnxruntime-node')
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 4 })
  const names = { f32: 'float32', i32: 'int32', i64: 'int64', bool: 'bool' } as const
  try {
    const inputs = Object.fromEntries(
      Object.entries(feeds).map(([name, { shape, data }]) => [name, new ort.Tensor(names[dtypeOf(data) as 'f32'], data as Float32Array, shape)]),
    )
    const results = await session.run(inputs)
    return Object.fromEntries(Object.entries(results).map(([name, { dims, data }]) => [name, { shape: dims, data: data as TypedArray }]))
  } finally {
    await session.release()
  }
}
