// All operations, by family.

export * from './activation.js'
export * from './attention.js'
export * from './batch-norm.js'
export * from './compare.js'
export * from './convolution.js'
export { customGradient } from './custom.js'
export { dropout, keepMask } from './dropout.js'
export * from './einsum.js'
export {
  abs,
  add,
  clip,
  cos,
  div,
  erf,
  exp,
  log,
  maximum,
  minimum,
  mul,
  neg,
  pow,
  reciprocal,
  rsqrt,
  sigmoid,
  sign,
  sin,
  softplus,
  sqrt,
  square,
  sub,
  tanh,
} from './elementwise.js'
export * from './indexing.js'
export * from './loss.js'
export * from './matmul.js'
export * from './normalization.js'
export { after, checkpoint } from './order.js'
export * from './orthogonalize.js'
export * from './quantized.js'
export * from './reduce.js'
export * from './rounding.js'
export { type ScanOptions, type ScanStep, scan } from './scan.js'
export * from './segments.js'
export * from './shape.js'
export * from './softmax.js'
