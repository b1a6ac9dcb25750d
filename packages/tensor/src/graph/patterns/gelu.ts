// GELU out of its parts, in the exact form and in the tanh form (Hendrycks & Gimpel 2016), however the factors are grouped and ordered.

import { gelu, geluTanh } from '../ops/activation.js'
import type { Tensor } from '../tensor.js'
import { besideNumber, factorsOf, is, near, operandsOf } from './match.js'

/** √(2/π) and the cubic term of the tanh form. */
const root = Math.sqrt(2 / Math.PI)
const cubic = 0.044715

/** 0.5 · x · (1 + erf(x/√2)) → gelu; 0.5 · x · (1 + tanh(√(2/π) (x + 0.044715 x³))) → gelu-tanh. */
export function recogniseGelu(tensor: Tensor): Tensor | undefined {
  if (!is(tensor, 'mul') && !is(tensor, 'div')) return undefined
  const { scale, factors } = factorsOf(tensor)
  if (!near(scale, 0.5) || factors.length !== 2) return undefined
  for (const [x, sum] of [factors, factors.toReversed()] as [Tensor, Tensor][]) {
    const function_ = besideNumber(sum, 1)
    if (!function_) continue
    const [exact] = operandsOf(function_, 'erf') ?? []
    if (exact && isScaled(exact, x, Math.SQRT1_2)) return gelu(x)
    const [approximate] = operandsOf(function_, 'tanh') ?? []
    if (approximate && isTanhArgument(approximate, x)) return geluTanh(x)
  }
  return undefined
}

function isScaled(tensor: Tensor, x: Tensor, by: number): boolean {
  const { scale, factors } = factorsOf(tensor)
  return factors.length === 1 && factors[0] === x && near(scale, by)
}

/** √(2/π) (x + c x³), or √(2/π) x (1 + c x²). */
function isTanhArgument(tensor: Tensor, x: Tensor): boolean {
  const { scale, factors } = factorsOf(tensor)
  if (!near(scale, root)) return false
  const power = (term: Tensor, exponent: number, by: number) => {
    const part = factorsOf(term)
    return part.factors.length === exponent && part.factors.every((factor) => factor === x) && near(part.scale, by)
  }
  if (factors.length === 1) {
    const terms = operandsOf(factors[0]!, 'add') ?? []
    return terms.some((term) => power(term, 1, 1)) && terms.some((term) => power(term, 3, cubic))
  }
  const rest = factors.filter((factor) => factor !== x)
  const quadratic = rest.length === 1 && factors.length === 2 ? besideNumber(rest[0]!, 1) : undefined
  return quadratic !== undefined && power(quadratic, 2, cubic)
}
