// Limited-memory BFGS for smooth convex objectives: Nocedal & Wright, "Numerical Optimization" (2006), algorithms 7.4 and 7.5, with a
// backtracking line search (Armijo). For full-batch problems over flat vectors: linear classifiers, probes; not for training networks.

export type Minimum = { value: number; iterations: number; converged: boolean }

/**
 * Moves `x` in place to a minimum of a convex function and says what it found.
 *
 * `evaluate(x, gradient)` writes the gradient into its second argument and returns the value. It stops when no entry of the gradient is larger
 * than `tolerance` (converged), when the value no longer falls beyond rounding, or after `iterations`. `curvature` is a positive guess at the Hessian's diagonal, up to a factor:
 * good where the coordinates' scales differ. Memory: (2·memory + 4) vectors of x's length.
 *
 * ```ts
 * const x = new Float64Array([0])
 * minimize(x, (at, g) => ((g[0] = 2 * (at[0]! - 3)), (at[0]! - 3) ** 2))   // x is now [3]
 * ```
 */
export function minimize(
  x: Float64Array,
  evaluate: (x: Float64Array, gradient: Float64Array) => number,
  options: { iterations?: number; tolerance?: number; memory?: number; curvature?: Float64Array } = {},
): Minimum {
  const { iterations = 200, tolerance = 1e-5, memory = 5, curvature } = options
  const size = x.length
  const gradient = new Float64Array(size)
  const nextX = new Float64Array(size)
  const nextGradient = new Float64Array(size)
  const direction = new Float64Array(size)
  const steps: { s: Float64Array; y: Float64Array; inverse: number }[] = []
  const weights = new Float64Array(memory)
  let value = evaluate(x, gradient)
  for (let iteration = 0; iteration < iterations; iteration++) {
    if (largest(gradient) <= tolerance) return { value, iterations: iteration, converged: true }

    // direction = −H·gradient by the two loops over the remembered steps
    for (let i = 0; i < size; i++) direction[i] = -gradient[i]!
    for (let k = steps.length - 1; k >= 0; k--) {
      const { s, y, inverse } = steps[k]!
      weights[k] = inverse * dot(s, direction)
      addScaled(direction, -weights[k]!, y)
    }
    const last = steps.at(-1)
    if (curvature) for (let i = 0; i < size; i++) direction[i]! /= curvature[i]!
    if (last) scale(direction, 1 / (last.inverse * weighted(last.y, curvature)))
    for (let k = 0; k < steps.length; k++) {
      const { s, y, inverse } = steps[k]!
      addScaled(direction, weights[k]! - inverse * dot(y, direction), s)
    }

    const slope = dot(gradient, direction)
    let rate = last ? 1 : Math.min(1, 1 / Math.sqrt(dot(direction, direction)))
    let nextValue: number
    while (true) {
      for (let i = 0; i < size; i++) nextX[i] = x[i]! + rate * direction[i]!
      nextValue = evaluate(nextX, nextGradient)
      if (nextValue <= value + 1e-4 * rate * slope) break
      rate /= 2
      if (rate < 1e-12) return { value, iterations: iteration, converged: false }
    }

    const recycled = steps.length === memory ? steps.shift()! : { s: new Float64Array(size), y: new Float64Array(size), inverse: 0 }
    for (let i = 0; i < size; i++) {
      recycled.s[i] = nextX[i]! - x[i]!
      recycled.y[i] = nextGradient[i]! - gradient[i]!
    }
    const bend = dot(recycled.s, recycled.y)
    if (bend > 0) steps.push(Object.assign(recycled, { inverse: 1 / bend }))
    const fall = value - nextValue
    value = nextValue
    x.set(nextX)
    gradient.set(nextGradient)
    if (fall <= 1e-12 * Math.abs(value)) return { value, iterations: iteration + 1, converged: largest(gradient) <= tolerance }
  }
  return { value, iterations, converged: largest(gradient) <= tolerance }
}

function dot(a: Float64Array, b: Float64Array): number {
  let total = 0
  for (let i = 0; i < a.length; i++) total += a[i]! * b[i]!
  return total
}

/** Σ x² / curvature. */
function weighted(x: Float64Array, curvature: Float64Array | undefined): number {
  if (!curvature) return dot(x, x)
  let total = 0
  for (let i = 0; i < x.length; i++) total += (x[i]! * x[i]!) / curvature[i]!
  return total
}

function addScaled(to: Float64Array, factor: number, from: Float64Array): void {
  for (let i = 0; i < to.length; i++) to[i]! += factor * from[i]!
}

function scale(x: Float64Array, factor: number): void {
  for (let i = 0; i < x.length; i++) x[i]! *= factor
}

function largest(x: Float64Array): number {
  let most = 0
  for (let i = 0; i < x.length; i++) most = Math.max(most, Math.abs(x[i]!))
  return most
}
