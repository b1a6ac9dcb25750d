// Element types of tensors (DESIGN E7). i64 exists only at ONNX's border: shapes, slice bounds and indices that an ONNX operation insists on.

export type DType = 'f32' | 'f16' | 'bf16' | 'i32' | 'i64' | 'u8' | 'i8' | 'bool'

export type TypedArray = Float32Array | Uint16Array | Int32Array | BigInt64Array | Uint8Array | Int8Array

/** Bytes of one element. */
export const bytesOf: Record<DType, number> = { f32: 4, f16: 2, bf16: 2, i32: 4, i64: 8, u8: 1, i8: 1, bool: 1 }

/** Whether gradients can flow through values of this type. */
export const isFloat = (dtype: DType): boolean => dtype === 'f32' || dtype === 'f16' || dtype === 'bf16'

/** A typed array of `length` elements, over `buffer` at `offset` (bytes) if given. */
export function arrayOf(dtype: DType, length: number, buffer: ArrayBuffer = new ArrayBuffer(length * bytesOf[dtype]), offset = 0): TypedArray {
  switch (dtype) {
    case 'f32':
      return new Float32Array(buffer, offset, length)
    case 'f16':
    case 'bf16':
      return new Uint16Array(buffer, offset, length)
    case 'i32':
      return new Int32Array(buffer, offset, length)
    case 'i64':
      return new BigInt64Array(buffer, offset, length)
    case 'i8':
      return new Int8Array(buffer, offset, length)
    default:
      return new Uint8Array(buffer, offset, length)
  }
}
