// Muon (Jordan et al. 2024): the momentum of a matrix, made orthogonal, is its update. For the matrices inside a network; embeddings, heads, gains
// and biases are for AdamW (`optimizer: (path, parameter) => …`).

import { add, mul, sub } from '../graph/ops/elementwise.js'
import { orthogonalize } from '../graph/ops/orthogonalize.js'
import { describe, GraphError } from '../graph/tensor.js'
import { addDecayedWeights, chain, clipByGlobalNorm, type Optimizer, scaleByRate, type Transform } from './transforms.js'

export interface MuonOptions {
  /** Default 0.95. */
  momentum?: number
  /** Newton–Schulz steps. Default 5. */
  steps?: number
  weightDecay?: number
  clip?: number
}

/**
 * Orthogonal updates with Nesterov momentum, scaled by 0.2 √max(n, m) so that they are of the size of AdamW's and take its rates (Liu et al. 2025).
 *
 * @throws GraphError for a parameter that is no matrix.
 */
export const muon = ({ momentum = 0.95, steps = 5, weightDecay = 0, clip }: MuonOptions = {}): Optimizer =>
  chain(clip ? [clipByGlobalNorm(clip)] : [], scaleByOrthogonal(momentum, steps), addDecayedWeights(weightDecay), scaleByRate())

function scaleByOrthogonal(momentum: number, steps: number): Transform {
  return {
    name: 'scale-by-orthogonal',
    options: { momentum, steps },
    state(parameter) {
      if (parameter.rank !== 2) throw new GraphError(`muon: ${describe(parameter)} is no matrix: give it another optimizer`)
      return { velocity: { dtype: 'f32', shape: parameter.shape as readonly number[] } }
    },
    update(g, { state, parameter }) {
      const [rows, columns] = parameter.shape as [number, number]
      const velocity = add(state.velocity!, mul(sub(g, state.velocity!), 1 - momentum))
      const ahead = add(g, mul(sub(velocity, g), momentum))
      return { update: mul(orthogonalize(ahead, { fast: true, steps }), 0.2 * Math.sqrt(Math.max(rows, columns))), state: { velocity } }
    },
  }
}
