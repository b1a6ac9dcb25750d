// The typed face of the SIMD kernels (assembly/): every pass that touches each parameter once, in place over a store's memory.
// A slow, obvious form of each is in reference.ts; the tests compare the two.
import { kernelsBase64 } from './kernels.generated.js'
import type { AdamCorrections, AdamOptions, Part, Seed, SgdOptions, Table } from './options.js'

type Kernel = (...values: number[]) => number
type Name =
  | Exclude<keyof Kernels, 'adamGathered' | 'globalNorm' | 'hasNonFinite' | 'sgd' | 'sumDuplicateRows'>
  | 'adamWithoutGradient'
  | 'firstOutside'
  | 'sgdMomentum'
  | 'sgdPlain'

export interface Kernels {
  /** x = value */
  fill(x: number, n: number, value: number): void
  /** target = source; the two may overlap */
  copy(target: number, source: number, n: number): void
  /** x *= a */
  scale(x: number, n: number, a: number): void
  /** y += a x */
  axpy(y: number, a: number, x: number, n: number): void
  /** y += x */
  add(y: number, x: number, n: number): void
  /** a += t (b - a): averages of weights */
  lerp(a: number, b: number, t: number, n: number): void
  /** grad += strength (param - anchor): L2-SP */
  towards(grad: number, param: number, anchor: number, strength: number, n: number): void
  /** grad += strength weight (param - anchor): EWC, with the Fisher information as weight */
  towardsWeighted(grad: number, param: number, anchor: number, weight: number, strength: number, n: number): void
  /** Σ x² in f64; finite exactly when every element is */
  sumSquares(x: number, n: number): number
  /** sqrt(Σ x²) over all parts, in their order */
  globalNorm(parts: readonly Part[]): number
  countNonFinite(x: number, n: number): number
  hasNonFinite(x: number, n: number): boolean
  /** max |x|; NaN where an element is NaN, 0 where n is 0 */
  maxAbs(x: number, n: number): number
  /** PyTorch's Adam and AdamW, with the clipping factor folded in; a moment below 1e-30 (second: below 1.2e-38) becomes 0 */
  adam(param: number, grad: number, m: number, v: number, n: number, options: AdamOptions & AdamCorrections): void
  /** PyTorch's SGD; `buffer` starts as zeros and is unused without momentum */
  sgd(param: number, grad: number, buffer: number, n: number, options: SgdOptions): void
  /** table[ids[i]] += scale rows[i]; repeated ids add up, in order */
  addRows(table: Table, ids: number, rows: number, count: number, scale?: number): void
  /** rows[i] = table[ids[i]] */
  gatherRows(rows: number, table: Table, ids: number, count: number): void
  /** Sums rows of equal id into the first of them and moves the results to the front (ids too, in order of first appearance); returns how many. */
  sumDuplicateRows(ids: number, rows: number, count: number, width: number): number
  /** Adam on a table whose gradient is zero but for the rows `ids` (each once: see sumDuplicateRows): the same values as `adam` gives, from less memory */
  adamGathered(table: Table, m: number, v: number, ids: number, rows: number, count: number, options: AdamOptions & AdamCorrections): void
  /** Adam on the rows `ids` (each once: see sumDuplicateRows) of a table, with a step count a row (i32): untouched rows keep everything */
  adamRows(table: Table, m: number, v: number, steps: number, ids: number, rows: number, count: number, options: AdamOptions): void
  /** target[r, i] = (source[r, i] - zeros[r]) scales[r]; scales f32, zeros i32 (pointer 0: none) */
  dequantizeU8(target: number, source: number, rows: number, width: number, scales: number, zeros?: number): void
  dequantizeI8(target: number, source: number, rows: number, width: number, scales: number, zeros?: number): void
  f16ToF32(target: number, source: number, n: number): void
  bf16ToF32(target: number, source: number, n: number): void
  /** Rounds to nearest, ties to even; 65,520 and above become infinity */
  f32ToF16(target: number, source: number, n: number): void
  f32ToBf16(target: number, source: number, n: number): void
  /** x[i] in [0, 1), a function of (seed, i) only: Philox4x32-10 */
  uniform(x: number, n: number, seed: Seed): void
  /** x[i] = 0 with probability `rate`, else 1 / (1 - rate) */
  keepMask(x: number, n: number, seed: Seed, rate: number): void
  /** x[i] from N(0, std²) */
  normal(x: number, n: number, seed: Seed, std: number): void
}

let compiled: WebAssembly.Module | undefined

/**
 * Instantiates the kernels over a memory (a store's, see memory.ts). Synchronous; the module is compiled once a process.
 *
 * ```ts
 * const memory = createMemory(1024)
 * const kernels = createKernels(memory.memory)
 * const x = memory.allocate(8)
 * memory.float32(x, 2).set([3, 4])
 * kernels.globalNorm([{ pointer: x, length: 2 }])  // 5
 * ```
 */
export function createKernels(memory: WebAssembly.Memory): Kernels {
  compiled ??= new WebAssembly.Module(Uint8Array.from(atob(kernelsBase64), (letter) => letter.charCodeAt(0)))
  const raw = new WebAssembly.Instance(compiled, { env: { memory } }).exports as Record<Name, Kernel>
  const check = (operation: string, ids: number, count: number, rows: number): void => {
    const at = raw.firstOutside(ids, count, rows)
    if (at < 0) return
    const id = new Int32Array(memory.buffer, ids, count)[at]
    throw new RangeError(`${operation}: ids[${at}] is ${id}, expected 0 to ${rows - 1} (the table has ${rows} rows)`)
  }
  const adam: Kernels['adam'] = (param, grad, m, v, n, options) => {
    const { rate, beta1, beta2, epsilon, correction1, correction2, weightDecay = 0, coupled = false, gradScale = 1 } = options
    const [l2, decay] = coupled ? [weightDecay, 0] : [0, weightDecay]
    raw.adam(param, grad, m, v, n, rate, beta1, beta2, epsilon, l2, decay, correction1, correction2, gradScale)
  }
  return {
    fill: raw.fill,
    copy: raw.copy,
    scale: raw.scale,
    axpy: raw.axpy,
    add: raw.add,
    lerp: raw.lerp,
    towards: raw.towards,
    towardsWeighted: raw.towardsWeighted,
    sumSquares: raw.sumSquares,
    globalNorm: (parts) => Math.sqrt(parts.reduce((sum, { pointer, length }) => sum + raw.sumSquares(pointer, length), 0)),
    countNonFinite: (x, n) => raw.countNonFinite(x, n) >>> 0,
    hasNonFinite: (x, n) => raw.countNonFinite(x, n) !== 0,
    maxAbs: raw.maxAbs,
    adam,
    sgd(param, grad, buffer, n, { rate, momentum: mu = 0, nesterov = false, weightDecay = 0, gradScale = 1 }) {
      if (mu === 0) raw.sgdPlain(param, grad, n, rate, weightDecay, gradScale)
      else raw.sgdMomentum(param, grad, buffer, n, rate, mu, nesterov ? 1 : 0, weightDecay, gradScale)
    },
    addRows(table, ids, rows, count, scale = 1) {
      check('addRows', ids, count, table.rows)
      raw.addRows(table.pointer, ids, rows, count, table.width, scale)
    },
    gatherRows(rows, table, ids, count) {
      check('gatherRows', ids, count, table.rows)
      raw.gatherRows(rows, table.pointer, ids, count, table.width)
    },
    sumDuplicateRows(ids, rows, count, width) {
      const list = new Int32Array(memory.buffer, ids, count)
      const slots = new Map<number, number>()
      for (let i = 0; i < count; i++) {
        const id = list[i]!
        const slot = slots.get(id)
        if (slot !== undefined) {
          raw.add(rows + slot * width * 4, rows + i * width * 4, width)
          continue
        }
        const next = slots.size // at most i: what is overwritten has been read
        if (next !== i) raw.copy(rows + next * width * 4, rows + i * width * 4, width)
        list[next] = id
        slots.set(id, next)
      }
      return slots.size
    },
    adamGathered({ pointer, rows: all, width }, m, v, ids, rows, count, options) {
      check('adamGathered', ids, count, all)
      const { rate, beta1, beta2, epsilon, correction1, correction2, weightDecay: decay = 0, coupled = false } = options
      if (coupled && decay !== 0) throw new RangeError('adamGathered: weight decay inside the gradient gives every row one; use adam')
      const bytes = width * 4
      const list = new Int32Array(memory.buffer, ids, count)
      const order = Array.from(list.keys()).sort((a, b) => list[a]! - list[b]!)
      const idle = (from: number, to: number) => {
        const at = from * bytes
        if (to > from)
          raw.adamWithoutGradient(pointer + at, m + at, v + at, to - from, width, rate, beta1, beta2, epsilon, decay, correction1, correction2)
      }
      let next = 0
      for (const slot of order) {
        const at = list[slot]! * bytes
        idle(next, list[slot]!)
        adam(pointer + at, rows + slot * bytes, m + at, v + at, width, options)
        next = list[slot]! + 1
      }
      idle(next, all)
    },
    adamRows(table, m, v, steps, ids, rows, count, { rate, beta1, beta2, epsilon, weightDecay = 0, coupled = false, gradScale = 1 }) {
      check('adamRows', ids, count, table.rows)
      const [l2, decay] = coupled ? [weightDecay, 0] : [0, weightDecay]
      raw.adamRows(table.pointer, m, v, steps, ids, rows, count, table.width, rate, beta1, beta2, epsilon, l2, decay, gradScale)
    },
    dequantizeU8: (target, source, rows, width, scales, zeros = 0) => void raw.dequantizeU8(target, source, rows, width, scales, zeros),
    dequantizeI8: (target, source, rows, width, scales, zeros = 0) => void raw.dequantizeI8(target, source, rows, width, scales, zeros),
    f16ToF32: raw.f16ToF32,
    bf16ToF32: raw.bf16ToF32,
    f32ToF16: raw.f32ToF16,
    f32ToBf16: raw.f32ToBf16,
    uniform: (x, n, { low, high }) => void raw.uniform(x, n, low, high),
    keepMask(x, n, { low, high }, rate) {
      if (!(rate >= 0 && rate < 1)) throw new RangeError(`keepMask: rate must be at least 0 and below 1, got ${rate}`)
      raw.keepMask(x, n, low, high, rate)
    },
    normal: (x, n, { low, high }, std) => void raw.normal(x, n, low, high, std),
  }
}
