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
const text = (reader: Reader): string => reader.string()
const message = <T>(decode: (bytes: Uint8Array) => T) => {
  return (reader: Reader): T => decode(reader.bytes())
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
  const pair: [string, string] = ['', '']
  read(bytes, {
    1: (r) => {
      pair[0] = text(r)
    },
    2: (r) => {
      pair[1] = text(r)
    },
  })
  return pair
}

function tensor(bytes: Uint8Array): TensorMessage {
  const result: TensorMessage = { name: '', dims: [], type: 0, numbers: [] }
  const external = new Map<string, string>()
  let outside = false
  read(bytes, {
    1: repeated(result.dims, integer),
    2: (r) => {
      result.type = r.int32()
    },
    // packed floats and doubles are laid out as raw data is
    4: (r, wireType) => {
      if (wireType === lengthDelimited) result.raw = r.bytes()
      else result.numbers.push(r.float())
    },
    5: repeated(result.numbers, (r) => r.int32()),
    7: repeated(result.numbers, integer),
    8: (r) => {
      result.name = text(r)
    },
    9: (r) => {
      result.raw = r.bytes()
    },
    10: (r, wireType) => {
      if (wireType === lengthDelimited) result.raw = r.bytes()
      else result.numbers.push(r.double())
    },
    11: repeated(result.numbers, (r) => Number(r.uint64())),
    13: (r) => {
      external.set(...entry(r.bytes()))
    },
    14: (r) => {
      outside = r.int32() === 1
    },
  })
  if (outside) {
    const length = external.get('length')
    result.external = {
      location: external.get('location') ?? '',
      offset: Number(external.get('offset') ?? 0),
      ...(length === undefined ? {} : { length: Number(length) }),
    }
  }
  return result
}

function attribute(bytes: Uint8Array): Attribute {
  const result: Attribute = { name: '', ints: [], floats: [], texts: [], graphs: [] }
  read(bytes, {
    1: (r) => {
      result.name = text(r)
    },
    2: (r) => {
      result.float = r.float()
    },
    3: (r) => {
      result.int = integer(r)
    },
    4: (r) => {
      result.text = text(r)
    },
    5: (r) => {
      result.tensor = tensor(r.bytes())
    },
    6: (r) => {
      result.graph = graph(r.bytes())
    },
    7: repeated(result.floats, (r) => r.float()),
    8: repeated(result.ints, integer),
    9: (r) => {
      result.texts.push(text(r))
    },
    11: (r) => {
      result.graphs.push(graph(r.bytes()))
    },
    21: (r) => {
      result.reference = text(r)
    },
  })
  return result
}

function node(bytes: Uint8Array): NodeMessage {
  const result: NodeMessage = { name: '', type: '', domain: '', inputs: [], outputs: [], attributes: new Map(), metadata: new Map() }
  read(bytes, {
    1: (r) => {
      result.inputs.push(text(r))
    },
    2: (r) => {
      result.outputs.push(text(r))
    },
    3: (r) => {
      result.name = text(r)
    },
    4: (r) => {
      result.type = text(r)
    },
    5: (r) => {
      const given = attribute(r.bytes())
      result.attributes.set(given.name, given)
    },
    7: (r) => {
      result.domain = text(r)
    },
    9: (r) => {
      result.metadata.set(...entry(r.bytes()))
    },
  })
  if (result.domain === 'ai.onnx') result.domain = ''
  return result
}

function dimension(bytes: Uint8Array): number | string | undefined {
  let size: number | string | undefined
  read(bytes, {
    1: (r) => {
      size = integer(r)
    },
    2: (r) => {
      size = text(r)
    },
  })
  return size
}

function value(bytes: Uint8Array): ValueMessage {
  const result: ValueMessage = { name: '' }
  const shape = message((b) => {
    const sizes: (number | string | undefined)[] = []
    read(b, {
      1: (r) => {
        sizes.push(dimension(r.bytes()))
      },
    })
    return sizes
  })
  const tensorType = message((b) =>
    read(b, {
      1: (r) => {
        result.type = r.int32()
      },
      2: (r) => {
        result.shape = shape(r)
      },
    }),
  )
  read(bytes, {
    1: (r) => {
      result.name = text(r)
    },
    2: message((b) => read(b, { 1: tensorType })),
  })
  return result
}

const emptyGraph = (): GraphMessage => ({ name: '', nodes: [], initializers: [], inputs: [], outputs: [], sparse: 0 })

/** A message field that comes twice is merged, so a graph may be read into one that has content already. */
function graph(bytes: Uint8Array, result = emptyGraph()): GraphMessage {
  read(bytes, {
    1: (r) => {
      result.nodes.push(node(r.bytes()))
    },
    2: (r) => {
      result.name = text(r)
    },
    5: (r) => {
      result.initializers.push(tensor(r.bytes()))
    },
    11: (r) => {
      result.inputs.push(value(r.bytes()))
    },
    12: (r) => {
      result.outputs.push(value(r.bytes()))
    },
    15: (r) => {
      result.sparse++
      r.skipType(lengthDelimited)
    },
  })
  return result
}

function functionMessage(bytes: Uint8Array): FunctionMessage {
  const result: FunctionMessage = { name: '', domain: '', inputs: [], outputs: [], defaults: new Map(), nodes: [] }
  read(bytes, {
    1: (r) => {
      result.name = text(r)
    },
    4: (r) => {
      result.inputs.push(text(r))
    },
    5: (r) => {
      result.outputs.push(text(r))
    },
    7: (r) => {
      result.nodes.push(node(r.bytes()))
    },
    10: (r) => {
      result.domain = text(r)
    },
    11: (r) => {
      const given = attribute(r.bytes())
      result.defaults.set(given.name, given)
    },
  })
  return result
}

function operatorSet(bytes: Uint8Array): [string, number] {
  let domain = ''
  let version = 0
  read(bytes, {
    1: (r) => {
      domain = text(r)
    },
    2: (r) => {
      version = integer(r)
    },
  })
  return [domain === 'ai.onnx' ? '' : domain, version]
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
      1: (r) => {
        result.irVersion = integer(r)
      },
      2: (r) => {
        result.producer = text(r)
      },
      3: (r) => {
        result.producer = `${result.producer} ${text(r)}`.trim()
      },
      7: (r) => {
        graphs++
        graph(r.bytes(), result.graph)
      },
      8: (r) => {
        result.opsets.set(...operatorSet(r.bytes()))
      },
      25: (r) => {
        result.functions.push(functionMessage(r.bytes()))
      },
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
