// Matrix products.

import * as ops from '../../../graph/ops/index.js'
import type { Tensor } from '../../../graph/tensor.js'
import type { Call, Importer } from '../call.js'

/** Vectors are rows or columns for the product, as NumPy has it. */
function product(call: Call, options: { transA?: boolean; transB?: boolean; alpha?: number } = {}): Tensor {
  const [a, b] = [call.tensor(0), call.tensor(1)]
  const left = a.rank === 1 ? ops.unsqueeze(a, 0) : a
  const right = b.rank === 1 ? ops.unsqueeze(b, 1) : b
  call.around.unify(left.shape.at(options.transA ? -2 : -1)!, right.shape.at(options.transB ? -1 : -2)!)
  call.align(left.shape.slice(0, -2), right.shape.slice(0, -2))
  const y = ops.matmul(left, right, options)
  const rows = a.rank === 1 ? ops.squeeze(y, -2) : y
  return b.rank === 1 ? ops.squeeze(rows, -1) : rows
}

const gemm: Importer = (call) => {
  const options = { transA: call.int('transA', 0) === 1, transB: call.int('transB', 0) === 1, alpha: call.float('alpha', 1) }
  const y = product(call, options)
  const beta = call.float('beta', 1)
  return call.has(2) && beta !== 0 ? ops.add(y, ops.mul(call.tensor(2), beta)) : y
}

const einsum: Importer = (call) => ops.einsum(call.text('equation', ''), call.tensors())

export const products: Readonly<Record<string, Importer>> = {
  MatMul: (call) => product(call),
  Gemm: gemm,
  Einsum: einsum,
}

/** ONNX Runtime's own product, which our training programs use. */
export const fusedMatMul: Importer = (call) => {
  if (call.int('transBatchA', 0) || call.int('transBatchB', 0)) call.refuse('transBatchA and transBatchB are not read')
  return product(call, { transA: call.int('transA', 0) === 1, transB: call.int('transB', 0) === 1, alpha: call.float('alpha', 1) })
}
