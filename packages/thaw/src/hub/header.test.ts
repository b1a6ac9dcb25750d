import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headerLength, parseHeader } from './header.js'

const parse = (header: unknown, data: number) => {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  return parseHeader(json, 'm.st', 8 + json.length + data)
}
const refused = (header: unknown, data: number, message: string | RegExp) => assert.throws(() => parse(header, data), { message })
const tensor = (begin: number, end: number, dtype = 'F32', shape: unknown = [(end - begin) / 4]) => ({ dtype, shape, data_offsets: [begin, end] })
const length = (bytes: bigint) => Buffer.from(new BigUint64Array([bytes]).buffer)

test('a good header: positions in the file, metadata, scalars, empty tensors', () => {
  const { entries, metadata } = parse(
    { __metadata__: { format: 'pt' }, b: tensor(4, 12), a: tensor(0, 4, 'F32', []), none: tensor(4, 4, 'F32', [0, 3]) },
    12,
  )
  const start = entries.get('a')!.begin
  assert.deepEqual(entries.get('b'), { dtype: 'F32', shape: [2], begin: start + 4, end: start + 12 })
  assert.deepEqual(metadata, { format: 'pt' })
  assert.deepEqual([...entries.keys()], ['b', 'a', 'none'])
})

test('names such as __proto__ are names like any other', () => {
  const { entries } = parse(
    '{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"constructor":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
    2,
  )
  assert.deepEqual([...entries.keys()], ['__proto__', 'constructor'])
  assert.equal(({} as Record<string, unknown>).dtype, undefined)
  refused(
    '{"a":{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}}',
    1,
    "m.st: tensor 'a': unknown key '__proto__'; the keys are dtype, shape, data_offsets. Save the file again without it.",
  )
})

test('the length field', () => {
  const again = 'Download or save it again.'
  const fails = (first: Buffer, size: number, message: string) => assert.throws(() => headerLength(first, 'm.st', size), { message })
  fails(Buffer.alloc(5), 5, `m.st: the file has 5 bytes, a safetensors file at least 8; it is empty or truncated. ${again}`)
  fails(length(100n), 50, `m.st: the header claims 100 bytes, but only 42 follow; the file is truncated. ${again}`)
  const tooLong = 'at most 100000000 are allowed; this is no safetensors file, or it is damaged.'
  fails(length(100_000_001n), 50, `m.st: the header claims 100000001 bytes, ${tooLong} ${again}`)
  fails(length(2n ** 64n - 1n), 50, `m.st: the header claims 18446744073709551615 bytes, ${tooLong} ${again}`)
  const pointer = "m.st: this is a Git LFS pointer, not the weights themselves. Run 'git lfs pull' in its folder, or download the file."
  fails(Buffer.from('version https://git-lfs'), 130, pointer)
})

test('what is no header', () => {
  refused('{"a":', 0, 'm.st: the header is not JSON; this is no safetensors file, or it is damaged. Download or save it again.')
  refused('[]', 0, 'm.st: the header is JSON, but not an object with tensors; this is no safetensors file. Download or save it again.')
  refused({ __metadata__: { n: 1 } }, 0, 'm.st: __metadata__ must map strings to strings. Save the file again with text values only.')
  refused({ a: 3 }, 0, "m.st: tensor 'a': expected an object with dtype, shape and data_offsets; got 3. Download or save it again.")
  assert.throws(() => parseHeader(Buffer.from([0x7b, 0xff, 0x7d]), 'm.st', 11), /^Error: m\.st: the header is not JSON/)
})

test('names that are there twice, however they are spelt', () => {
  const one = '{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'
  const twice = (name: string) =>
    `m.st: the header names '${name}' twice, so it is not clear which one counts. Save the file again with distinct names.`
  refused(`{"a":${one},"\\u0061"             :${one}}`, 1, twice('a'))
  refused(`{"a\\"b":${one},"a\\"b":${one}}`, 1, twice('a"b'))
  refused('{"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}', 1, twice('dtype'))
})

test('entries: dtype, shape, offsets', () => {
  const known = 'F64, I64, F32, I32, U32, F16, BF16, I16, U16, U8, I8, BOOL'
  const convert = `known are ${known}. Convert the tensor to one of these, for example F32.`
  refused({ a: tensor(0, 4, 'F8_E4M3') }, 4, `m.st: tensor 'a': unknown dtype "F8_E4M3"; ${convert}`)
  refused({ a: tensor(0, 4, 'toString') }, 4, `m.st: tensor 'a': unknown dtype "toString"; ${convert}`)
  const shape = (text: string) =>
    `m.st: tensor 'a': shape ${text} is not a list of whole, non-negative numbers. The file is damaged; download or save it again.`
  refused({ a: tensor(0, 4, 'F32', [1.5]) }, 4, shape('[1.5]'))
  refused({ a: tensor(0, 4, 'F32', [-1]) }, 4, shape('[-1]'))
  refused({ a: tensor(0, 4, 'F32', 'x') }, 4, shape('"x"'))
  refused({ a: tensor(0, 4, 'F32', [2 ** 40, 2 ** 40]) }, 4, shape('[1099511627776,1099511627776]'))
  const offsets = (text: string) =>
    `m.st: tensor 'a': data_offsets ${text} are not two whole numbers, begin ≤ end. The file is damaged; download or save it again.`
  refused({ a: { dtype: 'F32', shape: [1], data_offsets: [4, 0] } }, 4, offsets('[4,0]'))
  refused({ a: { dtype: 'F32', shape: [1], data_offsets: [0] } }, 4, offsets('[0]'))
  refused({ a: { dtype: 'F32', shape: [1] } }, 4, offsets('undefined'))
  const range = "m.st: tensor 'a': F32 of shape [2,3] takes 24 bytes, its range [0, 20] has 20. The file is damaged; download or save it again."
  refused({ a: tensor(0, 20, 'F32', [2, 3]) }, 20, range)
})

test('ranges: beyond the file, overlapping, with gaps, oversized', () => {
  refused(
    { a: tensor(0, 8) },
    4,
    /^m\.st: tensor 'a': its values end at byte (\d+), the file has (\d+); the file is truncated\. Download or save it again\.$/,
  )
  refused(
    { a: tensor(0, 8), b: tensor(4, 12) },
    12,
    /^m\.st: tensor 'b' begins at byte \d+, inside tensor 'a', which ends at \d+; ranges must not overlap\. Save the file again\.$/,
  )
  refused(
    { a: tensor(0, 8), b: tensor(12, 16) },
    16,
    "m.st: 4 bytes between tensor 'a' and tensor 'b' belong to no tensor; gaps are not allowed. Save the file again.",
  )
  refused({ a: tensor(4, 8) }, 8, "m.st: 4 bytes between the header and tensor 'a' belong to no tensor; gaps are not allowed. Save the file again.")
  refused(
    { a: tensor(0, 8) },
    11,
    "m.st: 3 bytes follow tensor 'a', the last that the header describes; the file is oversized. Download or save it again.",
  )
})
