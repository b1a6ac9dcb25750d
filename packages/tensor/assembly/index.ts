// SIMD kernels over the memory of a store: what touches every parameter once a step. Pointers are byte offsets, lengths are elements.
// Nothing here may allocate or hold static data: the whole memory belongs to the store (the build refuses a data segment).
// WebAssembly's SIMD is deterministic (no fused multiply-add, fixed lane order): the same input gives the same bits on every machine.
export { fill, copy, scale, axpy, add, towards, towardsWeighted, lerp } from './elementwise'
export { sumSquares, countNonFinite, maxAbs } from './reductions'
export { adam, adamWithoutGradient, sgdMomentum, sgdPlain } from './optimizers'
export { firstOutside, addRows, gatherRows, adamRows } from './rows'
export { dequantizeU8, dequantizeI8, f16ToF32, bf16ToF32, f32ToF16, f32ToBf16 } from './precision'
export { uniform, keepMask, normal } from './random'
