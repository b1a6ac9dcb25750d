// The update kernels once more, slow and obvious, over plain arrays: what the tests hold the SIMD forms to, and the place to read a formula.
import type { AdamCorrections, AdamOptions, Seed, SgdOptions } from './options.js'

type Floats = Float32Array

/** y += a x */
export function axpy(y: Floats, a: number, x: Floats): void {
  for (let i = 0; i < y.length; i++) y[i] = y[i]! + a * x[i]!
}

/** a += t (b - a) */
export function lerp(a: Floats, b: Floats, t: number): void {
  for (let i = 0; i < a.length; i++) a[i] = a[i]! + t * (b[i]! - a[i]!)
}

/** grad += strength weight (param - anchor), weight 1 where absent */
export function towards(grad: Floats, param: Floats, anchor: Floats, strength: number, weight?: Floats): void {
  for (let i = 0; i < grad.length; i++) grad[i] = grad[i]! + strength * (weight?.[i] ?? 1) * (param[i]! - anchor[i]!)
}

export function sumSquares(x: Floats): number {
  return x.reduce((sum, value) => sum + value * value, 0)
}

/** Adam (coupled decay) and AdamW as in PyTorch, each operation in f64. */
export function adam(param: Floats, grad: Floats, m: Floats, v: Floats, options: AdamOptions & AdamCorrections): void {
  const { rate, beta1, beta2, epsilon, correction1, correction2, weightDecay = 0, coupled = false, gradScale = 1 } = options
  for (let i = 0; i < param.length; i++) {
    const p = param[i]!
    const g = grad[i]! * gradScale + (coupled ? weightDecay * p : 0)
    const first = beta1 * m[i]! + (1 - beta1) * g
    const second = beta2 * v[i]! + (1 - beta2) * g * g
    m[i] = Math.abs(first) < 1e-30 ? 0 : first
    v[i] = second < 2 ** -126 ? 0 : second
    const kept = coupled ? p : p - rate * weightDecay * p
    param[i] = kept - ((rate / correction1) * m[i]!) / (Math.sqrt(v[i]! / correction2) + epsilon)
  }
}

export function sgd(param: Floats, grad: Floats, buffer: Floats, options: SgdOptions): void {
  const { rate, momentum = 0, nesterov = false, weightDecay = 0, gradScale = 1 } = options
  for (let i = 0; i < param.length; i++) {
    const g = grad[i]! * gradScale + weightDecay * param[i]!
    const velocity = momentum * buffer[i]! + g
    if (momentum !== 0) buffer[i] = Math.abs(velocity) < 1e-30 ? 0 : velocity
    const direction = momentum === 0 ? g : nesterov ? g + momentum * velocity : velocity
    param[i] = param[i]! - rate * direction
  }
}

/** f32 → bits of the nearest half (ties to even), by arithmetic: the spacing of halves at |x| is 2^(exponent - 10), at least 2^-24. */
export function toHalf(x: number): number {
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0
  if (Number.isNaN(x)) return 0x7e00
  const magnitude = Math.abs(x)
  if (magnitude >= 65_520) return sign | 0x7c00
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)))
  const steps = roundEven(magnitude / 2 ** (exponent - 10)) // a carry into the next exponent comes out right
  return sign | (steps < 1024 ? steps : ((exponent + 14) << 10) + steps)
}

export function fromHalf(half: number): number {
  const [sign, exponent, fraction] = [half & 0x8000 ? -1 : 1, (half >> 10) & 31, half & 1023]
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25))
}

function roundEven(x: number): number {
  const down = Math.floor(x)
  const rest = x - down
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down
}

/** Philox4x32-10 (Salmon et al. 2011): the four words of a counter under a key. */
export function philox(counter: readonly [number, number, number, number], key: Seed): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter.map(BigInt) as [bigint, bigint, bigint, bigint]
  let [k0, k1] = [BigInt(key.low), BigInt(key.high)]
  const mask = 0xffffffffn
  for (let round = 0; round < 10; round++) {
    const [first, second] = [0xd2511f53n * c0, 0xcd9e8d57n * c2]
    ;[c0, c1, c2, c3] = [(second >> 32n) ^ c1 ^ k0, second & mask, (first >> 32n) ^ c3 ^ k1, first & mask]
    k0 = (k0 + 0x9e3779b9n) & mask
    k1 = (k1 + 0xbb67ae85n) & mask
  }
  return [Number(c0), Number(c1), Number(c2), Number(c3)]
}

/** Word i of the stream of a seed. */
export function word(i: number, seed: Seed): number {
  return philox([i >>> 2, 0, 0, 0], seed)[i & 3]!
}

export function uniform(i: number, seed: Seed): number {
  return (word(i, seed) >>> 8) * 2 ** -24
}

/** Box & Muller: words 2j and 2j + 1 give the normals 2j (cosine) and 2j + 1 (sine). */
export function normal(i: number, seed: Seed, std: number): number {
  const first = i & ~1
  const radius = std * Math.sqrt(-2 * Math.log((word(first, seed) + 0.5) * 2 ** -32))
  const angle = 2 * Math.PI * uniform(first + 1, seed)
  return radius * (i & 1 ? Math.sin(angle) : Math.cos(angle))
}
