// The values behind a TensorProto: raw bytes, typed fields or another file. Every float is read as f32 and every integer as i32 or i64's
// number: the engine computes in f32, and 64-bit integers exist in ONNX files for sizes and ids only.

import type { DType, TypedArray } from '../../graph/dtype.js'
import { decodeBF16, decodeF16 } from '../halves.js'
import { type ExternalData, OnnxError, type TensorMessage, typeNames } from './messages.js'

/** Reads a part of a file that lies beside the model. */
export type ExternalReader = (data: ExternalData) => Uint8Array

export interface TensorData {
  dtype: DType
  shape: number[]
  data: TypedArray
}

/** Our type for each of ONNX's that can be read. */
const readableTypes: Readonly<Record<number, DType>> = {
  1: 'f32',
  2: 'u8',
  3: 'i8',
  4: 'i32',
  5: 'i32',
  6: 'i32',
  7: 'i32',
  9: 'bool',
  10: 'f32',
  11: 'f32',
  12: 'i32',
  16: 'f32',
}
const bytesOf: Readonly<Record<number, number>> = { 1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 16: 2 }

/** The dtype that values of an ONNX type have in a graph of ours, or undefined where there is none. */
export const dtypeOf = (type: number): DType | undefined => readableTypes[type]

const maxI32 = 2 ** 31 - 1
/** ONNX writes "to the end" as the largest 64-bit integer. */
export const clampToI32 = (value: number): number => Math.min(Math.max(value, -maxI32 - 1), maxI32)

/** Halves of either kind as f32. */
function widened(bits: Uint16Array, decode: (source: Uint16Array, target: Float32Array) => void): Float32Array {
  const values = new Float32Array(bits.length)
  decode(bits, values)
  return values
}

/**
 * The values of a tensor, widened to f32 or i32. Always a copy: a file's bytes need not stay in memory.
 *
 * @throws OnnxError naming the tensor, where its type cannot be read or its data has not the size that its shape says.
 */
export function tensorData(tensor: TensorMessage, file: string, external?: ExternalReader): TensorData {
  const what = `${file}: tensor "${tensor.name}"`
  const dtype = readableTypes[tensor.type]
  if (!dtype) throw new OnnxError(`${what} is of type ${typeNames[tensor.type] ?? `number ${tensor.type}`}, which is not read`)
  const size = tensor.dims.reduce((product, d) => product * d, 1)
  const width = bytesOf[tensor.type]!
  const raw = tensor.external ? outside(tensor.external, size * width, what, external) : tensor.raw
  const data = raw ? fromBytes(raw, tensor.type, size, what) : fromNumbers(tensor, dtype, size, what)
  return { dtype, shape: [...tensor.dims], data }
}

function outside(data: ExternalData, bytes: number, what: string, external?: ExternalReader): Uint8Array {
  if (!external)
    throw new OnnxError(
      `${what} is stored in the file ${JSON.stringify(data.location)} beside the model: read it with readOnnxFile, or give \`external\``,
    )
  let found: Uint8Array
  try {
    found = external({ ...data, length: data.length ?? bytes })
  } catch (cause) {
    throw new OnnxError(`${what}: ${(cause as Error).message}`, { cause })
  }
  return found
}

function fromBytes(raw: Uint8Array, type: number, size: number, what: string): TypedArray {
  const width = bytesOf[type]!
  if (raw.byteLength !== size * width)
    throw new OnnxError(`${what} has ${raw.byteLength} bytes of data: expected ${size * width}, ${size} elements of ${typeNames[type]}`)
  const bytes = new Uint8Array(raw) // a copy, hence aligned; a Buffer's slice() would not be one
  const { buffer } = bytes
  switch (type) {
    case 1:
      return new Float32Array(buffer)
    case 3:
      return new Int8Array(buffer)
    case 6:
      return new Int32Array(buffer)
    case 4:
      return Int32Array.from(new Uint16Array(buffer))
    case 5:
      return Int32Array.from(new Int16Array(buffer))
    case 7:
      return Int32Array.from(new BigInt64Array(buffer), (value) => clampToI32(Number(value)))
    case 10:
      return widened(new Uint16Array(buffer), decodeF16)
    case 11:
      return Float32Array.from(new Float64Array(buffer))
    case 12:
      return Int32Array.from(new Uint32Array(buffer), clampToI32)
    case 16:
      return widened(new Uint16Array(buffer), decodeBF16)
    default:
      return bytes
  }
}

function fromNumbers({ numbers, type }: TensorMessage, dtype: DType, size: number, what: string): TypedArray {
  if (numbers.length !== size) throw new OnnxError(`${what} has ${numbers.length} elements of data: its shape has ${size}`)
  if (type === 10) return widened(Uint16Array.from(numbers), decodeF16)
  if (type === 16) return widened(Uint16Array.from(numbers), decodeBF16)
  if (dtype === 'f32') return Float32Array.from(numbers)
  if (dtype === 'i32') return Int32Array.from(numbers, clampToI32)
  return dtype === 'i8' ? Int8Array.from(numbers) : Uint8Array.from(numbers)
}

/** A matrix [rows, columns] as [columns, rows]. */
export function turned(data: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(data.length)
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) result[c * rows + r] = data[r * columns + c]!
  return result
}
