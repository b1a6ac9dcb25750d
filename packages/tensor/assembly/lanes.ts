// Loads and stores of four lanes or of one. The last n % 4 elements run through the same vector arithmetic with one lane filled,
// so each formula is written once and an element's result does not depend on where it lies.

/** Four floats, or one float in lane 0 and zeros (`one` is a constant at every call, so no branch remains). */
@inline
export function load(pointer: usize, one: bool): v128 {
  return one ? v128.load32_zero(pointer) : v128.load(pointer)
}

@inline
export function store(pointer: usize, value: v128, one: bool): void {
  if (one) v128.store_lane<f32>(pointer, value, 0)
  else v128.store(pointer, value)
}

/** The first `count` (at least 1; 4 or more means all) of four lanes. */
@inline
export function storeSome(pointer: usize, value: v128, count: usize): void {
  if (count >= 4) {
    v128.store(pointer, value)
  } else {
    v128.store_lane<f32>(pointer, value, 0)
    if (count > 1) v128.store_lane<f32>(pointer, value, 1, 4)
    if (count > 2) v128.store_lane<f32>(pointer, value, 2, 8)
  }
}

/** One float (computed in f64 by the caller) in all four lanes. */
@inline
export function splat(value: f64): v128 {
  return f32x4.splat(<f32>value)
}
