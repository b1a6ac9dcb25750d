// The settings of the update kernels, named after the papers' symbols, and the shapes of what they work on. Pointers are byte offsets into the
// store's memory, lengths are elements.

export interface AdamOptions {
  rate: number
  beta1: number
  beta2: number
  epsilon: number
  /** λ. Decoupled (AdamW): param -= rate λ param. With `coupled` (Adam with L2): grad += λ param. */
  weightDecay?: number
  coupled?: boolean
  /** The factor of clipping (and of averaging over microsteps) on the gradient, 1 by default. */
  gradScale?: number
}

/** The bias corrections 1 - beta1^t and 1 - beta2^t of the parameter's own step t. */
export interface AdamCorrections {
  correction1: number
  correction2: number
}

export interface SgdOptions {
  rate: number
  /** μ: buffer = μ buffer + grad; 0 by default, then no buffer is touched. */
  momentum?: number
  nesterov?: boolean
  /** Coupled, as in PyTorch: grad += λ param. */
  weightDecay?: number
  gradScale?: number
}

/** A table of `rows` rows of `width` floats. */
export interface Table {
  pointer: number
  rows: number
  width: number
}

export interface Part {
  pointer: number
  length: number
}

/** A 64-bit seed as two unsigned 32-bit halves. */
export interface Seed {
  low: number
  high: number
}
