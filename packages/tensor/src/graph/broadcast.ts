// Broadcasting as in NumPy: sizes are aligned from the right, and a size of 1 stretches. A named dimension equals itself only: that two names
// happen to have one size at run time is no reason to let a graph through.

import { type Dim, type Shape, sameDim } from './dim.js'
import { describe, GraphError, type Tensor } from './tensor.js'

/** The shape two operands broadcast to. @throws GraphError naming both. */
export function broadcastShapes(operation: string, a: Tensor, b: Tensor): Shape {
  const shape = broadcast(a.shape, b.shape)
  if (!shape) throw new GraphError(`${operation}: shapes do not broadcast: ${describe(a)} and ${describe(b)}`)
  return shape
}

/** The broadcast shape, or undefined where there is none. */
export function broadcast(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length)
  const result: Dim[] = []
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1
    const y = b[b.length - rank + i] ?? 1
    if (sameDim(x, y) || y === 1) result.push(x)
    else if (x === 1) result.push(y)
    else return undefined
  }
  return result
}

/** The axes along which `from` was stretched to give `to`, counted in `to`. */
export function stretchedAxes(from: Shape, to: Shape): number[] {
  const lead = to.length - from.length
  return to.flatMap((size, axis) => (axis < lead || (from[axis - lead] === 1 && size !== 1) ? [axis] : []))
}

/** Non-negative, unique, sorted axes. */
export function normaliseAxes(operation: string, axes: readonly number[], rank: number): number[] {
  const result = axes.map((axis) => normaliseAxis(operation, axis, rank))
  if (new Set(result).size !== result.length) throw new GraphError(`${operation}: axes [${axes}] name an axis twice`)
  return result.sort((x, y) => x - y)
}

export function normaliseAxis(operation: string, axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis
  if (!Number.isInteger(axis) || positive < 0 || positive >= rank)
    throw new GraphError(`${operation}: axis ${axis} is outside a tensor of rank ${rank}: expected ${-rank} to ${rank - 1}`)
  return positive
}

/** Type error for an operand. */
export function expectType(operation: string, tensor: Tensor, wanted: readonly string[]): void {
  if (!wanted.includes(tensor.dtype)) throw new GraphError(`${operation}: ${describe(tensor)} has the wrong type: expected ${wanted.join(' or ')}`)
}

/** Type error for operands of one operation that differ. */
export function expectOneType(operation: string, tensors: readonly Tensor[]): void {
  const [first, ...others] = tensors
  for (const other of others)
    if (other.dtype !== first!.dtype) throw new GraphError(`${operation}: ${describe(first!)} and ${describe(other)} differ in type`)
}

export const expectRank = (operation: string, tensor: Tensor, rank: number): void => {
  if (tensor.rank !== rank)
    throw new GraphError(`${operation}: ${describe(tensor)} has rank ${tensor.rank}: expected ${rank}, as in [${Array(rank).fill('·').join(', ')}]`)
}
