// Narrow storage: quantised bytes, IEEE half precision and bfloat16, to and from f32. Rounding is to nearest, ties to even.
import { storeSome } from './lanes'

@inline
function dequantizeRow(target: usize, source: usize, width: usize, scale: f32, zero: i32, signed: bool): void {
  const factor = f32x4.splat(scale)
  const offset = i32x4.splat(zero)
  let i: usize = 0
  for (; i + 8 <= width; i += 8) {
    const wide = signed ? v128.load_ext<i8>(source + i) : v128.load_ext<u8>(source + i)
    const low = signed ? i32x4.extend_low_i16x8_s(wide) : i32x4.extend_low_i16x8_u(wide)
    const high = signed ? i32x4.extend_high_i16x8_s(wide) : i32x4.extend_high_i16x8_u(wide)
    v128.store(target + (i << 2), f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(low, offset)), factor))
    v128.store(target + (i << 2), f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(high, offset)), factor), 16)
  }
  for (; i < width; i++) {
    const value = signed ? <i32>load<i8>(source + i) : <i32>load<u8>(source + i)
    store<f32>(target + (i << 2), <f32>(value - zero) * scale)
  }
}

/** target[r, i] = (source[r, i] - zeros[r]) scales[r]; `zeros` (i32) may be 0 for none */
export function dequantizeU8(target: usize, source: usize, rows: usize, width: usize, scales: usize, zeros: usize): void {
  for (let r: usize = 0; r < rows; r++) {
    const zero = zeros ? load<i32>(zeros + (r << 2)) : 0
    dequantizeRow(target + ((r * width) << 2), source + r * width, width, load<f32>(scales + (r << 2)), zero, false)
  }
}

export function dequantizeI8(target: usize, source: usize, rows: usize, width: usize, scales: usize, zeros: usize): void {
  for (let r: usize = 0; r < rows; r++) {
    const zero = zeros ? load<i32>(zeros + (r << 2)) : 0
    dequantizeRow(target + ((r * width) << 2), source + r * width, width, load<f32>(scales + (r << 2)), zero, true)
  }
}

/** Four halves in the low 16 bits of each lane. The shifted bits are a float 2^112 times too small; denormal halves come out right too. */
@inline
function widenHalf(half: v128): v128 {
  const magnitude = i32x4.shl(v128.and(half, i32x4.splat(0x7fff)), 13)
  const value = f32x4.mul(magnitude, f32x4.splat(reinterpret<f32>(0x77800000))) // 2^112
  const special = v128.and(i32x4.gt_s(magnitude, i32x4.splat(0x0f7fffff)), i32x4.splat(0x7f800000)) // infinity or NaN: all exponent bits
  return v128.or(v128.or(value, special), i32x4.shl(v128.and(half, i32x4.splat(0x8000)), 16))
}

@inline
function narrowHalf(x: v128): v128 {
  const bits = v128.and(x, i32x4.splat(0x7fffffff))
  const odd = v128.and(i32x4.shr_u(bits, 13), i32x4.splat(1))
  const normal = i32x4.shr_u(i32x4.add(i32x4.add(bits, i32x4.splat(0xc8000fff)), odd), 13) // exponent - 112, then round
  const denormal = i32x4.sub(f32x4.add(bits, f32x4.splat(0.5)), i32x4.splat(0x3f000000)) // adding 0.5 rounds at 2^-24
  const special = v128.bitselect(i32x4.splat(0x7e00), i32x4.splat(0x7c00), i32x4.gt_s(bits, i32x4.splat(0x7f800000))) // NaN or infinity
  let half = v128.bitselect(denormal, normal, i32x4.lt_s(bits, i32x4.splat(0x38800000))) // below 2^-14
  half = v128.bitselect(special, half, i32x4.gt_s(bits, i32x4.splat(0x477fffff))) // from 65,536 on
  return v128.or(half, i32x4.shr_u(v128.and(x, i32x4.splat(0x80000000)), 16))
}

@inline
function narrowBrain(x: v128): v128 {
  const odd = v128.and(i32x4.shr_u(x, 16), i32x4.splat(1))
  const rounded = i32x4.shr_u(i32x4.add(i32x4.add(x, i32x4.splat(0x7fff)), odd), 16)
  const quiet = v128.or(i32x4.shr_u(x, 16), i32x4.splat(0x40)) // rounding a NaN could carry it into infinity
  return v128.bitselect(quiet, rounded, i32x4.gt_s(v128.and(x, i32x4.splat(0x7fffffff)), i32x4.splat(0x7f800000)))
}

@inline
function widen(target: usize, source: usize, n: usize, brain: bool): void {
  let i: usize = 0
  for (; i + 4 <= n; i += 4) {
    const half = v128.load_ext<u16>(source + (i << 1))
    v128.store(target + (i << 2), brain ? i32x4.shl(half, 16) : widenHalf(half))
  }
  for (; i < n; i++) {
    const half = i32x4.splat(<i32>load<u16>(source + (i << 1)))
    storeSome(target + (i << 2), brain ? i32x4.shl(half, 16) : widenHalf(half), 1)
  }
}

@inline
function narrow(target: usize, source: usize, n: usize, brain: bool): void {
  let i: usize = 0
  for (; i + 4 <= n; i += 4) {
    const x = v128.load(source + (i << 2))
    const half = brain ? narrowBrain(x) : narrowHalf(x)
    v128.store_lane<i64>(target + (i << 1), i16x8.narrow_i32x4_u(half, half), 0)
  }
  for (; i < n; i++) {
    const x = v128.load32_zero(source + (i << 2))
    v128.store_lane<i16>(target + (i << 1), brain ? narrowBrain(x) : narrowHalf(x), 0)
  }
}

export function f16ToF32(target: usize, source: usize, n: usize): void {
  widen(target, source, n, false)
}

export function bf16ToF32(target: usize, source: usize, n: usize): void {
  widen(target, source, n, true)
}

export function f32ToF16(target: usize, source: usize, n: usize): void {
  narrow(target, source, n, false)
}

export function f32ToBf16(target: usize, source: usize, n: usize): void {
  narrow(target, source, n, true)
}
