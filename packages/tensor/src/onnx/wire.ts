// ONNX messages as bytes (onnx.proto3), through protobufjs' wire writer: no reflection, hence no code generated at run time, which pages with
// a content security policy forbid.

import protobuf from 'protobufjs/minimal.js'
import type { DType } from '../graph/dtype.js'

/** TensorProto.DataType */
export const onnxType: Record<DType, number> = { f32: 1, u8: 2, i8: 3, i32: 6, i64: 7, bool: 9, f16: 10, bf16: 16 }

export type OnnxAttribute = number | readonly number[] | string | { float: number } | { floats: readonly number[] } | { graph: OnnxGraph }

export interface OnnxNode {
  /** Default: its place in the graph. */
  name?: string
  type: string
  domain: string
  inputs: readonly string[]
  outputs: readonly string[]
  attributes: Readonly<Record<string, OnnxAttribute>>
}

export interface OnnxValue {
  name: string
  dtype: DType
  /** Numbers, or names of dimensions. */
  shape: readonly (number | string)[]
}

export interface OnnxInitializer {
  name: string
  dtype: DType
  shape: readonly number[]
  data: ArrayBufferView
}

export interface OnnxGraph {
  nodes: readonly OnnxNode[]
  inputs: readonly OnnxValue[]
  outputs: readonly OnnxValue[]
  initializers: readonly OnnxInitializer[]
  name?: string
}

export interface OnnxModel extends OnnxGraph {
  opset: number
  metadata?: Readonly<Record<string, string>>
}

type Writer = protobuf.Writer
const message = (write: (writer: Writer) => void): Uint8Array => {
  const writer = protobuf.Writer.create()
  write(writer)
  return writer.finish()
}
const varint = (writer: Writer, field: number, value: number) => writer.uint32(field << 3).int64(value)
const bytes = (writer: Writer, field: number, value: Uint8Array) => writer.uint32((field << 3) | 2).bytes(value)
const text = (writer: Writer, field: number, value: string) => writer.uint32((field << 3) | 2).string(value)

function attributeMessage(name: string, value: OnnxAttribute): Uint8Array {
  return message((writer) => {
    text(writer, 1, name)
    if (typeof value === 'number') {
      varint(writer, 3, value)
      varint(writer, 20, 2)
    } else if (typeof value === 'string') {
      bytes(writer, 4, new TextEncoder().encode(value))
      varint(writer, 20, 3)
    } else if ('float' in value) {
      writer.uint32((2 << 3) | 5).float(value.float)
      varint(writer, 20, 1)
    } else if ('floats' in value) {
      for (const number of value.floats) writer.uint32((7 << 3) | 5).float(number)
      varint(writer, 20, 6)
    } else if ('graph' in value) {
      bytes(writer, 6, graphMessage(value.graph))
      varint(writer, 20, 5)
    } else {
      for (const number of value) varint(writer, 8, number)
      varint(writer, 20, 7)
    }
  })
}

const nodeMessage = (node: OnnxNode, index: number) =>
  message((writer) => {
    for (const name of node.inputs) text(writer, 1, name)
    for (const name of node.outputs) text(writer, 2, name)
    text(writer, 3, node.name ?? `${index}`)
    text(writer, 4, node.type)
    for (const [name, value] of Object.entries(node.attributes)) bytes(writer, 5, attributeMessage(name, value))
    if (node.domain) text(writer, 7, node.domain)
  })

const valueMessage = ({ name, dtype, shape }: OnnxValue) =>
  message((writer) => {
    text(writer, 1, name)
    const dims = message((w) => {
      for (const size of shape)
        bytes(
          w,
          1,
          message((d) => (typeof size === 'number' ? varint(d, 1, size) : text(d, 2, size))),
        )
    })
    const tensor = message((w) => {
      varint(w, 1, onnxType[dtype])
      bytes(w, 2, dims)
    })
    bytes(
      writer,
      2,
      message((w) => bytes(w, 1, tensor)),
    )
  })

/** The tag of a tensor's values: field 9, bytes. */
const rawData = (9 << 3) | 2

/** What stands before a tensor's values. */
function tensorFields(writer: Writer, { name, dtype, shape }: Omit<OnnxInitializer, 'data'>): Writer {
  for (const size of shape) varint(writer, 1, size)
  varint(writer, 2, onnxType[dtype])
  return text(writer, 8, name)
}

const initializerMessage = ({ data, ...initializer }: OnnxInitializer) =>
  message((writer) => bytes(tensorFields(writer, initializer), 9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)))

const graphMessage = (graph: OnnxGraph) =>
  message((writer) => {
    graph.nodes.forEach((node, i) => {
      bytes(writer, 1, nodeMessage(node, i))
    })
    text(writer, 2, graph.name ?? 'thaw')
    for (const initializer of graph.initializers) bytes(writer, 5, initializerMessage(initializer))
    for (const value of graph.inputs) bytes(writer, 11, valueMessage(value))
    for (const value of graph.outputs) bytes(writer, 12, valueMessage(value))
  })

/** The nodes of a graph and of the graphs inside its nodes. */
export const allNodes = (graph: OnnxGraph): OnnxNode[] => graph.nodes.flatMap((node) => [node, ...graphsOf(node).flatMap(allNodes)])

/** The graphs a node runs: the body of a scan. */
const graphsOf = (node: OnnxNode): OnnxGraph[] =>
  Object.values(node.attributes).flatMap((value) => (typeof value === 'object' && 'graph' in value ? [value.graph] : []))

/** The names a node reads: its inputs, and what its graphs take from around it. */
export function namesRead(node: OnnxNode): string[] {
  const captured = graphsOf(node).flatMap((graph) => {
    const own = new Set([...graph.inputs.map((x) => x.name), ...graph.nodes.flatMap((inner) => inner.outputs)])
    return [...graph.nodes.flatMap(namesRead), ...graph.outputs.map((x) => x.name)].filter((name) => !own.has(name))
  })
  return [...node.inputs, ...captured]
}

/** The bytes of an ONNX ModelProto. */
export function encodeModel(model: OnnxModel): Uint8Array {
  const domains = new Set(allNodes(model).map((node) => node.domain))
  return message((writer) => {
    varint(writer, 1, 9) // IR version
    text(writer, 2, 'thaw')
    bytes(writer, 7, graphMessage(model))
    const opset = (domain: string, version: number) =>
      bytes(
        writer,
        8,
        message((w) => {
          text(w, 1, domain)
          varint(w, 2, version)
        }),
      )
    opset('', model.opset)
    for (const domain of domains) if (domain) opset(domain, 1)
    for (const [key, value] of Object.entries(model.metadata ?? {}))
      bytes(
        writer,
        14,
        message((w) => {
          text(w, 1, key)
          text(w, 2, value)
        }),
      )
  })
}

/**
 * A model with initializers added to its graph. They are appended, because protobuf merges a message field that comes twice, and their values are
 * copied once: with nested writers the peak for GPT-2 was 2,606 MB instead of 1,966.
 */
export function addInitializers(model: Uint8Array, initializers: readonly OnnxInitializer[]): Uint8Array {
  const tensors = initializers.map(({ data, ...initializer }) => {
    const values = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    return { values, head: message((writer) => tensorFields(writer, initializer).uint32(rawData).uint32(values.length)) }
  })
  const parts = tensors.map(({ head, values }) => [
    message((writer) => writer.uint32((5 << 3) | 2).uint32(head.length + values.length)),
    head,
    values,
  ])
  const graphSize = parts.flat().reduce((sum, part) => sum + part.length, 0)
  const all = [model, message((writer) => writer.uint32((7 << 3) | 2).uint32(graphSize)), ...parts.flat()]
  const result = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of all) {
    result.set(part, at)
    at += part.length
  }
  return result
}
