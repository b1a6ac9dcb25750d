// Adam (Kingma & Ba 2015), AdamW (Loshchilov & Hutter 2019) and SGD with momentum, one pass each: the clipping factor and both kinds of
// weight decay are folded in, so clipping costs no pass of its own. One square root and one division an element; the rest is memory traffic.
//
// A moment below `tiny` is set to zero. Without that the moments of an embedding row that is rarely seen decay into denormals after some
// hundred steps and stay there for ever (0.1 of the last bit rounds to nothing), and arithmetic on denormals takes a hundred times as long.
// NaN is kept: `lt` is false for it.
import { scale } from './elementwise'
import { load, splat, store } from './lanes'

@inline
function adamAt(
  param: usize, grad: usize, first: usize, second: usize, one: bool,
  gradScale: v128, coupled: v128, keep: v128, rise1: v128, beta2: v128, rise2: v128, root: v128, epsilon: v128, step: v128, tiny: v128, smallest: v128,
): void {
  const p = load(param, one)
  const g = f32x4.add(f32x4.mul(load(grad, one), gradScale), f32x4.mul(p, coupled))
  let m = load(first, one)
  let v = load(second, one)
  m = f32x4.add(m, f32x4.mul(f32x4.sub(g, m), rise1))
  v = f32x4.add(f32x4.mul(v, beta2), f32x4.mul(f32x4.mul(g, rise2), g))
  m = v128.andnot(m, f32x4.lt(f32x4.abs(m), tiny))
  v = v128.andnot(v, f32x4.lt(v, smallest))
  store(first, m, one)
  store(second, v, one)
  const change = f32x4.div(f32x4.mul(m, step), f32x4.add(f32x4.mul(f32x4.sqrt(v), root), epsilon))
  store(param, f32x4.sub(f32x4.mul(p, keep), change), one)
}

/**
 * g = gradScale grad + coupled param; m += (1 - beta1)(g - m); v = beta2 v + (1 - beta2) g²;
 * param = keep param - (rate / correction1) m / (sqrt(v) / sqrt(correction2) + epsilon)
 */
export function adam(
  param: usize, grad: usize, m: usize, v: usize, n: usize,
  rate: f64, beta1: f64, beta2: f64, epsilon: f64, coupled: f64, decay: f64, correction1: f64, correction2: f64, gradScale: f64,
): void {
  const c0 = splat(gradScale)
  const c1 = splat(coupled)
  const c2 = splat(1 - rate * decay)
  const c3 = splat(1 - beta1)
  const c4 = splat(beta2)
  const c5 = splat(1 - beta2)
  const c6 = splat(1 / sqrt<f64>(correction2))
  const c7 = splat(epsilon)
  const c8 = splat(rate / correction1)
  const c9 = splat(1e-30)
  const ca = splat(1.1754943508222875e-38)
  const end = param + (n << 2)
  for (; param + 32 <= end; param += 32, grad += 32, m += 32, v += 32) {
    adamAt(param, grad, m, v, false, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, ca)
    adamAt(param + 16, grad + 16, m + 16, v + 16, false, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, ca)
  }
  for (; param < end; param += 4, grad += 4, m += 4, v += 4) adamAt(param, grad, m, v, true, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, ca)
}

@inline
function isZero(x: usize, end: usize): bool {
  for (; x + 64 <= end; x += 64)
    if (v128.any_true(v128.or(v128.or(v128.load(x), v128.load(x, 16)), v128.or(v128.load(x, 32), v128.load(x, 48))))) return false
  for (; x < end; x += 4) if (v128.any_true(load(x, true))) return false
  return true
}

/**
 * `adam` on rows whose gradient is zero, without one in memory. A row whose moments are zero only decays: what the formula gives for it, without a write
 * to the moments. Such are the rows of an embedding that no text has had so far.
 */
export function adamWithoutGradient(
  param: usize, m: usize, v: usize, rows: usize, width: usize,
  rate: f64, beta1: f64, beta2: f64, epsilon: f64, decay: f64, correction1: f64, correction2: f64,
): void {
  const bytes = width << 2
  for (let row: usize = 0; row < rows; row++, param += bytes, m += bytes, v += bytes) {
    if (!isZero(v, v + bytes) || !isZero(m, m + bytes)) {
      // nothing times m: a gradient of zeros
      adam(param, m, m, v, width, rate, beta1, beta2, epsilon, 0, decay, correction1, correction2, 0)
    } else if (rate * decay != 0) {
      scale(param, width, 1 - rate * decay)
    }
  }
}

@inline
function momentumAt(
  param: usize, grad: usize, buffer: usize, one: bool,
  rate: v128, momentum: v128, coupled: v128, gradScale: v128, ofGradient: v128, ofBuffer: v128, tiny: v128,
): void {
  const p = load(param, one)
  const g = f32x4.add(f32x4.mul(load(grad, one), gradScale), f32x4.mul(p, coupled))
  let b = f32x4.add(f32x4.mul(load(buffer, one), momentum), g)
  b = v128.andnot(b, f32x4.lt(f32x4.abs(b), tiny))
  store(buffer, b, one)
  const direction = f32x4.add(f32x4.mul(g, ofGradient), f32x4.mul(b, ofBuffer))
  store(param, f32x4.sub(p, f32x4.mul(direction, rate)), one)
}

/** buffer = momentum buffer + g; param -= rate (nesterov ? g + momentum buffer : buffer), g = gradScale grad + coupled param */
export function sgdMomentum(
  param: usize, grad: usize, buffer: usize, n: usize, rate: f64, momentum: f64, nesterov: bool, coupled: f64, gradScale: f64,
): void {
  const c0 = splat(rate)
  const c1 = splat(momentum)
  const c2 = splat(coupled)
  const c3 = splat(gradScale)
  const c4 = splat(nesterov ? 1 : 0)
  const c5 = splat(nesterov ? momentum : 1)
  const c6 = splat(1e-30)
  const end = param + (n << 2)
  for (; param + 32 <= end; param += 32, grad += 32, buffer += 32) {
    momentumAt(param, grad, buffer, false, c0, c1, c2, c3, c4, c5, c6)
    momentumAt(param + 16, grad + 16, buffer + 16, false, c0, c1, c2, c3, c4, c5, c6)
  }
  for (; param < end; param += 4, grad += 4, buffer += 4) momentumAt(param, grad, buffer, true, c0, c1, c2, c3, c4, c5, c6)
}

@inline
function plainAt(param: usize, grad: usize, one: bool, rate: v128, coupled: v128, gradScale: v128): void {
  const p = load(param, one)
  const g = f32x4.add(f32x4.mul(load(grad, one), gradScale), f32x4.mul(p, coupled))
  store(param, f32x4.sub(p, f32x4.mul(g, rate)), one)
}

/** param -= rate (gradScale grad + coupled param) */
export function sgdPlain(param: usize, grad: usize, n: usize, rate: f64, coupled: f64, gradScale: f64): void {
  const c0 = splat(rate)
  const c1 = splat(coupled)
  const c2 = splat(gradScale)
  const end = param + (n << 2)
  for (; param + 32 <= end; param += 32, grad += 32) {
    plainAt(param, grad, false, c0, c1, c2)
    plainAt(param + 16, grad + 16, false, c0, c1, c2)
  }
  for (; param < end; param += 4, grad += 4) plainAt(param, grad, true, c0, c1, c2)
}
