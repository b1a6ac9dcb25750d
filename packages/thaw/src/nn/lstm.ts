// Long short-term memory (Hochreiter & Schmidhuber 1997; with the forget gate of Gers et al. 2000), gates in PyTorch's order i, f, g, o:
//   c = σ(f) c + σ(i) tanh(g)     h = σ(o) tanh(c)     with i, f, g, o = W x + b + U h + b′

import { ops, type Tensor } from '@thaw/tensor'
import { type Cell, type Recurrent, type RecurrentOptions, recurrent } from './recurrent.js'
import type { Scope } from './scope.js'

const cell: Cell = {
  gates: 4,
  states: ['h', 'c'],
  biases: (input, hidden) => ({ hidden: ops.add(input, hidden) }),
  step(input, hidden, [, c]) {
    const [i, f, g, o] = gates(ops.add(hidden, input), 4)
    const memory = ops.add(ops.mul(ops.sigmoid(f!), c!), ops.mul(ops.sigmoid(i!), ops.tanh(g!)))
    return [ops.mul(ops.sigmoid(o!), ops.tanh(memory)), memory]
  },
}

/** Blocks of equal height, top to bottom. */
export function gates(z: Tensor, count: number): readonly Tensor[] {
  const height = (z.shape[0] as number) / count
  return ops.split(z, Array<number>(count).fill(height), 0)
}

/**
 * An LSTM layer over x [batch, time, inputs], with the values of torch.nn.LSTM (weights turned: `input.weight` is weight_ih_l0 as [in, out]).
 * States: h and c, [batch, hidden].
 */
export const lstm = (scope: Scope, path: string, x: Tensor, options: RecurrentOptions): Recurrent => recurrent(cell, scope, path, x, options)
