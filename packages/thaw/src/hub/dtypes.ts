// The element types of safetensors files that Thaw reads and writes, and the arrays that hold them in memory.
// Every float type is a Float32Array in memory; I64 is a Float64Array of exact whole numbers (bigint where one writes it).

export const dtypeBytes = { F64: 8, I64: 8, F32: 4, I32: 4, U32: 4, F16: 2, BF16: 2, I16: 2, U16: 2, U8: 1, I8: 1, BOOL: 1 } as const

export type Dtype = keyof typeof dtypeBytes

export type TensorData = Float32Array | Float64Array | Int32Array | Uint32Array | Int16Array | Uint16Array | Int8Array | Uint8Array | BigInt64Array

export function isDtype(name: unknown): name is Dtype {
  return typeof name === 'string' && Object.hasOwn(dtypeBytes, name)
}

export function isFloat(dtype: Dtype): boolean {
  return dtype === 'F32' || dtype === 'F16' || dtype === 'BF16' || dtype === 'F64'
}

/** Number of elements of a shape; NaN where it is not a list of whole, non-negative numbers or the product is not exact. */
export function elements(shape: unknown): number {
  if (!Array.isArray(shape)) return Number.NaN
  let product = 1
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) return Number.NaN
    product *= size
  }
  return Number.isSafeInteger(product) ? product : Number.NaN
}

/** The bytes under a typed array, without a copy. */
export function bytes(data: TensorData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}
