// Row updates of tables (embeddings): the gradient of a gathered parameter is { ids, rows }, and only touched rows need work.
// Rows are handled one after the other: repeated ids add up exactly and in order, where a parallel scatter races.
import { adam } from './optimizers'
import { add, axpy } from './elementwise'

@inline
function idAt(ids: usize, i: usize): usize {
  return <usize>load<u32>(ids + (i << 2))
}

/** The position of the first id outside 0 … limit - 1, or -1 (a negative id is a large unsigned number). */
export function firstOutside(ids: usize, count: usize, limit: u32): i32 {
  for (let i: usize = 0; i < count; i++) if (load<u32>(ids + (i << 2)) >= limit) return <i32>i
  return -1
}

/** table[ids[i]] += scale rows[i] */
export function addRows(table: usize, ids: usize, rows: usize, count: usize, width: usize, scale: f64): void {
  const bytes = width << 2
  for (let i: usize = 0; i < count; i++) {
    if (scale == 1) add(table + idAt(ids, i) * bytes, rows + i * bytes, width)
    else axpy(table + idAt(ids, i) * bytes, scale, rows + i * bytes, width)
  }
}

/** rows[i] = table[ids[i]] */
export function gatherRows(rows: usize, table: usize, ids: usize, count: usize, width: usize): void {
  const bytes = width << 2
  for (let i: usize = 0; i < count; i++) memory.copy(rows + i * bytes, table + idAt(ids, i) * bytes, bytes)
}

/** base^exponent by repeated squaring: Math.pow would bring tables into the store's memory. */
function power(base: f64, exponent: u32): f64 {
  let result: f64 = 1
  for (; exponent > 0; exponent >>= 1) {
    if (exponent & 1) result *= base
    base *= base
  }
  return result
}

/** Adam on the rows named by `ids` (each at most once), with a step count a row: t = ++steps[id]. */
export function adamRows(
  param: usize, m: usize, v: usize, steps: usize, ids: usize, rows: usize, count: usize, width: usize,
  rate: f64, beta1: f64, beta2: f64, epsilon: f64, coupled: f64, decay: f64, gradScale: f64,
): void {
  const bytes = width << 2
  for (let i: usize = 0; i < count; i++) {
    const id = idAt(ids, i)
    const t = load<u32>(steps + (id << 2)) + 1
    store<u32>(steps + (id << 2), t)
    const at = id * bytes
    adam(
      param + at, rows + i * bytes, m + at, v + at, width,
      rate, beta1, beta2, epsilon, coupled, decay, 1 - power(beta1, t), 1 - power(beta2, t), gradScale,
    )
  }
}
