// Half-precision floats to and from float32: IEEE 754 binary16 (F16) and bfloat16 (BF16, the upper half of a float32).
// Both directions run over whole arrays; encoding rounds to nearest, ties to even, as NumPy and PyTorch do.

let table: Float32Array | undefined

/** The float32 value of every one of the 65,536 binary16 patterns (256 KB, made once: a lookup is faster than arithmetic). */
function f16Table(): Float32Array {
  if (table) return table
  table = new Float32Array(65536)
  for (let h = 0; h < 65536; h++) {
    const sign = h & 0x8000 ? -1 : 1
    const exponent = (h >>> 10) & 31
    const fraction = h & 1023
    if (exponent === 31) table[h] = fraction ? Number.NaN : sign * Infinity
    else table[h] = sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction)
  }
  return table
}

/** `target[i] = float32(source[i])` for binary16 patterns. */
export function decodeF16(source: Uint16Array, target: Float32Array): void {
  const values = f16Table()
  for (let i = 0; i < source.length; i++) target[i] = values[source[i]!]!
}

/** `target[i] = float32(source[i])` for bfloat16 patterns: their bits followed by sixteen zeros. */
export function decodeBF16(source: Uint16Array, target: Float32Array): void {
  const bits = new Uint32Array(target.buffer, target.byteOffset, source.length)
  for (let i = 0; i < source.length; i++) bits[i] = source[i]! << 16
}

/**
 * `target[i] = binary16(source[i])`, to nearest even. A finite value beyond 65,504 becomes infinite;
 * the index of the first such value is returned, or -1.
 */
export function encodeF16(source: Float32Array, target: Uint16Array): number {
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length)
  let overflow = -1
  for (let i = 0; i < bits.length; i++) {
    const sign = (bits[i]! >>> 16) & 0x8000
    const size = bits[i]! & 0x7fffffff
    let half: number
    if (size >= 0x477ff000) {
      if (size > 0x7f800000) half = 0x7e00
      else half = 0x7c00
      if (size < 0x7f800000 && overflow < 0) overflow = i
    } else if (size >= 0x38800000) {
      half = (size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13
    } else if (size > 0x33000000) {
      // A subnormal: the 24-bit mantissa, shifted so that one unit is 2^-24.
      const mantissa = (size & 0x7fffff) | 0x800000
      const shift = 126 - (size >>> 23)
      const rest = mantissa & ((1 << shift) - 1)
      const middle = 1 << (shift - 1)
      half = mantissa >>> shift
      if (rest > middle || (rest === middle && half & 1)) half++
    } else half = 0
    target[i] = sign | half
  }
  return overflow
}

/** `target[i] = bfloat16(source[i])`, to nearest even; NaN stays NaN. */
export function encodeBF16(source: Float32Array, target: Uint16Array): void {
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length)
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i]!
    target[i] = (word & 0x7fffffff) > 0x7f800000 ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16
  }
}
