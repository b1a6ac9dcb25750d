// The gated recurrent unit (Cho et al. 2014) in the form of cuDNN and PyTorch, gates in the order r, z, n. The reset gate acts after the product:
//   n = tanh(W x + b + σ(r) (U h + b′))     h = (1 − σ(z)) n + σ(z) h

import { ops, type Tensor } from '@thaw/tensor'
import { gates } from './lstm.js'
import { type Cell, type Recurrent, type RecurrentOptions, recurrent } from './recurrent.js'
import type { Scope } from './scope.js'

const cell: Cell = {
  gates: 3,
  states: ['h'],
  biases: (input, hidden) => ({ input, hidden }),
  step(input, hidden, [h]) {
    const [xr, xz, xn] = gates(input, 3)
    const [hr, hz, hn] = gates(hidden, 3)
    const n = ops.tanh(ops.add(xn!, ops.mul(ops.sigmoid(ops.add(xr!, hr!)), hn!)))
    return [ops.add(n, ops.mul(ops.sigmoid(ops.add(xz!, hz!)), ops.sub(h!, n)))]
  },
}

/** A GRU layer over x [batch, time, inputs], with the values of torch.nn.GRU. State: h [batch, hidden]. */
export const gru = (scope: Scope, path: string, x: Tensor, options: RecurrentOptions): Recurrent => recurrent(cell, scope, path, x, options)
