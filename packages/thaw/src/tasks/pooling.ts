// From a text's tokens to one vector.

import { constant, type Dim, ops, type Tensor } from '@thaw/tensor'

export const poolings = ['clf', 'first', 'last', 'mean', 'max'] as const

/** clf: the added [CLF] token at the end; first, last: that token; mean, max: over the visible tokens. */
export type Pooling = (typeof poolings)[number]

/** Where padding goes for a pooling: to the left where the last place counts. */
export const paddingSide = (pooling: Pooling): 'left' | 'right' => (pooling === 'clf' || pooling === 'last' ? 'left' : 'right')

/**
 * Rows [batch·time, hidden] and visible [batch, time] → [batch, hidden]. Padding must be on the pooling's side; with `anySide`, which costs a product
 * more, it may be on either.
 */
export function pool(pooling: Pooling, rows: Tensor, visible: Tensor, { anySide = false }: { anySide?: boolean } = {}): Tensor {
  const [batch, time] = visible.shape as [Dim, Dim]
  const hidden = rows.shape[1]!
  const x = ops.reshape(rows, [batch, time, hidden])
  if (anySide && pooling !== 'mean' && pooling !== 'max') {
    const chosen = ops.equal(ops.unsqueeze(ops.range(time), 0), pooling === 'first' ? firstVisible(visible) : lastVisible(visible)) // [batch, time]
    return ops.reshape(ops.matmul(ops.unsqueeze(ops.where(chosen, 1, 0), 1), x), [batch, hidden])
  }
  if (pooling === 'clf' || pooling === 'last') return ops.reshape(ops.slice(x, 1, -1), [batch, hidden])
  if (pooling === 'first') return ops.reshape(ops.slice(x, 1, 0, 1), [batch, hidden])
  const weights = ops.where(visible, 1, 0) // [batch, time]
  if (pooling === 'max') return ops.max(ops.add(x, ops.where(ops.unsqueeze(visible, 2), 0, -1e30)), 1)
  const shares = ops.div(weights, ops.maximum(ops.sum(weights, 1, true), 1))
  return ops.reshape(ops.matmul(ops.unsqueeze(shares, 1), x), [batch, hidden])
}

/** The place of each row's last visible token, −1 where there is none: [batch, 1], i32. */
export function lastVisible(visible: Tensor): Tensor {
  const places = ops.unsqueeze(ops.range(visible.shape[1]!), 0) // [1, time]
  return ops.max(ops.where(visible, places, constant(-1, [], 'i32')), 1, true)
}

/** That of the first: [batch, 1], i32. */
function firstVisible(visible: Tensor): Tensor {
  const time = visible.shape[1]!
  return ops.min(ops.where(visible, ops.unsqueeze(ops.range(time), 0), ops.dimension(time)), 1, true)
}
