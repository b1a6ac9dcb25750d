// What recurrent layers share: the projections of all steps as one product, the loop, masks, the direction, and states between windows.
//
// Within the loop states and gates are columns, [width, batch]. A step is then the product of the recurrent matrix [gates·hidden, hidden] with a
// narrow [hidden, batch], in which ONNX Runtime packs the narrow side; the other way round it would pack the whole matrix at every step
// (1,150 units, batch 32, 70 steps, one thread: 304 ms of processor time against 483), and cutting out a gate costs nothing.
// ONNX Runtime's own LSTM node, which gives no gradient, is hardly faster (11.5 ms against 12.5 for 256 units, batch 16, 64 steps; 499 against
// 505 for the layer above; one thread): inference takes the loop too.

import { type Dim, describe, GraphError, ops, type Tensor } from '@thaw/tensor'
import type { Scope } from './scope.js'

/** A cell's states by name, each [batch, hidden]: what a window hands to the next. */
export type RecurrentState = Readonly<Record<string, Tensor>>

export interface RecurrentOptions {
  inputs: number
  hidden: number
  /** From the last step to the first. */
  reverse?: boolean
  /** True where there is a token and not padding: bool [batch, time]. Padding leaves states as they are, and its outputs are 0. */
  visible?: Tensor
  /** Where to start from; zeros by default. */
  initial?: RecurrentState
}

export interface Recurrent {
  /** [batch, time, hidden] */
  output: Tensor
  /** The states after the last step. */
  state: RecurrentState
}

/** How one step of a layer is computed; all tensors are columns. */
export interface Cell {
  /** How many blocks of `hidden` rows the projections have. */
  gates: number
  /** Names of the states; the first is the output. */
  states: readonly string[]
  /** The biases [gates·hidden, 1] as they are added to the products with the input and with the state. */
  biases(input: Tensor, hidden: Tensor): { input?: Tensor; hidden: Tensor }
  /** The next states, from both products [gates·hidden, batch], biases included. */
  step(input: Tensor, hidden: Tensor, states: readonly Tensor[]): Tensor[]
}

/** Runs a cell over x [batch, time, inputs]. Parameters: `input.weight` [inputs, gates·hidden], `hidden.weight` [hidden, gates·hidden], both with a bias. */
export function recurrent(cell: Cell, scope: Scope, path: string, x: Tensor, options: RecurrentOptions): Recurrent {
  const { inputs, hidden, visible, initial, reverse = false } = options
  if (x.rank !== 3 || x.shape[2] !== inputs) throw new GraphError(`${path}: ${describe(x)}: expected [batch, time, ${inputs}]`)
  const [batch, time] = x.shape as [Dim, Dim]
  const width = cell.gates * hidden
  const matrix = (part: string, rows: number) => ops.transpose(scope.parameter(`${path}.${part}.weight`, [rows, width])) // [width, rows]
  const bias = (part: string) => ops.reshape(scope.parameter(`${path}.${part}.bias`, [width]), [width, 1])
  const projected = ops.matmul(matrix('input', inputs), ops.transpose(x, [1, 2, 0])) // [time, width, batch]
  const weight = matrix('hidden', hidden)
  const biases = cell.biases(bias('input'), bias('hidden'))
  const { carry, ys } = ops.scan(
    (states, [slice]) => {
      const input = biases.input ? ops.add(slice!, biases.input) : slice!
      const next = cell.step(input, ops.affine(weight, states[0]!, biases.hidden), states)
      return { carry: next, ys: [next[0]!] }
    },
    {
      carry: cell.states.map((name) => (initial?.[name] ? ops.transpose(initial[name]) : ops.full([hidden, batch], 0))),
      xs: [projected],
      reverse,
      ...(visible ? { mask: ops.reshape(ops.transpose(visible), [time, 1, batch]) } : {}),
    },
  )
  return {
    output: scope.site(path, ops.transpose(ys[0]!, [2, 0, 1])),
    state: Object.fromEntries(cell.states.map((name, i) => [name, ops.transpose(carry[i]!)])),
  }
}
