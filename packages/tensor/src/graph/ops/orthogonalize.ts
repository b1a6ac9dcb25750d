// The orthogonal factor of a matrix without a singular value decomposition, by Newton–Schulz iteration (Björck & Bowie 1971; Higham 2008, ch. 8):
// products only, so it runs wherever products do. It aligns spaces (Procrustes) and shapes updates (Muon: Jordan et al. 2024).

import { describe, GraphError, type Tensor } from '../tensor.js'
import { add, div, mul } from './elementwise.js'
import { matmul } from './matmul.js'
import { norm } from './reduce.js'
import { transpose } from './shape.js'

export interface OrthogonalizeOptions {
  /** Iterations. Default 15, or 5 with `fast`. */
  steps?: number
  /** Muon's quintic polynomial: singular values come to lie near 1 (about 0.7 to 1.2) after five steps, not at 1. Default false. */
  fast?: boolean
}

/** Coefficients of X ← aX + b(XXᵀ)X + c(XXᵀ)²X: the cubic that converges to 1, and Muon's, tuned for speed (Jordan et al. 2024). */
const polynomials = { exact: [1.5, -0.5, 0], fast: [3.4445, -4.775, 2.0315] } as const

/**
 * UVᵀ of x = UΣVᵀ: the nearest matrix with orthonormal rows (or columns, whichever are fewer). x [m, n] → [m, n].
 *
 * The error of the exact form after `steps` depends on the smallest singular value relative to the Frobenius norm: each step multiplies a small
 * one by 1.5, so a matrix with a condition number of 1,000 wants about 25.
 */
export function orthogonalize(x: Tensor, options: OrthogonalizeOptions = {}): Tensor {
  const { fast = false, steps = fast ? 5 : 15 } = options
  if (x.rank !== 2 || x.shape.some((size) => typeof size !== 'number')) throw new GraphError(`orthogonalize: ${describe(x)}: expected a fixed matrix`)
  const [rows, columns] = x.shape as [number, number]
  // the product of the shorter side with itself is the smaller one
  if (rows > columns) return transpose(orthogonalize(transpose(x), options))
  const [a, b, c] = polynomials[fast ? 'fast' : 'exact']
  let y = div(x, add(norm(x), 1e-7))
  for (let step = 0; step < steps; step++) {
    const square = matmul(y, y, { transB: true }) // [m, m]
    const higher = c === 0 ? mul(square, b) : add(mul(square, b), matmul(square, square, { alpha: c }))
    y = add(mul(y, a), matmul(higher, y))
  }
  return y
}
