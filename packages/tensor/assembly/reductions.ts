// Sums and checks over one tensor. The sum of squares is taken in f64, in a fixed order: it neither overflows nor depends on the machine,
// and it is finite exactly when every element is, so the clipping norm doubles as the check for NaN and infinity.

@inline
function squares(x: v128, sum: v128): v128 {
  const wide = f64x2.promote_low_f32x4(x)
  return f64x2.add(sum, f64x2.mul(wide, wide))
}

export function sumSquares(x: usize, n: usize): f64 {
  let a = f64x2.splat(0)
  let b = f64x2.splat(0)
  let c = f64x2.splat(0)
  let d = f64x2.splat(0)
  let e = f64x2.splat(0)
  let f = f64x2.splat(0)
  let g = f64x2.splat(0)
  let h = f64x2.splat(0)
  const end = x + (n << 2)
  for (; x + 64 <= end; x += 64) {
    a = squares(v128.load64_zero(x), a)
    b = squares(v128.load64_zero(x, 8), b)
    c = squares(v128.load64_zero(x, 16), c)
    d = squares(v128.load64_zero(x, 24), d)
    e = squares(v128.load64_zero(x, 32), e)
    f = squares(v128.load64_zero(x, 40), f)
    g = squares(v128.load64_zero(x, 48), g)
    h = squares(v128.load64_zero(x, 56), h)
  }
  for (; x < end; x += 4) a = squares(v128.load32_zero(x), a)
  a = f64x2.add(f64x2.add(f64x2.add(a, b), f64x2.add(c, d)), f64x2.add(f64x2.add(e, f), f64x2.add(g, h)))
  return f64x2.extract_lane(a, 0) + f64x2.extract_lane(a, 1)
}

/** How many elements are NaN or infinite: their exponent bits are all ones. */
export function countNonFinite(x: usize, n: usize): u32 {
  const magnitude = i32x4.splat(0x7fffffff)
  const largest = i32x4.splat(0x7f7fffff)
  let count = i32x4.splat(0)
  const end = x + (n << 2)
  for (; x + 32 <= end; x += 32) {
    count = i32x4.sub(count, i32x4.gt_s(v128.and(v128.load(x), magnitude), largest))
    count = i32x4.sub(count, i32x4.gt_s(v128.and(v128.load(x, 16), magnitude), largest))
  }
  for (; x < end; x += 4) count = i32x4.sub(count, i32x4.gt_s(v128.and(v128.load32_zero(x), magnitude), largest))
  return i32x4.extract_lane(count, 0) + i32x4.extract_lane(count, 1) + i32x4.extract_lane(count, 2) + i32x4.extract_lane(count, 3)
}

/** The largest magnitude; NaN where any element is NaN. */
export function maxAbs(x: usize, n: usize): f32 {
  let a = f32x4.splat(0)
  let b = f32x4.splat(0)
  const end = x + (n << 2)
  for (; x + 32 <= end; x += 32) {
    a = f32x4.max(a, f32x4.abs(v128.load(x)))
    b = f32x4.max(b, f32x4.abs(v128.load(x, 16)))
  }
  for (; x < end; x += 4) a = f32x4.max(a, f32x4.abs(v128.load32_zero(x)))
  a = f32x4.max(a, b)
  return max(max(f32x4.extract_lane(a, 0), f32x4.extract_lane(a, 1)), max(f32x4.extract_lane(a, 2), f32x4.extract_lane(a, 3)))
}
