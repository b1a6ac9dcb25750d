// Writing safetensors files: into a temporary file in the same folder, flushed to disk, then renamed, so that the name
// always stands for a complete file. Values stream through a small buffer; F32 is written straight from its array.
import { randomBytes } from 'node:crypto'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { encodeBF16, encodeF16 } from '@thaw/tensor'
import { bytes, type Dtype, dtypeBytes, elements, isDtype, isFloat, type TensorData } from './dtypes.js'
import { maxHeaderBytes } from './header.js'

const chunkElements = 1 << 20
const writeBytes = 1 << 28

export interface TensorToWrite {
  name: string
  dtype: Dtype
  shape: readonly number[]
  /** Float types take a Float32Array or Float64Array; integer types their own array (BOOL: Uint8Array of 0 and 1), I64 also any whole numbers. A function is called when its turn comes. */
  data: TensorData | (() => TensorData)
}

/**
 * Writes a safetensors file, atomically. Values are converted to `dtype`, halves rounded to nearest even. The arrays must not change meanwhile.
 * Tensors are laid out by falling element size, so that each begins at a multiple of its own; the header is padded with spaces to 8 bytes.
 *
 *     await writeSafetensors('model.safetensors', [{ name: 'w', dtype: 'F16', shape: [2], data: new Float32Array([1, 0.1]) }])
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<TensorToWrite>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const ordered = checkTensors([...tensors], path).sort((a, b) => dtypeBytes[b.dtype] - dtypeBytes[a.dtype])
  const header = headerBytes(ordered, metadata, path)
  const temporary = join(dirname(path), `.${basename(path)}.writing-${process.pid}-${randomBytes(4).toString('hex')}`)
  const handle = await open(temporary, 'wx')
  try {
    try {
      await append(handle, header)
      for (const tensor of ordered) await writeTensor(handle, tensor, path)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncFolder(dirname(path))
}

/** Makes renames inside a folder durable; where the system cannot open folders (Windows) they are so already. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function checkTensors(tensors: TensorToWrite[], path: string): TensorToWrite[] {
  const names = new Set<string>()
  for (const { name, dtype, shape } of tensors) {
    if (names.has(name)) throw new Error(`${path}: two tensors to write are named '${name}'; names must be distinct`)
    if (name === '__metadata__') throw new Error(`${path}: '__metadata__' is not a tensor's name; the format keeps it for the file's own notes`)
    names.add(name)
    if (!isDtype(dtype)) throw new Error(`${path}: tensor '${name}': unknown dtype '${dtype}'; known are ${Object.keys(dtypeBytes).join(', ')}`)
    if (Number.isNaN(elements(shape))) throw new Error(`${path}: tensor '${name}': shape [${shape}] must be whole, non-negative numbers`)
  }
  return tensors
}

function headerBytes(tensors: TensorToWrite[], metadata: Readonly<Record<string, string>>, path: string): Buffer {
  const parts = Object.keys(metadata).length ? [`"__metadata__":${JSON.stringify(metadata)}`] : []
  let at = 0
  for (const { name, dtype, shape } of tensors) {
    const end = at + elements(shape) * dtypeBytes[dtype]
    parts.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [at, end] })}`)
    at = end
  }
  const json = Buffer.from(`{${parts.join(',')}}`)
  const padded = Math.ceil(json.length / 8) * 8
  if (padded > maxHeaderBytes)
    throw new Error(`${path}: the header would take ${padded} bytes, at most ${maxHeaderBytes} are allowed; write several files`)
  const header = Buffer.alloc(8 + padded, ' ')
  header.writeBigUInt64LE(BigInt(padded))
  json.copy(header, 8)
  return header
}

async function writeTensor(handle: FileHandle, { name, dtype, shape, data }: TensorToWrite, path: string): Promise<void> {
  const where = `${path}: tensor '${name}'`
  const values = typeof data === 'function' ? data() : data
  const count = elements(shape)
  if (values.length !== count) throw new Error(`${where}: shape [${shape}] has ${count} elements, the data has ${values.length}`)
  if (storedAs(dtype, values)) {
    if (dtype === 'BOOL') checkFlags(values, where)
    return append(handle, bytes(values))
  }
  if (isFloat(dtype) ? !(values instanceof Float32Array || values instanceof Float64Array) : dtype !== 'I64') {
    throw new Error(`${where}: ${values.constructor.name} cannot be written as ${dtype}; convert it first`)
  }
  for (let at = 0; at < count; at += chunkElements) await append(handle, convert(dtype, values, at, where))
}

/** Whether the array's bytes are the file's bytes. */
function storedAs(dtype: Dtype, values: TensorData): boolean {
  if (dtype === 'F32') return values instanceof Float32Array
  if (dtype === 'F64') return values instanceof Float64Array
  if (dtype === 'I64') return values instanceof BigInt64Array
  if (dtype === 'I32') return values instanceof Int32Array
  if (dtype === 'U32') return values instanceof Uint32Array
  if (dtype === 'I16') return values instanceof Int16Array
  if (dtype === 'U16') return values instanceof Uint16Array
  if (dtype === 'I8') return values instanceof Int8Array
  return (dtype === 'U8' || dtype === 'BOOL') && values instanceof Uint8Array
}

function checkFlags(values: TensorData, where: string): void {
  const wrong = (values as Uint8Array).findIndex((value) => value > 1)
  if (wrong >= 0) throw new Error(`${where}: element ${wrong} is ${values[wrong]}; BOOL holds 0 and 1 only, use U8 for other values`)
}

/** The file's bytes for the chunk of `values` that begins at element `at`. */
function convert(dtype: Dtype, values: TensorData, at: number, where: string): Uint8Array {
  const part = values.subarray(at, at + chunkElements)
  if (dtype === 'I64') return bytes(BigInt64Array.from(Array.from(part as Float64Array, (value, i) => whole(value, at + i, where))))
  if (dtype === 'F64') return bytes(Float64Array.from(part as Float32Array))
  const floats = part instanceof Float32Array ? part : Float32Array.from(part as Float64Array)
  if (dtype === 'F32') return bytes(floats)
  const halves = new Uint16Array(floats.length)
  if (dtype === 'BF16') encodeBF16(floats, halves)
  else {
    const overflow = encodeF16(floats, halves)
    if (overflow >= 0) {
      throw new Error(`${where}: element ${at + overflow} is ${floats[overflow]}, beyond F16's largest value, 65504; write F32 or BF16`)
    }
  }
  return bytes(halves)
}

function whole(value: number, index: number, where: string): bigint {
  if (!Number.isSafeInteger(value)) throw new Error(`${where}: element ${index} is ${value}; I64 holds whole numbers only`)
  return BigInt(value)
}

async function append(handle: FileHandle, data: Uint8Array): Promise<void> {
  for (let at = 0; at < data.length; ) {
    const { bytesWritten } = await handle.write(data, at, Math.min(data.length - at, writeBytes))
    at += bytesWritten
  }
}
