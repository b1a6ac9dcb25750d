// New values for the weights of an ONNX file, and nothing else changed: nodes, names, opset and whatever else the file holds stay byte for byte.

import protobuf from 'protobufjs/minimal.js'
import type { TypedArray } from '../graph/dtype.js'
import { decodeModel } from './read/decode.js'
import { OnnxError, typeNames } from './read/messages.js'
import type { ImportedParameter } from './read/parameters.js'
import { turned } from './read/tensor-data.js'
import { addInitializers, type OnnxInitializer } from './wire.js'

const graphField = 7
const initializerField = 5
/** Of a TensorProto. */
const nameField = 8
const lengthDelimited = 2

/**
 * The file with other values in the initializers that the parameters were read from. `parameters` are the file's own, `values` the new ones by path;
 * a parameter without a new value keeps its own. Weights that lay in another file come into this one.
 *
 * @throws OnnxError where parameters that are one initializer in the file have come to differ, or a type of the file cannot hold f32.
 */
export function replaceInitializers(
  bytes: Uint8Array,
  parameters: ReadonlyMap<string, ImportedParameter>,
  values: ReadonlyMap<string, { data: TypedArray }>,
): Uint8Array {
  decodeModel(bytes, 'the model')
  const fresh = new Map<string, { path: string; data: Float32Array; shape: readonly number[] }>()
  for (const [path, { shape, data, source }] of parameters) {
    if (source.type !== 1)
      throw new OnnxError(`${path}: the file has it as ${typeNames[source.type]}: only float weights can be replaced; use writeOnnx`)
    const value = (values.get(path)?.data as Float32Array | undefined) ?? data
    const [rows, columns] = shape as [number, number]
    const laid = source.transposed ? turned(value, rows, columns) : value
    const other = fresh.get(source.name)
    if (other && laid.some((x, i) => x !== other.data[i]))
      throw new OnnxError(`${path} and ${other.path} are one initializer in the file, ${source.name}, and no longer equal: use writeOnnx`)
    fresh.set(source.name, { path, data: laid, shape: source.transposed ? [columns, rows] : shape })
  }
  const initializers = [...fresh].map(([name, { data, shape }]): OnnxInitializer => ({ name, dtype: 'f32', shape, data }))
  const writer = protobuf.Writer.create()
  copyFields(bytes, writer, (field, content) => {
    if (field !== graphField) return undefined
    const graph = protobuf.Writer.create()
    copyFields(content, graph, (inner, tensor) => (inner === initializerField && fresh.has(initializerName(tensor)) ? null : undefined))
    return graph.finish()
  })
  return addInitializers(writer.finish(), initializers)
}

/** Copies a message field by field; length-delimited ones may be replaced by other bytes, or (null) left out. */
function copyFields(
  bytes: Uint8Array,
  writer: protobuf.Writer,
  replace: (field: number, content: Uint8Array) => Uint8Array | null | undefined,
): void {
  const reader = protobuf.Reader.create(bytes)
  while (reader.pos < reader.len) {
    const start = reader.pos
    const tag = reader.uint32()
    const wireType = tag & 7
    if (wireType !== lengthDelimited) {
      reader.skipType(wireType)
      writer.raw(bytes.subarray(start, reader.pos))
      continue
    }
    const content = reader.bytes()
    const other = replace(tag >>> 3, content)
    if (other === undefined) writer.raw(bytes.subarray(start, reader.pos))
    else if (other !== null) writer.uint32(tag).bytes(other)
  }
}

function initializerName(tensor: Uint8Array): string {
  const reader = protobuf.Reader.create(tensor)
  let name = ''
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    if (tag >>> 3 === nameField) name = reader.string()
    else reader.skipType(tag & 7)
  }
  return name
}
