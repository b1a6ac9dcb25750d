// Matrix products. Transposes are attributes, not copies: a product can read either operand the other way round (DESIGN D2c).

import type { Emitter } from '../../onnx/emitter.js'
import { broadcast, expectOneType, expectType } from '../broadcast.js'
import { type Dim, multiplyDims, sameDim, sameShape, sizeOf } from '../dim.js'
import { apply, describe, GraphError, type Operation, type Tensor } from '../tensor.js'
import { sumTo } from './elementwise.js'
import { full, reshape, transpose } from './shape.js'

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

/** The product in operations of the ONNX standard, which has no batched product that reads its operands the other way round. */
function portableProduct(
  emit: Emitter,
  inputs: readonly Tensor[],
  names: readonly string[],
  { transA, transB, alpha }: Required<MatmulOptions>,
): string[] {
  if (inputs.every((x) => x.rank === 2)) return emit.node('Gemm', names, { transA: transA ? 1 : 0, transB: transB ? 1 : 0, alpha: { float: alpha } })
  const turned = [transA, transB].map((turn, i) => {
    const axes = [...inputs[i]!.shape.keys()]
    return turn ? emit.node('Transpose', [names[i]!], { perm: [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!] })[0]! : names[i]!
  })
  const product = emit.node('MatMul', turned)
  return alpha === 1 ? product : emit.node('Mul', [product[0]!, emit.scalar(alpha)])
}

export const matmulOperation: Operation = {
  name: 'matmul',
  infer([a, b], { transA, transB }) {
    for (const x of [a!, b!]) {
      expectType('matmul', x, ['f32', 'f16', 'bf16'])
      if (x.rank < 2) throw new GraphError(`matmul: ${describe(x)} has rank ${x.rank}: expected at least 2`)
    }
    expectOneType('matmul', [a!, b!])
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
    // one matrix in many products: its gradient is a single product over all of them
    const product = (like: Tensor, x: Tensor, y: Tensor, options: MatmulOptions) =>
      like.rank === 2 && g!.rank > 2 ? sumOfProducts(stacked(x), stacked(y), options) : sumTo(matmul(x, y, options), like)
    const left = () => {
      const other = transB ? { x: b, trans: false } : turned(b)
      if (!transA) return product(a, g!, other.x, { transB: other.trans, alpha })
      return product(a, b, g!, { transA: transB, transB: true, alpha })
    }
    const right = () => {
      // rows of all products lie below each other already
      if (b.rank === 2 && a.rank > 2 && !transA) {
        const rows = reshape(a, [-1, a.shape.at(-1)!])
        const upstream = reshape(g!, [-1, g!.shape.at(-1)!])
        return transB ? matmul(upstream, rows, { transA: true, alpha }) : matmul(rows, upstream, { transA: true, alpha })
      }
      const other = transA ? { x: a, trans: false } : turned(a)
      if (!transB) return product(b, other.x, g!, { transA: other.trans, alpha })
      return product(b, g!, a, { transA: true, transB: transA, alpha })
    }
    return [needed[0] ? left() : undefined, needed[1] ? right() : undefined]
  },
  onnx(emit, { attributes, inputs }, names) {
    const { transA, transB, alpha } = attributes as Required<MatmulOptions>
    if (!transA && !transB && alpha === 1) return emit.node('MatMul', names)
    if (emit.portable) return portableProduct(emit, inputs, names, attributes as Required<MatmulOptions>)
    return emit.node('FusedMatMul', names, { transA: transA ? 1 : 0, transB: transB ? 1 : 0, alpha: { float: alpha } }, { domain: 'com.microsoft' })
  },
}

/** x with its last two axes the other way round: what it was made of, where it is a transposition itself, else x and a flag for the product. */
function turned(x: Tensor): { x: Tensor; trans: boolean } {
  const source = transpose(x)
  return source === x.node.inputs[0] ? { x: source, trans: false } : { x, trans: true }
}

/** Products as [all, m, k]. */
const stacked = (x: Tensor) => reshape(x, [-1, ...x.shape.slice(-2)])

/** alpha · op(a) · op(b) over the last two axes; the axes before them broadcast. a [.., m, k], b [.., k, n] → [.., m, n]. */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  return apply(matmulOperation, [a, b], { transA: options.transA ?? false, transB: options.transB ?? false, alpha: options.alpha ?? 1 })
}

/**
 * Σ over the first axis of alpha · op(a) · op(b), as one product in which that axis joins the inner one: a [t, .., m, k], b [t, .., k, n] → [.., m, n].
 */
export function sumOfProducts(a: Tensor, b: Tensor, { transA = false, transB = false, alpha = 1 }: MatmulOptions = {}): Tensor {
  const joined = (x: Tensor, inner: number) => {
    const order = [...x.shape.keys()].slice(1)
    order.splice(inner - 1, 0, 0)
    const moved = transpose(x, order)
    return reshape(moved, [...moved.shape.slice(0, inner - 1), multiplyDims(x.shape[0]!, x.shape[inner]!), ...moved.shape.slice(inner + 1)])
  }
  return matmul(joined(a, transA ? a.rank - 2 : a.rank - 1), joined(b, transB ? b.rank - 1 : b.rank - 2), { transA, transB, alpha })
}

const affineOperation: Operation = {
  name: 'affine',
  infer([x, weight, bias]) {
    for (const t of [x!, weight!, bias!]) expectType('linear', t, ['f32', 'f16', 'bf16'])
    expectOneType('linear', [x!, weight!, bias!])
    if (x!.rank !== 2 || weight!.rank !== 2 || !sameDim(x!.shape[1]!, weight!.shape[0]!))
      throw new GraphError(`linear: inner sizes differ: ${describe(x!)} × ${describe(weight!)}`)
    const shape = [x!.shape[0]!, weight!.shape[1]!]
    const stretched = broadcast(bias!.shape, shape)
    if (!stretched || !sameShape(stretched, shape))
      throw new GraphError(`linear: the bias ${describe(bias!)} does not fit the weight ${describe(weight!)}`)
    return [{ shape, dtype: x!.dtype }]
  },
  gradient({ inputs }, [g], needed) {
    const [x, weight, bias] = inputs as [Tensor, Tensor, Tensor]
    return [
      needed[0] ? matmul(g!, weight, { transB: true }) : undefined,
      needed[1] ? matmul(x, g!, { transA: true }) : undefined,
      needed[2] ? (bias.rank === 1 ? reshape(columnSums(g!), bias.shape) : sumTo(g!, bias)) : undefined,
    ]
  },
  onnx: (emit, _node, names) => emit.node('Gemm', names),
}

/** a · b + c, where c broadcasts to the product: a [m, k], b [k, n] → [m, n]. One pass less than a product and a sum. */
export const affine = (a: Tensor, b: Tensor, c: Tensor): Tensor => apply(affineOperation, [a, b, c])

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
  const y = bias ? affine(rows, weight, bias) : matmul(rows, weight)
  return x.rank === 2 ? y : reshape(y, [...x.shape.slice(0, -1), weight.shape[1]!])
}
