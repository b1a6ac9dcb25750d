// Bytes of a ModelProto to messages, through protobufjs' wire reader: no reflection, as in wire.ts. A field number that is not listed is skipped,
// as protobuf wants it; weights stay views into the file's bytes until they are asked for.

import protobuf from 'protobufjs/minimal.js'
import {
  type Attribute,
  type FunctionMessage,
  type GraphMessage,
  type ModelMessage,
  type NodeMessage,
  OnnxError,
  type TensorMessage,
  type ValueMessage,
} from './messages.js'

type Reader = protobuf.Reader
type Fields = Readonly<Record<number, (reader: Reader, wireType: number) => void>>

const lengthDelimited = 2

/** Calls the handler of each field that occurs. */
function read(bytes: Uint8Array, fields: Fields): void {
  const reader = protobuf.Reader.create(bytes)
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    const handler = fields[tag >>> 3]
    if (handler) handler(reader, tag & 7)
    else reader.skipType(tag & 7)
  }
}

const integer = (reader: Reader): number => Number(reader.int64())
const int32 = (reader: Reader): number => reader.int32()
const text = (reader: Reader): string => reader.string()

/** A field of which there is one: the last counts. */
const one = <T extends object, K extends keyof T>(target: T, key: K, read: (reader: Reader) => T[K]) => {
  return (reader: Reader): void => {
    target[key] = read(reader)
  }
}

/** A field of which there may be many. */
const many = <T>(list: T[], read: (reader: Reader) => T) => {
  return (reader: Reader): void => {
    list.push(read(reader))
  }
}

/** Entries of a map. */
const entries = <V>(map: Map<string, V>, read: (bytes: Uint8Array) => [string, V]) => {
  return (reader: Reader): void => {
    map.set(...read(reader.bytes()))
  }
}

/** A repeated number, packed or not. */
const repeated = (into: number[], one: (reader: Reader) => number) => (reader: Reader, wireType: number) => {
  if (wireType !== lengthDelimited) {
    into.push(one(reader))
    return
  }
  const end = reader.uint32() + reader.pos
  if (end > reader.len) throw new RangeError(`index out of range: ${end} > ${reader.len}`)
  while (reader.pos < end) into.push(one(reader))
}

function entry(bytes: Uint8Array): [string, string] {
  const pair = { key: '', value: '' }
  read(bytes, { 1: one(pair, 'key', text), 2: one(pair, 'value', text) })
  return [pair.key, pair.value]
}

function tensor(reader: Reader): TensorMessage {
  const result: TensorMessage = { name: '', dims: [], type: 0, numbers: [] }
  const external = new Map<string, string>()
  const place = { location: 0 }
  // packed floats and doubles are laid out as raw data is
  const packed = (number: (reader: Reader) => number) => (r: Reader, wireType: number) => {
    if (wireType === lengthDelimited) result.raw = r.bytes()
    else result.numbers.push(number(r))
  }
  read(reader.bytes(), {
    1: repeated(result.dims, integer),
    2: one(result, 'type', int32),
    4: packed((r) => r.float()),
    5: repeated(result.numbers, int32),
    7: repeated(result.numbers, integer),
    8: one(result, 'name', text),
    9: (r) => {
      result.raw = r.bytes()
    },
    10: packed((r) => r.double()),
    11: repeated(result.numbers, (r) => Number(r.uint64())),
    13: entries(external, entry),
    14: one(place, 'location', int32),
  })
  if (place.location === 1) {
    const length = external.get('length')
    result.external = {
      location: external.get('location') ?? '',
      offset: Number(external.get('offset') ?? 0),
      ...(length === undefined ? {} : { length: Number(length) }),
    }
  }
  return result
}

function attribute(bytes: Uint8Array): [string, Attribute] {
  const result: Attribute = { name: '', ints: [], floats: [] }
  read(bytes, {
    1: one(result, 'name', text),
    2: one(result as Required<Attribute>, 'float', (r) => r.float()),
    3: one(result as Required<Attribute>, 'int', integer),
    4: one(result as Required<Attribute>, 'text', text),
    5: one(result as Required<Attribute>, 'tensor', tensor),
    6: one(result as Required<Attribute>, 'graph', (r) => graph(r.bytes())),
    7: repeated(result.floats, (r) => r.float()),
    8: repeated(result.ints, integer),
    21: one(result as Required<Attribute>, 'reference', text),
  })
  return [result.name, result]
}

function node(reader: Reader): NodeMessage {
  const result: NodeMessage = { name: '', type: '', domain: '', inputs: [], outputs: [], attributes: new Map(), metadata: new Map() }
  read(reader.bytes(), {
    1: many(result.inputs, text),
    2: many(result.outputs, text),
    3: one(result, 'name', text),
    4: one(result, 'type', text),
    5: entries(result.attributes, attribute),
    7: one(result, 'domain', text),
    9: entries(result.metadata, entry),
  })
  if (result.domain === 'ai.onnx') result.domain = ''
  return result
}

function dimension(reader: Reader): number | string | undefined {
  const result: { size?: number | string } = {}
  read(reader.bytes(), {
    1: one(result as { size: number | string }, 'size', integer),
    2: one(result as { size: number | string }, 'size', text),
  })
  return result.size
}

function shape(reader: Reader): (number | string | undefined)[] {
  const sizes: (number | string | undefined)[] = []
  read(reader.bytes(), { 1: many(sizes, dimension) })
  return sizes
}

function value(reader: Reader): ValueMessage {
  const result = { name: '' } as Required<ValueMessage>
  const tensorType = (r: Reader) => read(r.bytes(), { 1: one(result, 'type', int32), 2: one(result, 'shape', shape) })
  read(reader.bytes(), { 1: one(result, 'name', text), 2: (r) => read(r.bytes(), { 1: tensorType }) })
  return result
}

const emptyGraph = (): GraphMessage => ({ name: '', nodes: [], initializers: [], inputs: [], outputs: [], sparse: 0 })

/** A message field that comes twice is merged, so a graph may be read into one that has content already. */
function graph(bytes: Uint8Array, result = emptyGraph()): GraphMessage {
  read(bytes, {
    1: many(result.nodes, node),
    2: one(result, 'name', text),
    5: many(result.initializers, tensor),
    11: many(result.inputs, value),
    12: many(result.outputs, value),
    15: (r) => {
      result.sparse++
      r.skipType(lengthDelimited)
    },
  })
  return result
}

function functionMessage(reader: Reader): FunctionMessage {
  const result: FunctionMessage = { name: '', domain: '', inputs: [], outputs: [], defaults: new Map(), nodes: [] }
  read(reader.bytes(), {
    1: one(result, 'name', text),
    4: many(result.inputs, text),
    5: many(result.outputs, text),
    7: many(result.nodes, node),
    10: one(result, 'domain', text),
    11: entries(result.defaults, attribute),
  })
  return result
}

function operatorSet(bytes: Uint8Array): [string, number] {
  const result = { domain: '', version: 0 }
  read(bytes, { 1: one(result, 'domain', text), 2: one(result, 'version', integer) })
  return [result.domain === 'ai.onnx' ? '' : result.domain, result.version]
}

/**
 * Reads an ONNX file's bytes. `file` is its name in messages.
 *
 * @throws OnnxError where the bytes end too early or are no ONNX model.
 */
export function decodeModel(bytes: Uint8Array, file: string): ModelMessage {
  const start = new TextDecoder().decode(bytes.subarray(0, 64))
  if (start.startsWith('version https://git-lfs'))
    throw new OnnxError(`${file} is a pointer that Git LFS left in place of the model: fetch the file itself (git lfs pull)`)
  const result: ModelMessage = { irVersion: 0, producer: '', graph: emptyGraph(), opsets: new Map(), functions: [] }
  let graphs = 0
  try {
    read(bytes, {
      1: one(result, 'irVersion', integer),
      2: one(result, 'producer', text),
      3: (r) => {
        result.producer = `${result.producer} ${text(r)}`.trim()
      },
      7: (r) => {
        graphs++
        graph(r.bytes(), result.graph)
      },
      8: entries(result.opsets, operatorSet),
      25: many(result.functions, functionMessage),
    })
  } catch (cause) {
    const known = result.irVersion > 0 && result.irVersion < 100
    throw new OnnxError(
      known
        ? `${file} ends in the middle of a field or is damaged (${bytes.length} bytes, ${(cause as Error).message}): copy or download it again`
        : `${file} is no ONNX model: its first bytes are ${JSON.stringify(start.slice(0, 16))}`,
      { cause },
    )
  }
  if (graphs === 0 || result.opsets.size === 0)
    throw new OnnxError(`${file} is no complete ONNX model: it has ${graphs === 0 ? 'no graph' : 'no version of the operator set'}`)
  return result
}
