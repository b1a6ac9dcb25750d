// Sums and means over segments: rows that belong together by an id (tokens of a word, sentences of a document).

import { type Dim, sameDim } from '../dim.js'
import { describe, GraphError, type Tensor } from '../tensor.js'
import { div, maximum } from './elementwise.js'
import { scatterAdd } from './indexing.js'
import { full, reshape } from './shape.js'

/** y[s] = Σ of the rows whose segment is s. x [n, ..], segments i32 [n] (0 to count − 1, in any order) → [count, ..]; 0 where there are none. */
export function segmentSum(x: Tensor, segments: Tensor, count: Dim): Tensor {
  if (x.rank === 0 || segments.rank !== 1 || segments.dtype !== 'i32' || !sameDim(segments.shape[0]!, x.shape[0]!))
    throw new GraphError(`segment-sum: ${describe(x)} and segments ${describe(segments)}: expected [n, ..] and i32 [n]`)
  return scatterAdd(full([count, ...x.shape.slice(1)], 0), segments, x)
}

/** The mean of the rows of each segment; 0 where there are none. x [n, ..] → [count, ..]. */
export function segmentMean(x: Tensor, segments: Tensor, count: Dim): Tensor {
  const sizes = segmentSum(full([x.shape[0]!], 1), segments, count)
  return div(segmentSum(x, segments, count), reshape(maximum(sizes, 1), [count, ...x.shape.slice(1).map(() => 1)]))
}
