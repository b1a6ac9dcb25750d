// One-dimensional convolution and pooling over time, for character models (Kim et al. 2016; ELMo: Peters et al. 2018). A convolution is one product:
// the inputs under the window side by side, times the kernel as a matrix.

import { type Dim, shapeText } from '../dim.js'
import { describe, GraphError, type Tensor } from '../tensor.js'
import { concat, pad, slice, stack } from './indexing.js'
import { linear } from './matmul.js'
import { max, mean } from './reduce.js'
import { reshape } from './shape.js'

export interface ConvolutionOptions {
  /** Places between two windows. Default 1. */
  stride?: number
  /** Places between two inputs of a window. Default 1. */
  dilation?: number
  /** Zeros added before and after; `same` keeps the length (stride 1). Default 0. */
  padding?: number | 'same'
  /** [out] */
  bias?: Tensor
}

const atLeastOne = (operation: string, settings: Readonly<Record<string, number>>) => {
  for (const [name, value] of Object.entries(settings))
    if (!Number.isInteger(value) || value < 1) throw new GraphError(`${operation}: ${name} ${value}: expected a whole number of at least 1`)
}

/** x [batch, time, ..] at each place of the window: `width` tensors [batch, windows, ..]. */
function windows(operation: string, x: Tensor, width: number, stride: number, dilation: number): Tensor[] {
  const reach = (width - 1) * dilation
  const time = x.shape[1]!
  if (typeof time === 'number' && time <= reach)
    throw new GraphError(`${operation}: a window of ${reach + 1} places does not fit ${describe(x)}, which has ${time}: pad it`)
  const last = (place: number): Dim => (place === reach ? time : place - reach)
  return Array.from({ length: width }, (_, k) => slice(x, 1, k * dilation, last(k * dilation), stride))
}

/**
 * Convolution over time (a cross-correlation, as everywhere): y[b, t] = Σ_k x[b, t·stride + k·dilation] · kernel[k].
 * x [batch, time, in], kernel [width, in, out] → [batch, windows, out].
 *
 * @throws GraphError where the kernel does not fit, or the window is longer than the padded input.
 */
export function convolution(x: Tensor, kernel: Tensor, options: ConvolutionOptions = {}): Tensor {
  const { stride = 1, dilation = 1, padding = 0, bias } = options
  atLeastOne('convolution', { stride, dilation })
  if (x.rank !== 3 || kernel.rank !== 3 || kernel.shape.some((size) => typeof size !== 'number'))
    throw new GraphError(`convolution: ${describe(x)} with the kernel ${describe(kernel)}: expected [batch, time, in] and a fixed [width, in, out]`)
  const [width, inner, outer] = kernel.shape as [number, number, number]
  if (x.shape[2] !== inner)
    throw new GraphError(`convolution: ${describe(x)} has ${x.shape[2]} channels, the kernel ${describe(kernel)} takes ${inner}`)
  const reach = (width - 1) * dilation
  const before = padding === 'same' ? Math.floor(reach / 2) : padding
  const after = padding === 'same' ? reach - before : padding
  const columns = concat(windows('convolution', pad(x, 1, before, after), width, stride, dilation), 2) // [batch, windows, width·in]
  return linear(columns, reshape(kernel, [width * inner, outer]), bias)
}

export interface PoolingOptions {
  /** Places between two windows; default the window's size, so that windows do not overlap. */
  stride?: number
}

const pooling =
  (name: string, reduce: (x: Tensor, axis: number) => Tensor) =>
  (x: Tensor, size: number, options: PoolingOptions = {}): Tensor => {
    const { stride = size } = options
    atLeastOne(name, { size, stride })
    if (x.rank !== 3) throw new GraphError(`${name}: ${describe(x)}: expected [batch, time, channels], got the shape ${shapeText(x.shape)}`)
    return reduce(stack(windows(name, x, size, stride, 1), 0), 0)
  }

/** The largest value in each window over time; ties share the gradient. x [batch, time, channels] → [batch, windows, channels]. */
export const maxPool = pooling('max-pool', (x, axis) => max(x, axis))
/** The mean of each window over time. x [batch, time, channels] → [batch, windows, channels]. */
export const meanPool = pooling('mean-pool', (x, axis) => mean(x, axis))
