// Random numbers without state: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"). Element i is word i % 4 of
// block i / 4 under the seed as key, so a pool can be extended without changing its beginning. Four blocks at a time, one a lane.
import { storeSome } from './lanes'

// The state between rounds, and the result: globals stay in the module (they are not part of the store's memory).
let w0: v128 = i32x4.splat(0)
let w1: v128 = i32x4.splat(0)
let w2: v128 = i32x4.splat(0)
let w3: v128 = i32x4.splat(0)

/** High halves of the four 32 × 32 → 64 bit products. */
@inline
function highProduct(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(i64x2.extmul_low_i32x4_u(a, b), i64x2.extmul_high_i32x4_u(a, b), 1, 3, 5, 7)
}

/** Words of blocks `block` … `block + 3` into w0 … w3, transposed so that w0 holds the four words of the first block. */
@inline
function philox(block: u32, low: u32, high: u32): void {
  const multiplier0 = i32x4.splat(0xd2511f53)
  const multiplier1 = i32x4.splat(0xcd9e8d57)
  let c0 = i32x4.add(i32x4.splat(block), i32x4(0, 1, 2, 3))
  let c1 = i32x4.splat(0)
  let c2 = i32x4.splat(0)
  let c3 = i32x4.splat(0)
  for (let round = 0; round < 10; round++) {
    const high0 = highProduct(multiplier0, c0)
    const low0 = i32x4.mul(multiplier0, c0)
    const high1 = highProduct(multiplier1, c2)
    const low1 = i32x4.mul(multiplier1, c2)
    c0 = v128.xor(v128.xor(high1, c1), i32x4.splat(low))
    c1 = low1
    c2 = v128.xor(v128.xor(high0, c3), i32x4.splat(high))
    c3 = low0
    low += 0x9e3779b9
    high += 0xbb67ae85
  }
  const even = v128.shuffle<i32>(c0, c1, 0, 4, 1, 5)
  const odd = v128.shuffle<i32>(c0, c1, 2, 6, 3, 7)
  const evenHigh = v128.shuffle<i32>(c2, c3, 0, 4, 1, 5)
  const oddHigh = v128.shuffle<i32>(c2, c3, 2, 6, 3, 7)
  w0 = v128.shuffle<i64>(even, evenHigh, 0, 2)
  w1 = v128.shuffle<i64>(even, evenHigh, 1, 3)
  w2 = v128.shuffle<i64>(odd, oddHigh, 0, 2)
  w3 = v128.shuffle<i64>(odd, oddHigh, 1, 3)
}

/** [0, 1) from the upper 24 bits: every value is exact in f32. */
@inline
function unit(word: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_u(word, 8)), f32x4.splat(5.9604644775390625e-8))
}

@inline
function storeWords(x: usize, left: usize, a: v128, b: v128, c: v128, d: v128): void {
  storeSome(x, a, left)
  if (left > 4) storeSome(x + 16, b, left - 4)
  if (left > 8) storeSome(x + 32, c, left - 8)
  if (left > 12) storeSome(x + 48, d, left - 12)
}

export function uniform(x: usize, n: usize, low: u32, high: u32): void {
  for (let i: usize = 0; i < n; i += 16) {
    philox(<u32>(i >> 2), low, high)
    storeWords(x + (i << 2), n - i, unit(w0), unit(w1), unit(w2), unit(w3))
  }
}

@inline
function keepOrDrop(word: v128, rate: v128, kept: v128): v128 {
  return v128.and(f32x4.ge(unit(word), rate), kept)
}

/** 0 with probability `rate`, else 1 / (1 - rate) */
export function keepMask(x: usize, n: usize, low: u32, high: u32, rate: f64): void {
  const limit = f32x4.splat(<f32>rate)
  const kept = f32x4.splat(<f32>(1 / (1 - rate)))
  for (let i: usize = 0; i < n; i += 16) {
    philox(<u32>(i >> 2), low, high)
    storeWords(x + (i << 2), n - i, keepOrDrop(w0, limit, kept), keepOrDrop(w1, limit, kept), keepOrDrop(w2, limit, kept), keepOrDrop(w3, limit, kept))
  }
}

/** ln of a float in (0, 1]: mantissa in [√½, √2), then 2 artanh(s) with s = (m - 1)/(m + 1) as a series; error below 1e-7 of the result. */
@inline
function ln(x: v128): v128 {
  const shifted = i32x4.sub(x, i32x4.splat(0x3f3504f3)) // bits of √½
  const exponent = f32x4.convert_i32x4_s(i32x4.shr_s(shifted, 23))
  const mantissa = i32x4.add(v128.and(shifted, i32x4.splat(0x007fffff)), i32x4.splat(0x3f3504f3))
  const s = f32x4.div(f32x4.sub(mantissa, f32x4.splat(1)), f32x4.add(mantissa, f32x4.splat(1)))
  const z = f32x4.mul(s, s)
  let series = f32x4.add(f32x4.splat(1.0 / 7), f32x4.mul(z, f32x4.splat(1.0 / 9)))
  series = f32x4.add(f32x4.splat(1.0 / 5), f32x4.mul(z, series))
  series = f32x4.add(f32x4.splat(1.0 / 3), f32x4.mul(z, series))
  series = f32x4.add(f32x4.splat(1), f32x4.mul(z, series))
  return f32x4.add(f32x4.mul(exponent, f32x4.splat(0.6931471805599453)), f32x4.mul(f32x4.add(s, s), series))
}

/** Box & Muller 1958: pairs (u1, u2) of words give sqrt(-2 ln u1) (cos 2πu2, sin 2πu2), in the pair's two places. */
@inline
function gaussian(word: v128, std: v128): v128 {
  const first = v128.shuffle<i32>(word, word, 0, 0, 2, 2)
  const second = unit(v128.shuffle<i32>(word, word, 1, 1, 3, 3))
  // (0, 1] with 32 bits, for the tails: (word + 1/2) 2^-32
  const u1 = f32x4.add(f32x4.mul(f32x4.convert_i32x4_u(first), f32x4.splat(2.3283064365386963e-10)), f32x4.splat(1.1641532182693481e-10))
  const radius = f32x4.mul(std, f32x4.sqrt(f32x4.mul(f32x4.splat(-2), ln(u1))))
  // A quarter turn back turns the cosine of lanes 0 and 2 into the sine of lanes 1 and 3; then θ in [-π/4, π/4] and a quadrant.
  const turns = f32x4.sub(f32x4.mul(second, f32x4.splat(4)), f32x4(0, 1, 0, 1))
  const nearest = f32x4.nearest(turns)
  const quadrant = i32x4.trunc_sat_f32x4_s(nearest)
  const theta = f32x4.mul(f32x4.sub(turns, nearest), f32x4.splat(1.5707963267948966))
  const z = f32x4.mul(theta, theta)
  let cosine = f32x4.add(f32x4.splat(-1.0 / 720), f32x4.mul(z, f32x4.splat(1.0 / 40320)))
  cosine = f32x4.add(f32x4.splat(1.0 / 24), f32x4.mul(z, cosine))
  cosine = f32x4.add(f32x4.splat(-0.5), f32x4.mul(z, cosine))
  cosine = f32x4.add(f32x4.splat(1), f32x4.mul(z, cosine))
  let sine = f32x4.add(f32x4.splat(-1.0 / 5040), f32x4.mul(z, f32x4.splat(1.0 / 362880)))
  sine = f32x4.add(f32x4.splat(1.0 / 120), f32x4.mul(z, sine))
  sine = f32x4.add(f32x4.splat(-1.0 / 6), f32x4.mul(z, sine))
  sine = f32x4.mul(theta, f32x4.add(f32x4.splat(1), f32x4.mul(z, sine)))
  // cos(θ + q π/2): cos, -sin, -cos, sin for q = 0 … 3
  const isOdd = i32x4.eq(v128.and(quadrant, i32x4.splat(1)), i32x4.splat(1))
  const sign = i32x4.shl(v128.and(i32x4.add(quadrant, i32x4.splat(1)), i32x4.splat(2)), 30)
  return f32x4.mul(radius, v128.xor(v128.bitselect(sine, cosine, isOdd), sign))
}

export function normal(x: usize, n: usize, low: u32, high: u32, std: f64): void {
  const deviation = f32x4.splat(<f32>std)
  for (let i: usize = 0; i < n; i += 16) {
    philox(<u32>(i >> 2), low, high)
    storeWords(x + (i << 2), n - i, gaussian(w0, deviation), gaussian(w1, deviation), gaussian(w2, deviation), gaussian(w3, deviation))
  }
}
