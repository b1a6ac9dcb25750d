// A small linear system: what a head's bias is as a shift of what the head reads.

/**
 * The shortest d [rows] with Wᵀd = c, for W [rows, columns] and c [columns]: d = W(WᵀW)⁻¹c, by Cholesky's decomposition in f64. Undefined where the
 * columns depend on each other so much that f32 would not give c back to 1e-5 of its size.
 */
export function minimalNormSolution(w: Float32Array, [rows, columns]: readonly [number, number], c: Float32Array): Float32Array | undefined {
  const gram = Array.from({ length: columns }, (_, a) => Float64Array.from({ length: a + 1 }, (_, b) => columnProduct(w, rows, columns, a, b)))
  if (!factorise(gram)) return undefined
  const z = Float64Array.from(c)
  for (let i = 0; i < columns; i++) {
    for (let k = 0; k < i; k++) z[i]! -= gram[i]![k]! * z[k]!
    z[i]! /= gram[i]![i]!
  }
  for (let i = columns - 1; i >= 0; i--) {
    for (let k = i + 1; k < columns; k++) z[i]! -= gram[k]![i]! * z[k]!
    z[i]! /= gram[i]![i]!
  }
  const d = Float32Array.from({ length: rows }, (_, r) => {
    let sum = 0
    for (let k = 0; k < columns; k++) sum += w[r * columns + k]! * z[k]!
    return sum
  })
  const largest = Math.max(...c.map(Math.abs), 1e-6)
  for (let k = 0; k < columns; k++) {
    let back = 0
    for (let r = 0; r < rows; r++) back += w[r * columns + k]! * d[r]!
    if (!(Math.abs(back - c[k]!) <= 1e-5 * largest)) return undefined
  }
  return d
}

function columnProduct(w: Float32Array, rows: number, columns: number, a: number, b: number): number {
  let sum = 0
  for (let r = 0; r < rows; r++) sum += w[r * columns + a]! * w[r * columns + b]!
  return sum
}

/** A lower triangle by L with LLᵀ = A, in place; false where A is not positive definite. */
function factorise(a: Float64Array[]): boolean {
  for (let i = 0; i < a.length; i++)
    for (let j = 0; j <= i; j++) {
      let sum = a[i]![j]!
      for (let k = 0; k < j; k++) sum -= a[i]![k]! * a[j]![k]!
      if (i > j) a[i]![j] = sum / a[j]![j]!
      else if (sum > 0) a[i]![i] = Math.sqrt(sum)
      else return false
    }
  return true
}
