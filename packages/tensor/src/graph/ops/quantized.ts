// Values stored in fewer bits (DESIGN E7). A parameter's storage is not its compute type: gradients reach the scales, never the stored integers.

import { expectType } from '../broadcast.js'
import { multiplyDims } from '../dim.js'
import { describe, GraphError, type Tensor } from '../tensor.js'
import { mul, sub } from './elementwise.js'
import { stack } from './indexing.js'
import { cast, reshape } from './shape.js'

/** (x − zero) · scale in f32. x u8 or i8; scale f32 and zero (of x's type, default 0) broadcast to x: [] for all, [n, 1] a row, [d] a column. */
export function dequantize(x: Tensor, scale: Tensor, zero?: Tensor): Tensor {
  expectType('dequantize', x, ['u8', 'i8'])
  expectType('dequantize', scale, ['f32'])
  if (zero && zero.dtype !== x.dtype) throw new GraphError(`dequantize: the zero ${describe(zero)} is not of the type of ${describe(x)}`)
  const wide = cast(x, 'f32')
  return mul(zero ? sub(wide, cast(zero, 'f32')) : wide, scale)
}

/** Two numbers from 0 to 15 out of each byte, the low half first, as ONNX packs them. x u8 [.., n] → u8 [.., 2n]. */
export function unpackU4(x: Tensor): Tensor {
  expectType('unpack-u4', x, ['u8'])
  if (x.rank === 0) throw new GraphError(`unpack-u4: ${describe(x)}: expected at least one axis`)
  const bytes = cast(x, 'i32')
  const high = cast(mul(cast(bytes, 'f32'), 1 / 16), 'i32') // a cast cuts off
  const pairs = stack([sub(bytes, mul(high, 16)), high], -1) // [.., n, 2]
  return cast(reshape(pairs, [...x.shape.slice(0, -1), multiplyDims(x.shape.at(-1)!, 2)]), 'u8')
}
