// Recurrent layers over and beside each other, and what goes with them: locked dropout (Gal & Ghahramani 2016), dropped recurrent weights
// (Merity et al. 2018), and states carried from window to window (truncated backpropagation through time).

import { ops, state, type Tensor, type Update } from '@thaw/tensor'
import type { Recurrent, RecurrentOptions, RecurrentState } from './recurrent.js'
import type { Scope } from './scope.js'

/** `lstm` or `gru`. */
export type RecurrentLayer = (scope: Scope, path: string, x: Tensor, options: RecurrentOptions) => Recurrent

export interface StackOptions {
  inputs: number
  /** Width of each layer, and of each direction of it. */
  hidden: readonly number[]
  /** A second layer beside each reads backwards; outputs are joined. */
  bidirectional?: boolean
  /** True where there is a token and not padding: bool [batch, time]. */
  visible?: Tensor
  /** Where each layer and direction starts from, in the order of `states`. */
  initial?: readonly RecurrentState[]
  /** Rate of locked dropout between layers, in training. */
  dropout?: number
}

export interface Stack {
  /** [batch, time, width of the last layer, twice that for two directions] */
  output: Tensor
  /** Each layer's output. */
  layers: Tensor[]
  /** The last states: of layer 0 forwards, layer 0 backwards, layer 1 forwards, …, as PyTorch orders them. */
  states: RecurrentState[]
}

/** Layers over each other: `PATH.N`, and with two directions `PATH.N.forward` and `PATH.N.backward`. x [batch, time, inputs]. */
export function stacked(layer: RecurrentLayer, scope: Scope, path: string, x: Tensor, options: StackOptions): Stack {
  const { hidden, bidirectional = false, visible, initial, dropout = 0 } = options
  const directions = bidirectional ? ['.forward', '.backward'] : ['']
  const layers: Tensor[] = []
  const states: RecurrentState[] = []
  let inputs = options.inputs
  for (const [n, width] of hidden.entries()) {
    const below = n === 0 ? x : lockedDropout(scope, `${path}.${n}.dropout`, layers[n - 1]!, dropout)
    const parts = directions.map((direction, d) => {
      const start = initial?.[n * directions.length + d]
      return layer(scope, `${path}.${n}${direction}`, below, {
        ...{ inputs, hidden: width, reverse: d === 1 },
        ...(visible ? { visible } : {}),
        ...(start ? { initial: start } : {}),
      })
    })
    layers.push(
      ops.concat(
        parts.map((part) => part.output),
        2,
      ),
    )
    states.push(...parts.map((part) => part.state))
    inputs = width * directions.length
  }
  return { output: layers.at(-1)!, layers, states }
}

/** Dropout with one mask for all steps of a sequence, in training. x [batch, time, width]. */
export const lockedDropout = (scope: Scope, path: string, x: Tensor, rate: number): Tensor =>
  scope.training ? ops.dropout(x, rate, path, [x.shape[0]!, 1, x.shape[2]!]) : x

/**
 * Dropout on a weight, in training: with a `hidden.weight` of an LSTM, connections between states fall out for a whole sequence (weight-drop).
 *
 * ```ts
 * const path = 'layers.0.hidden.weight'
 * new Scope({ training: true, parametrize: new Map([[path, weightDrop(path, 0.5)]]) })
 * ```
 */
export const weightDrop =
  (path: string, rate: number) =>
  (weight: Tensor, scope: Scope): Tensor =>
    scope.training ? ops.dropout(weight, rate, `${path}.dropout`) : weight

/** States in a store (namespace `carry`): a window starts from what the one before it left. Gradients end at the window's start. */
export interface CarriedState {
  initial: RecurrentState
  /** What to put among a program's updates. */
  updates(last: RecurrentState): Update[]
}

/** A layer's states between windows, `PATH.NAME` [batch, hidden]; zeros at first, as the store declares them. */
export function carriedState(path: string, names: readonly string[], batch: number, hidden: number): CarriedState {
  const initial = Object.fromEntries(names.map((name) => [name, state('carry', `${path}.${name}`, [batch, hidden])]))
  return { initial, updates: (last) => names.map((name) => ({ kind: 'replace', state: initial[name]!, value: last[name]! })) }
}
