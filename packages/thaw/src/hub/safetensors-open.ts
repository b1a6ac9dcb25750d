// Reading safetensors by position: the header once, then each tensor when it is asked for, from a file or from memory,
// so that a checkpoint larger than memory can be read in part. Nothing in such a file is ever executed.
// Little-endian machines are assumed, as every platform that the runtimes support is one.
import { decodeBF16, decodeF16 } from '@thaw/tensor'
import { bytes, type Dtype, dtypeBytes, elements, isFloat, type TensorData } from './dtypes.js'
import { type Entry, headerLength, parseHeader } from './header.js'

/** Values that need conversion pass through a buffer of this size. */
const chunkBytes = 1 << 22

/** Where the bytes come from. */
export interface ByteSource {
  /** In bytes. */
  readonly size: number
  /** Fills `target` from a position on; `where` begins the text of an error. */
  fill(target: Uint8Array, position: number, where: string): Promise<void>
  close(): Promise<void>
}

export interface SafetensorsFile {
  readonly path: string
  readonly metadata: Readonly<Record<string, string>>
  /** Each tensor's dtype, shape and byte range in the file, in the header's order. */
  readonly entries: ReadonlyMap<string, Entry>
  /** The values: Float32Array for F32, F16, BF16, F64; Float64Array of whole numbers for I64; otherwise the array of that type (BOOL: Uint8Array). */
  read(name: string): Promise<TensorData>
  /** Reads a float tensor into memory that exists; `target` has exactly as many elements. F32 is read straight into it. */
  readInto(name: string, target: Float32Array): Promise<void>
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Checks a header (see `parseHeader` for what can be wrong with it); `path` is what errors call the source. Where it throws, the source stays open. */
export async function openSafetensors(path: string, source: ByteSource): Promise<SafetensorsFile> {
  const { size } = source
  const first = new Uint8Array(Math.min(8, size))
  await source.fill(first, 0, path)
  const json = new Uint8Array(headerLength(first, path, size))
  await source.fill(json, 8, path)
  const { metadata, entries } = parseHeader(json, path, size)
  const entry = (name: string): Entry => {
    const found = entries.get(name)
    if (!found) throw new Error(`${path}: there is no tensor '${name}'; the file has ${nameSome([...entries.keys()])}`)
    return found
  }
  const close = () => source.close()
  return {
    path,
    metadata,
    entries,
    read: async (name) => readTensor(source, entry(name), `${path}: tensor '${name}'`),
    readInto: async (name, target) => readFloats(source, entry(name), target, `${path}: tensor '${name}'`),
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function readTensor(source: ByteSource, entry: Entry, where: string): Promise<TensorData> {
  const { dtype, shape, begin } = entry
  const count = elements(shape)
  if (isFloat(dtype)) {
    const values = new Float32Array(count)
    await readFloats(source, entry, values, where)
    return values
  }
  const values = integers(dtype, count)
  await source.fill(bytes(values), begin, where)
  return values instanceof BigInt64Array ? exactNumbers(values, where) : values
}

function integers(dtype: Dtype, count: number): TensorData {
  if (dtype === 'I64') return new BigInt64Array(count)
  if (dtype === 'I32') return new Int32Array(count)
  if (dtype === 'U32') return new Uint32Array(count)
  if (dtype === 'I16') return new Int16Array(count)
  if (dtype === 'U16') return new Uint16Array(count)
  return dtype === 'I8' ? new Int8Array(count) : new Uint8Array(count)
}

function exactNumbers(values: BigInt64Array, where: string): Float64Array {
  const numbers = new Float64Array(values.length)
  for (let i = 0; i < values.length; i++) {
    numbers[i] = Number(values[i])
    if (!Number.isSafeInteger(numbers[i])) {
      throw new Error(
        `${where}: element ${i} is ${values[i]}, beyond the whole numbers that JavaScript holds exactly (±2^53). Store it as F64 or I32.`,
      )
    }
  }
  return numbers
}

async function readFloats(source: ByteSource, { dtype, shape, begin }: Entry, target: Float32Array, where: string): Promise<void> {
  const count = elements(shape)
  if (!isFloat(dtype)) throw new Error(`${where}: its dtype is ${dtype}, expected a float type (F32, F16, BF16, F64). Save it as F32.`)
  if (target.length !== count)
    throw new Error(`${where}: shape [${shape}] has ${count} elements, the target has ${target.length}; give an array of that length`)
  if (dtype === 'F32') return source.fill(bytes(target), begin, where)
  const step = Math.min(count, chunkBytes / dtypeBytes[dtype])
  const wide = dtype === 'F64'
  const chunk = wide ? new Float64Array(step) : new Uint16Array(step)
  for (let at = 0; at < count; at += step) {
    const part = chunk.subarray(0, Math.min(step, count - at))
    await source.fill(bytes(part), begin + at * dtypeBytes[dtype], where)
    const into = target.subarray(at, at + part.length)
    if (part instanceof Float64Array) into.set(part)
    else if (dtype === 'F16') decodeF16(part, into)
    else decodeBF16(part, into)
  }
}

function nameSome(names: string[]): string {
  const shown = names.slice(0, 5).map((name) => `'${name}'`)
  return `${shown.join(', ') || 'none'}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`
}
