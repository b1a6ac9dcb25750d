// Matrix products. Transposes are attributes, not copies: a product can read either operand the other way round (DESIGN D2c).

import { broadcast, expectType } from '../broadcast.js'
import { type Dim, sameDim, sizeOf } from '../dim.js'
import { apply, describe, GraphError, type Operation, type Tensor } from '../tensor.js'
import { sumTo } from './elementwise.js'
import { full, reshape } from './shape.js'

export interface MatmulOptions {
  /** Read a's last two axes the other way round. */
  transA?: boolean
  /** Read b's last two axes the other way round. */
  transB?: boolean
  /** A factor folded into the product. */
  alpha?: number
}

const rowsAndColumns = (x: Tensor, transposed: boolean): [Dim, Dim] => {
  const [rows, columns] = x.shape.slice(-2) as [Dim, Dim]
  return transposed ? [columns, rows] : [rows, columns]
}

const matmulOperation: Operation = {
  name: 'matmul',
  infer([a, b], { transA, transB }) {
    for (const x of [a!, b!]) {
      expectType('matmul', x, ['f32', 'f16', 'bf16'])
      if (x.rank < 2) throw new GraphError(`matmul: ${describe(x)} has rank ${x.rank}: expected at least 2`)
    }
    const [m, k] = rowsAndColumns(a!, transA as boolean)
    const [inner, n] = rowsAndColumns(b!, transB as boolean)
    const how = transA || transB ? ` (transA ${!!transA}, transB ${!!transB})` : ''
    if (!sameDim(k, inner)) throw new GraphError(`matmul: inner sizes ${k} and ${inner} differ: ${describe(a!)} × ${describe(b!)}${how}`)
    const batch = broadcast(a!.shape.slice(0, -2), b!.shape.slice(0, -2))
    if (!batch) throw new GraphError(`matmul: batch axes do not broadcast: ${describe(a!)} × ${describe(b!)}`)
    return [{ shape: [...batch, m, n], dtype: a!.dtype }]
  },
  gradient({ inputs, attributes }, [g], needed) {
    const [a, b] = inputs as [Tensor, Tensor]
    const { transA, transB, alpha } = attributes as Required<MatmulOptions>
    const left = () => (transA ? matmul(b, g!, { transA: transB, transB: true, alpha }) : matmul(g!, b, { transB: !transB, alpha }))
    const right = () => {
      // one weight under many rows: a single product over all rows
      if (b.rank === 2 && a.rank > 2 && !transA) {
        const rows = reshape(a, [-1, a.shape.at(-1)!])
        const upstream = reshape(g!, [-1, g!.shape.at(-1)!])
        return transB ? matmul(upstream, rows, { transA: true, alpha }) : matmul(rows, upstream, { transA: true, alpha })
      }
      return transB ? matmul(g!, a, { transA: true, transB: transA, alpha }) : matmul(a, g!, { transA: !transA, alpha })
    }
    return [needed[0] ? sumTo(left(), a) : undefined, needed[1] ? sumTo(right(), b) : undefined]
  },
  onnx(emit, { attributes, inputs }, names) {
    const { transA, transB, alpha } = attributes as Required<MatmulOptions>
    if (!transA && !transB && alpha === 1) return emit.node('MatMul', names)
    if (emit.portable && inputs.every((x) => x.rank === 2))
      return emit.node('Gemm', names, { transA: transA ? 1 : 0, transB: transB ? 1 : 0, alpha: { float: alpha } })
    if (emit.portable) {
      const swap = (name: string, { rank }: Tensor) =>
        emit.node('Transpose', [name], { perm: Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i)) })[0]!
      const [a, b] = inputs as [Tensor, Tensor]
      const product = emit.node('MatMul', [transA ? swap(names[0]!, a) : names[0]!, transB ? swap(names[1]!, b) : names[1]!])
      return alpha === 1 ? product : emit.node('Mul', [product[0]!, emit.scalar(alpha)])
    }
    return emit.node('FusedMatMul', names, { transA: transA ? 1 : 0, transB: transB ? 1 : 0, alpha: { float: alpha } }, { domain: 'com.microsoft' })
  },
}

/** alpha · op(a) · op(b) over the last two axes; the axes before them broadcast. a [.., m, k], b [.., k, n] → [.., m, n]. */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  return apply(matmulOperation, [a, b], { transA: options.transA ?? false, transB: options.transB ?? false, alpha: options.alpha ?? 1 })
}

const affineOperation: Operation = {
  name: 'affine',
  infer([x, weight, bias]) {
    for (const t of [x!, weight!, bias!]) expectType('linear', t, ['f32', 'f16', 'bf16'])
    if (weight!.rank !== 2 || !sameDim(x!.shape[1]!, weight!.shape[0]!))
      throw new GraphError(`linear: inner sizes differ: ${describe(x!)} × ${describe(weight!)}`)
    if (bias!.rank !== 1 || !sameDim(bias!.shape[0]!, weight!.shape[1]!))
      throw new GraphError(`linear: the bias ${describe(bias!)} does not fit the weight ${describe(weight!)}`)
    return [{ shape: [x!.shape[0]!, weight!.shape[1]!], dtype: x!.dtype }]
  },
  gradient({ inputs }, [g], needed) {
    const [x, weight, bias] = inputs as [Tensor, Tensor, Tensor]
    return [
      needed[0] ? matmul(g!, weight, { transB: true }) : undefined,
      needed[1] ? matmul(x, g!, { transA: true }) : undefined,
      needed[2] ? reshape(columnSums(g!), bias.shape) : undefined,
    ]
  },
  onnx: (emit, _node, names) => emit.node('Gemm', names),
}

/** Column sums of a matrix [n, d] → [1, d], as a product with a row of ones: faster than a reduction over the outer axis (DESIGN D2c). */
export const columnSums = (x: Tensor): Tensor => matmul(full([1, x.shape[0]!], 1), x)

/**
 * x · weight + bias, over the last axis: x [.., in], weight [in, out], bias [out] → [.., out].
 *
 * The one place where a weight meets an activation (DESIGN E6).
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  if (weight.rank !== 2) throw new GraphError(`linear: the weight ${describe(weight)} has rank ${weight.rank}: expected [in, out]`)
  const rows = x.rank === 2 ? x : reshape(x, [sizeOf(x.shape.slice(0, -1)), x.shape.at(-1)!])
  const y = bias ? apply(affineOperation, [rows, weight, bias]) : matmul(rows, weight)
  return x.rank === 2 ? y : reshape(y, [...x.shape.slice(0, -1), weight.shape[1]!])
}
