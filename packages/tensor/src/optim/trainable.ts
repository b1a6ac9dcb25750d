// What a step trains: whole parameters, or some rows of a table (DESIGN E6). Rows that were added for new tokens train while the old ones stay
// frozen: no gradient is kept for those, no moment, and neither update nor weight decay reaches them. A head that is tied to the table is extended
// with it, because the rows stay where they are, in the table.

import type { StateRef } from '../executor/program.js'
import type { Gradient } from '../graph/grad.js'
import { and, greaterEqual, less, where } from '../graph/ops/compare.js'
import { sub } from '../graph/ops/elementwise.js'
import { slice } from '../graph/ops/indexing.js'
import { reshape } from '../graph/ops/shape.js'
import { describe, GraphError, type Rows, stateOperation, type Tensor } from '../graph/tensor.js'

/** Rows `from` (inclusive) to `to` (exclusive) of a table. */
export interface SelectedRows {
  readonly table: Tensor
  readonly from: number
  readonly to: number
}

/**
 * Rows of a table as something to train: `parameters: [selectRows(table, 30522), head]`. Its path, for masks, multipliers and the optimizer's state,
 * is that of the table with the rows behind it: `embeddings.token.weight[30522:30524]`.
 *
 * @throws GraphError where the table has no such rows.
 */
export function selectRows(table: Tensor, from: number, to: number = table.shape[0] as number): SelectedRows {
  if (table.node.operation !== stateOperation) throw new GraphError(`selectRows: ${describe(table)} is no parameter`)
  if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from < to && to <= (table.shape[0] as number)))
    throw new GraphError(`selectRows: ${describe(table)} has no rows ${from} to ${to}`)
  return { table, from, to }
}

/** One of the things that a step trains. */
export interface Trainable {
  path: string
  /** The state it is, or is a part of. */
  table: Tensor
  /** Its values, in the graph: the table or a slice of it. */
  values: Tensor
  rows: { from: number; to: number } | undefined
}

export const pathOf = (parameter: Tensor): string => parameter.node.attributes.path as string

/** @throws GraphError for what is no state, and for what is given twice. */
export function trainables(parameters: readonly (Tensor | SelectedRows)[]): Trainable[] {
  const all = parameters.map((parameter): Trainable => {
    if (!('table' in parameter)) {
      if (parameter.node.operation !== stateOperation) throw new GraphError('trainingStep: a trainable parameter must be made with parameter()')
      return { path: pathOf(parameter), table: parameter, values: parameter, rows: undefined }
    }
    const { table, from, to } = parameter
    return { path: `${pathOf(table)}[${from}:${to}]`, table, values: slice(table, 0, from, to), rows: { from, to } }
  })
  for (const [i, one] of all.entries()) {
    const other = all.slice(0, i).find((before) => pathOf(before.table) === pathOf(one.table) && overlap(before.rows, one.rows))
    if (other) throw new GraphError(`trainingStep: ${one.path} is given twice${other.path === one.path ? '' : `, the other time as ${other.path}`}`)
  }
  return all
}

const overlap = (a: Trainable['rows'], b: Trainable['rows']) => !a || !b || (a.from < b.to && b.from < a.to)

/** Where its values live. */
export function home({ table, rows }: Trainable): StateRef {
  const { namespace, path } = table.node.attributes as StateRef
  return rows ? { namespace, path, rows } : { namespace, path }
}

/** The parts of a table's gradient that belong to a trainable, their ids counted from its first row. */
export function partsOf({ rows: selected }: Trainable, { dense, rows }: Gradient): { dense: Tensor | undefined; rows: Rows[] } {
  if (!selected) return { dense, rows }
  const { from, to } = selected
  return { dense: dense && slice(dense, 0, from, to), rows: rows.map((part) => within(part, from, to)) }
}

/** Rows of others become zeros for the first row. */
function within({ ids, values }: Rows, from: number, to: number): Rows {
  const inside = and(greaterEqual(ids, from), less(ids, to)) // [n]
  const column = reshape(inside, [ids.shape[0]!, ...values.shape.slice(1).map(() => 1)])
  return { ids: where(inside, sub(ids, from), 0), values: where(column, values, 0) }
}
