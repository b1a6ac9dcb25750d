// Derivatives against finite differences, for the cases of the operation suite: the gradient against differences of the value, and the
// derivative of the gradient (through which Hessian-vector products go) against differences of the gradient.

import type { Executor, Feed } from '../executor/executor.js'
import { grad } from '../graph/grad.js'
import { input, type Tensor } from '../graph/tensor.js'
import { buildCase, type OperationCase, runWith } from './operations.js'

/** Numbers in [-1, 1): a linear congruential generator (Numerical Recipes), the same everywhere. */
export function numbers(count: number, seed: number): Float32Array {
  let state = seed >>> 0
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((sum, x, i) => sum + x * b[i]!, 0)
const size = (values: ArrayLike<number>, others: ArrayLike<number>) => Array.from(values).reduce((sum, x, i) => sum + Math.abs(x * others[i]!), 0)
const epsilon = 4e-3

/**
 * Along a random direction u of all inputs at once: (L(x + εu) − L(x − εu)) / 2ε against ∇L·u, where L = Σ weights · output, and the same for
 * ∇L·v with another direction v against uᵀHv.
 *
 * @throws where they differ by more than what f32 and the third derivative explain.
 */
export async function checkDerivatives(executor: Executor, stored: OperationCase): Promise<void> {
  const { outputs, seeds, wrt, feeds } = buildCase(stored)
  const gradients = grad(outputs, wrt, seeds).map((g) => g.tensor)
  const directions = stored.gradients.map((g, i) => ({ u: numbers(g.data.length, 17 + i), v: numbers(g.data.length, 91 + i) }))
  const vs = wrt.map((x, i) => input(`v${i}`, x.shape))
  const second = grad(gradients, wrt, vs).map((g) => g.tensor)
  const named = (name: string, tensors: readonly Tensor[]) => Object.fromEntries(tensors.map((x, i) => [`${name}${i}`, x]))
  const moved = (by: number): Record<string, Feed> => {
    const all = { ...feeds, ...Object.fromEntries(vs.map((x, i) => [`v${i}`, { data: directions[i]!.v, shape: x.shape as number[] }])) }
    stored.gradients.forEach((g, i) => {
      const at = feeds[`x${g.input}`]!
      all[`x${g.input}`] = { ...at, data: (at.data as Float32Array).map((x, k) => x + by * directions[i]!.u[k]!) }
    })
    return all
  }
  const results = await runWith(executor, { y: outputs[0]!, ...named('g', gradients), ...named('h', second) }, [0, epsilon, -epsilon].map(moved))
  const [here, ahead, behind] = results.map((result) => {
    const data = (name: string) => result[name]!.data as Float32Array
    const sum = (name: string, by: 'u' | 'v', measure: typeof dot) => directions.reduce((all, d, i) => all + measure(data(`${name}${i}`), d[by]), 0)
    const y = {
      value: dot(data('y'), stored.weights!),
      size: size(data('y'), stored.weights!),
      slope: sum('g', 'u', dot),
      slopes: sum('g', 'u', size),
    }
    return { y, g: { value: sum('g', 'v', dot), size: sum('g', 'v', size), slope: sum('h', 'u', dot), slopes: sum('h', 'u', size) } }
  })
  for (const kind of ['y', 'g'] as const) {
    const difference = (ahead![kind].value - behind![kind].value) / (2 * epsilon)
    const { slope, slopes, size } = here![kind]
    const tolerance = 2e-3 * (1 + slopes) + (1e-6 * size) / epsilon
    if (!(Math.abs(difference - slope) <= tolerance))
      throw new Error(`${kind === 'y' ? 'first' : 'second'} derivative: ${slope}, finite differences give ${difference} (tolerance ${tolerance})`)
  }
}
