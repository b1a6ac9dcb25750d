// Passes over whole tensors: accumulation, scaling, averaging and the pulls towards an anchor (L2-SP, Li et al. 2018; EWC, Kirkpatrick et al. 2017).
import { load, splat, store } from './lanes'

export function fill(x: usize, n: usize, value: f64): void {
  const lanes = splat(value)
  const end = x + (n << 2)
  for (; x + 16 <= end; x += 16) v128.store(x, lanes)
  for (; x < end; x += 4) v128.store_lane<f32>(x, lanes, 0)
}

export function copy(target: usize, source: usize, n: usize): void {
  memory.copy(target, source, n << 2)
}

@inline
function scaleAt(x: usize, a: v128, one: bool): void {
  store(x, f32x4.mul(load(x, one), a), one)
}

export function scale(x: usize, n: usize, a: f64): void {
  const factor = splat(a)
  const end = x + (n << 2)
  for (; x + 64 <= end; x += 64) {
    scaleAt(x, factor, false)
    scaleAt(x + 16, factor, false)
    scaleAt(x + 32, factor, false)
    scaleAt(x + 48, factor, false)
  }
  for (; x < end; x += 4) scaleAt(x, factor, true)
}

@inline
function axpyAt(y: usize, a: v128, x: usize, one: bool): void {
  store(y, f32x4.add(load(y, one), f32x4.mul(a, load(x, one))), one)
}

/** y += a x */
export function axpy(y: usize, a: f64, x: usize, n: usize): void {
  const factor = splat(a)
  const end = y + (n << 2)
  for (; y + 64 <= end; y += 64, x += 64) {
    axpyAt(y, factor, x, false)
    axpyAt(y + 16, factor, x + 16, false)
    axpyAt(y + 32, factor, x + 32, false)
    axpyAt(y + 48, factor, x + 48, false)
  }
  for (; y < end; y += 4, x += 4) axpyAt(y, factor, x, true)
}

@inline
function addAt(y: usize, x: usize, one: bool): void {
  store(y, f32x4.add(load(y, one), load(x, one)), one)
}

/** y += x */
export function add(y: usize, x: usize, n: usize): void {
  const end = y + (n << 2)
  for (; y + 64 <= end; y += 64, x += 64) {
    addAt(y, x, false)
    addAt(y + 16, x + 16, false)
    addAt(y + 32, x + 32, false)
    addAt(y + 48, x + 48, false)
  }
  for (; y < end; y += 4, x += 4) addAt(y, x, true)
}

@inline
function towardsAt(grad: usize, param: usize, anchor: usize, strength: v128, one: bool): void {
  const pull = f32x4.mul(strength, f32x4.sub(load(param, one), load(anchor, one)))
  store(grad, f32x4.add(load(grad, one), pull), one)
}

/** grad += strength (param - anchor) */
export function towards(grad: usize, param: usize, anchor: usize, strength: f64, n: usize): void {
  const factor = splat(strength)
  const end = grad + (n << 2)
  for (; grad + 32 <= end; grad += 32, param += 32, anchor += 32) {
    towardsAt(grad, param, anchor, factor, false)
    towardsAt(grad + 16, param + 16, anchor + 16, factor, false)
  }
  for (; grad < end; grad += 4, param += 4, anchor += 4) towardsAt(grad, param, anchor, factor, true)
}

@inline
function towardsWeightedAt(grad: usize, param: usize, anchor: usize, weight: usize, strength: v128, one: bool): void {
  const pull = f32x4.mul(f32x4.mul(strength, load(weight, one)), f32x4.sub(load(param, one), load(anchor, one)))
  store(grad, f32x4.add(load(grad, one), pull), one)
}

/** grad += strength weight (param - anchor), element by element */
export function towardsWeighted(grad: usize, param: usize, anchor: usize, weight: usize, strength: f64, n: usize): void {
  const factor = splat(strength)
  const end = grad + (n << 2)
  for (; grad + 32 <= end; grad += 32, param += 32, anchor += 32, weight += 32) {
    towardsWeightedAt(grad, param, anchor, weight, factor, false)
    towardsWeightedAt(grad + 16, param + 16, anchor + 16, weight + 16, factor, false)
  }
  for (; grad < end; grad += 4, param += 4, anchor += 4, weight += 4) towardsWeightedAt(grad, param, anchor, weight, factor, true)
}

@inline
function lerpAt(a: usize, b: usize, t: v128, one: bool): void {
  const from = load(a, one)
  store(a, f32x4.add(from, f32x4.mul(t, f32x4.sub(load(b, one), from))), one)
}

/** a += t (b - a) */
export function lerp(a: usize, b: usize, t: f64, n: usize): void {
  const factor = splat(t)
  const end = a + (n << 2)
  for (; a + 32 <= end; a += 32, b += 32) {
    lerpAt(a, b, factor, false)
    lerpAt(a + 16, b + 16, factor, false)
  }
  for (; a < end; a += 4, b += 4) lerpAt(a, b, factor, true)
}
