// The header of a safetensors file: 8 bytes with its length (little-endian), then JSON that gives each tensor's dtype, shape and byte range.
// A header comes from strangers, so everything it says is checked before one value is read: format and rules as in
// https://github.com/huggingface/safetensors (no gaps, no overlaps, no repeated names, at most 100 MB).
import { type Dtype, dtypeBytes, elements, isDtype } from './dtypes.js'

export const maxHeaderBytes = 100_000_000

/** One tensor of a file; `begin` and `end` are positions in the file. */
export interface Entry {
  dtype: Dtype
  shape: number[]
  begin: number
  end: number
}

export interface Header {
  metadata: Record<string, string>
  entries: Map<string, Entry>
}

const again = 'Download or save it again.'

/** Reads the length field. `size` is the file's size; fewer than 8 `first` bytes mean a file that short. */
export function headerLength(first: Uint8Array, path: string, size: number): number {
  if (first.length < 8) throw new Error(`${path}: the file has ${size} bytes, a safetensors file at least 8; it is empty or truncated. ${again}`)
  if (new TextDecoder('latin1').decode(first.subarray(0, 8)) === 'version ') {
    throw new Error(`${path}: this is a Git LFS pointer, not the weights themselves. Run 'git lfs pull' in its folder, or download the file.`)
  }
  const length = new DataView(first.buffer, first.byteOffset).getBigUint64(0, true)
  if (length > BigInt(maxHeaderBytes)) {
    throw new Error(
      `${path}: the header claims ${length} bytes, at most 100000000 are allowed; this is no safetensors file, or it is damaged. ${again}`,
    )
  }
  if (8 + Number(length) > size) {
    throw new Error(`${path}: the header claims ${length} bytes, but only ${size - 8} follow; the file is truncated. ${again}`)
  }
  return Number(length)
}

/**
 * Parses and checks a header. `size` is the file's size in bytes.
 * Every fault has its own error, which names the file, the tensor and the way out.
 */
export function parseHeader(json: Uint8Array, path: string, size: number): Header {
  const start = 8 + json.length
  const parsed = parseJson(json, path)
  let metadata: Record<string, string> = {}
  const entries = new Map<string, Entry>()
  for (const [name, value] of Object.entries(parsed)) {
    if (name === '__metadata__') metadata = checkMetadata(value, path)
    else entries.set(name, checkEntry(value, `${path}: tensor '${name}'`, start, size))
  }
  checkRanges(entries, path, start, size)
  return { metadata, entries }
}

function parseJson(json: Uint8Array, path: string): object {
  let text: string
  let parsed: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(json)
    parsed = JSON.parse(text)
  } catch (error) {
    throw new Error(`${path}: the header is not JSON; this is no safetensors file, or it is damaged. ${again}`, { cause: error })
  }
  if (!isObject(parsed)) throw new Error(`${path}: the header is JSON, but not an object with tensors; this is no safetensors file. ${again}`)
  const twice = repeatedKey(text)
  if (twice !== undefined) {
    throw new Error(`${path}: the header names '${twice}' twice, so it is not clear which one counts. Save the file again with distinct names.`)
  }
  return parsed
}

function checkMetadata(value: unknown, path: string): Record<string, string> {
  if (!isObject(value) || Object.values(value).some((text) => typeof text !== 'string')) {
    throw new Error(`${path}: __metadata__ must map strings to strings. Save the file again with text values only.`)
  }
  return value as Record<string, string>
}

function checkEntry(value: unknown, where: string, start: number, size: number): Entry {
  if (!isObject(value)) throw new Error(`${where}: expected an object with dtype, shape and data_offsets; got ${JSON.stringify(value)}. ${again}`)
  const fields = new Map(Object.entries(value))
  for (const key of fields.keys()) {
    if (key !== 'dtype' && key !== 'shape' && key !== 'data_offsets') {
      throw new Error(`${where}: unknown key '${key}'; the keys are dtype, shape, data_offsets. Save the file again without it.`)
    }
  }
  const dtype = fields.get('dtype')
  const shape = fields.get('shape')
  const offsets = fields.get('data_offsets')
  if (!isDtype(dtype)) {
    const known = Object.keys(dtypeBytes).join(', ')
    throw new Error(`${where}: unknown dtype ${JSON.stringify(dtype)}; known are ${known}. Convert the tensor to one of these, for example F32.`)
  }
  const count = elements(shape)
  if (Number.isNaN(count)) {
    throw new Error(
      `${where}: shape ${JSON.stringify(shape)} is not a list of whole, non-negative numbers. The file is damaged; ${again.toLowerCase()}`,
    )
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every((at) => Number.isSafeInteger(at) && at >= 0) || offsets[0] > offsets[1]) {
    throw new Error(
      `${where}: data_offsets ${JSON.stringify(offsets)} are not two whole numbers, begin ≤ end. The file is damaged; ${again.toLowerCase()}`,
    )
  }
  const [begin, end] = offsets as [number, number]
  if (end - begin !== count * dtypeBytes[dtype]) {
    const needs = `${dtype} of shape [${shape}] takes ${count * dtypeBytes[dtype]} bytes`
    throw new Error(`${where}: ${needs}, its range [${begin}, ${end}] has ${end - begin}. The file is damaged; ${again.toLowerCase()}`)
  }
  if (start + end > size) {
    throw new Error(`${where}: its values end at byte ${start + end}, the file has ${size}; the file is truncated. ${again}`)
  }
  return { dtype, shape: shape as number[], begin: start + begin, end: start + end }
}

/** The ranges, in order, must cover the rest of the file exactly. */
function checkRanges(entries: Map<string, Entry>, path: string, start: number, size: number): void {
  const ordered = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)
  let at = start
  let previous = 'the header'
  for (const [name, { begin, end }] of ordered) {
    if (begin < at) {
      throw new Error(
        `${path}: tensor '${name}' begins at byte ${begin}, inside ${previous}, which ends at ${at}; ranges must not overlap. Save the file again.`,
      )
    }
    if (begin > at) {
      throw new Error(
        `${path}: ${begin - at} bytes between ${previous} and tensor '${name}' belong to no tensor; gaps are not allowed. Save the file again.`,
      )
    }
    at = end
    previous = `tensor '${name}'`
  }
  if (at < size) {
    throw new Error(`${path}: ${size - at} bytes follow ${previous}, the last that the header describes; the file is oversized. ${again}`)
  }
}

/** The first key that an object in this (valid) JSON text holds twice; `JSON.parse` silently keeps the last. */
function repeatedKey(json: string): string | undefined {
  const open: (Set<string> | undefined)[] = [] // the keys of each open object, undefined for an array
  for (let i = 0; i < json.length; i++) {
    const character = json[i]
    if (character === '{') open.push(new Set())
    else if (character === '[') open.push(undefined)
    else if (character === '}' || character === ']') open.pop()
    else if (character === '"') {
      const begin = i
      for (i++; json[i] !== '"'; i++) if (json[i] === '\\') i++
      const keys = open.at(-1)
      let next = i + 1
      while (/\s/.test(json[next] ?? '')) next++
      if (!keys || json[next] !== ':') continue
      const key: string = JSON.parse(json.slice(begin, i + 1))
      if (keys.has(key)) return key
      keys.add(key)
    }
  }
  return undefined
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
