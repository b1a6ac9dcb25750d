// Dropout (Srivastava et al. 2014). A mask is a slice of a pool of zeros and 1/(1 − rate), which the executor fills once from the seed; where
// the slice starts is a function of (seed, site, step, microstep) (DESIGN E11). Generating random numbers in the graph would cost more than
// the layers around it: ONNX Runtime's random operations run on one thread.

import { broadcast } from '../broadcast.js'
import { type Shape, sameShape, shapeText, sizeOf } from '../dim.js'
import { apply, describe, GraphError, type Operation, type Tensor } from '../tensor.js'
import { mul } from './elementwise.js'

/** How far into a pool a mask may start. Fixed, so that a mask does not depend on how large other masks are. */
export const poolOffsets = 2 ** 22

export const keepMaskOperation: Operation = {
  name: 'keep-mask',
  infer: (_, { shape }) => [{ shape: shape as Shape, dtype: 'f32' }],
  onnx(emit, { attributes }) {
    const { rate, site, shape } = attributes as { rate: number; site: string; shape: Shape }
    const { pool, offset } = emit.keepMask(site, rate, shape)
    const size = emit.size(sizeOf(shape))
    const [end] = emit.node('Add', [offset, size])
    const flat = emit.node('Slice', [pool, offset, end!, emit.integers([0])])
    return emit.node('Reshape', [flat[0]!, emit.shape(shape)])
  },
}

/** A mask of 0 (with probability `rate`) or 1/(1 − rate), another one at each step, the same for the same (seed, site, step, microstep). */
export function keepMask(site: string, rate: number, shape: Shape): Tensor {
  if (!(rate >= 0 && rate < 1)) throw new GraphError(`dropout: rate ${rate} at ${site}: expected at least 0 and below 1`)
  return apply(keepMaskOperation, [], { site, rate, shape })
}

/**
 * x with elements set to zero at the given rate and the others scaled by 1/(1 − rate). `shape` may have sizes of 1 where one decision
 * serves a whole axis (locked dropout, Gal & Ghahramani 2016).
 */
export function dropout(x: Tensor, rate: number, site: string, shape: Shape = x.shape): Tensor {
  const mask = keepMask(site, rate, shape)
  const result = broadcast(shape, x.shape)
  if (!result || !sameShape(result, x.shape)) throw new GraphError(`dropout: the mask ${shapeText(shape)} at ${site} does not fit ${describe(x)}`)
  return rate === 0 ? x : mul(x, mask)
}
