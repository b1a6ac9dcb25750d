// Loops over the first axis of sequences, as one node: the graph of a step is written once, however many steps a run has (DESIGN E5). Name and
// form are those of jax.lax.scan; ONNX has the same operation. Its gradient is a scan again, so that all derivatives exist.

import { type Dim, sameDim, sameShape, shapeText } from '../dim.js'
import { describe, GraphError, type Tensor } from '../tensor.js'
import { where } from './compare.js'
import { variable } from './scan/body.js'
import { loop } from './scan/loop.js'
import { full } from './shape.js'

export interface ScanOptions {
  /** The first carried values; what a step returns in their place has their shapes and types. */
  carry?: readonly Tensor[]
  /** Sequences [steps, ..]: a step sees one slice of each. */
  xs?: readonly Tensor[]
  /** The number of steps; needed where there are no sequences. */
  length?: Dim
  /** From the last step to the first; ys stay in the order of the sequences. */
  reverse?: boolean
  /**
   * Where a step counts: bool [steps, ..], each slice of which broadcasts with every carried value and y. Elsewhere the carried values stay
   * as they are and ys are 0, as for PyTorch's packed sequences.
   */
  mask?: Tensor
}

/** One step: carried values and slices of the sequences → the next carried values, and values to give out. */
export type ScanStep = (carry: readonly Tensor[], xs: readonly Tensor[]) => { carry: readonly Tensor[]; ys?: readonly Tensor[] }

/**
 * Runs `step` once for each slice of the sequences: the carried values after the last step, and the ys of all steps stacked.
 *
 * A step may use any tensor around it. What does not depend on the step is computed once, so a dropout mask made in the step is one mask for
 * all steps (locked dropout); one per step is a sequence. The gradient of a matrix that steps multiply with is one product after the loop.
 *
 * ```ts
 * // running sums of x [steps, width]
 * const { ys: [sums] } = scan(([sum], [x]) => ({ carry: [add(sum, x)], ys: [add(sum, x)] }), { carry: [full([width], 0)], xs: [x] })
 * ```
 *
 * @throws GraphError for sequences of different lengths and for carried values that change their shape or type.
 */
export function scan(step: ScanStep, options: ScanOptions): { carry: readonly Tensor[]; ys: readonly Tensor[] } {
  const { carry = [], xs = [], mask, reverse = false } = options
  const sequences = mask ? [...xs, mask] : xs
  for (const x of sequences) if (x.rank === 0) throw new GraphError(`scan: ${describe(x)} is a scalar: a sequence has the steps as its first axis`)
  const length = sequences[0]?.shape[0] ?? options.length
  if (length === undefined) throw new GraphError('scan: there are no sequences: give the number of steps as length')
  for (const x of sequences)
    if (!sameDim(x.shape[0]!, length)) throw new GraphError(`scan: ${describe(x)} has ${x.shape[0]} steps, the others have ${length}`)
  if (options.length !== undefined && !sameDim(options.length, length))
    throw new GraphError(`scan: length is ${options.length}, but ${describe(sequences[0]!)} has ${length} steps`)

  const carried = carry.map((x, i) => variable(`carry ${i}`, x.shape, x.dtype))
  const slices = sequences.map((x, i) => variable(`x ${i}`, x.shape.slice(1), x.dtype))
  const result = step(carried, slices.slice(0, xs.length))
  const counts = mask ? slices.at(-1)! : undefined
  const next = result.carry.map((x, i) => (counts ? where(counts, x, carried[i]!) : x))
  const ys = (result.ys ?? []).map((y) => (counts ? where(counts, y, full([], 0, y.dtype)) : y))
  checkCarry(carried, next)
  const outputs = loop({ carry: carried, xs: slices, next, ys }, { carry, xs: sequences, length, reverse })
  return { carry: outputs.slice(0, next.length), ys: outputs.slice(next.length, next.length + ys.length) }
}

function checkCarry(before: readonly Tensor[], after: readonly Tensor[]): void {
  if (before.length !== after.length) throw new GraphError(`scan: ${before.length} carried values go into a step and ${after.length} come out`)
  before.forEach((x, i) => {
    const y = after[i]!
    if (x.dtype !== y.dtype || !sameShape(x.shape, y.shape))
      throw new GraphError(
        `scan: carry ${i} starts as ${x.dtype} ${shapeText(x.shape)} and is ${y.dtype} ${shapeText(y.shape)} after a step: a carried value keeps its shape and type`,
      )
  })
}
