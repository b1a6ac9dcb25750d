// The messages of an ONNX file (onnx.proto3) that the importer reads, as plain data. What it does not need is not kept.

/** A mistake in a file, or something in it that cannot be read: names the file, and the node or tensor. */
export class OnnxError extends Error {
  override name = 'OnnxError'
}

export interface ExternalData {
  location: string
  offset: number
  /** Bytes; to the end of the file where absent. */
  length?: number
}

export interface TensorMessage {
  name: string
  dims: number[]
  /** TensorProto.DataType */
  type: number
  /** Little-endian elements, where they are stored so. */
  raw?: Uint8Array
  /** Elements in the typed fields, where they are stored so. */
  numbers: number[]
  external?: ExternalData
  /** The type of the tensor in the file that this one was computed from. */
  storedAs?: number
}

export interface Attribute {
  name: string
  /** Takes the value of the enclosing function's attribute of this name. */
  reference?: string
  int?: number
  float?: number
  text?: string
  tensor?: TensorMessage
  graph?: GraphMessage
  ints: number[]
  floats: number[]
}

export interface NodeMessage {
  name: string
  type: string
  domain: string
  inputs: string[]
  outputs: string[]
  attributes: Map<string, Attribute>
  /** What the exporter tells of the node: its module, its source line. */
  metadata: Map<string, string>
}

export interface ValueMessage {
  name: string
  /** TensorProto.DataType; undefined where the value is no tensor. */
  type?: number
  /** Sizes, names of sizes, or nothing known; undefined where not even the rank is. */
  shape?: (number | string | undefined)[]
}

export interface GraphMessage {
  name: string
  nodes: NodeMessage[]
  initializers: TensorMessage[]
  inputs: ValueMessage[]
  outputs: ValueMessage[]
  /** Initializers stored as index–value pairs: counted, not read. */
  sparse: number
}

export interface FunctionMessage {
  name: string
  domain: string
  inputs: string[]
  outputs: string[]
  /** Attributes that a call gives, with their defaults where there are any. */
  defaults: Map<string, Attribute>
  nodes: NodeMessage[]
}

export interface ModelMessage {
  irVersion: number
  producer: string
  graph: GraphMessage
  /** Version of each operator set, by domain. */
  opsets: Map<string, number>
  functions: FunctionMessage[]
}

/** Names of TensorProto.DataType, for messages. */
export const typeNames: Readonly<Record<number, string>> = {
  1: 'float',
  2: 'uint8',
  3: 'int8',
  4: 'uint16',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  8: 'string',
  9: 'bool',
  10: 'float16',
  11: 'double',
  12: 'uint32',
  13: 'uint64',
  14: 'complex64',
  15: 'complex128',
  16: 'bfloat16',
}
