// Small modules that are put into a pretrained network and train in its place: bottleneck adapters, projected attention layers, low-rank updates,
// rescaling. Each takes an activation (or a weight) and returns what stands in its place, near it at the start.

import { type Dim, ops, type Tensor } from '@thaw/tensor'
import { activations, linear } from './layers.js'
import type { Scope } from './scope.js'

/** The correction of a bottleneck: up(ReLU(down(x))). x [rows, hidden] → [rows, hidden]; a skip connection around it makes an adapter (Houlsby et al. 2019). */
export function bottleneck(scope: Scope, path: string, x: Tensor, size: number): Tensor {
  const hidden = x.shape.at(-1) as number
  return linear(scope, `${path}.up`, activations.relu(linear(scope, `${path}.down`, x, hidden, size)), size, hidden)
}

/**
 * W + (α/r) A·B, a low-rank update of a weight (LoRA: Hu et al. 2022, equation 3). W [in, out], A [in, rank], B [rank, out]; B is zero at the start, so the model is the
 * pretrained one.
 */
export function lowRankUpdate(scope: Scope, path: string, weight: Tensor, { rank, alpha }: { rank: number; alpha: number }): Tensor {
  const [inputs, outputs] = weight.shape as [number, number]
  const a = scope.parameter(`${path}.A`, [inputs, rank])
  const b = scope.parameter(`${path}.B`, [rank, outputs])
  return ops.add(weight, ops.matmul(a, b, { alpha: alpha / rank }))
}

/** x times a vector over its features, ones at the start ((IA)³: Liu et al. 2022). Rows [n, d], or heads [batch, heads, time, width] with d = heads · width. */
export function rescale(scope: Scope, path: string, x: Tensor): Tensor {
  const [heads, width] = x.rank === 4 ? [x.shape[1] as number, x.shape[3] as number] : [1, x.shape.at(-1) as number]
  const scale = scope.parameter(`${path}.scale`, [heads * width])
  return ops.mul(x, x.rank === 4 ? ops.reshape(scale, [heads, 1, width]) : scale)
}

export interface ProjectedAttentionOptions {
  /** Width of the attention. */
  size: number
  heads: number
  batch: Dim
  time: Dim
  /** The network's own additive bias: what may see what. */
  bias?: Tensor
}

/**
 * Low-rank attention beside a layer: decode(attention(encode(x))) (projected attention layer: Stickland & Murray 2019, section 3.2). The two projections, `pal.encode`
 * [hidden, size] and `pal.decode` [size, hidden], are shared by all layers; the attention has no output projection. x [rows, hidden] → [rows, hidden].
 */
export function projectedAttention(scope: Scope, path: string, x: Tensor, options: ProjectedAttentionOptions): Tensor {
  const { size, heads, batch, time, bias } = options
  const hidden = x.shape.at(-1) as number
  const low = ops.matmul(x, scope.parameter('pal.encode.weight', [hidden, size]))
  const [q, k, v] = ['query', 'key', 'value'].map((name) => {
    const rows = linear(scope, `${path}.${name}`, low, size, size)
    return ops.transpose(ops.reshape(rows, [batch, time, heads, size / heads]), [0, 2, 1, 3]) // [batch, heads, time, width]
  }) as [Tensor, Tensor, Tensor]
  const mixed = ops.attention(q, k, v, bias ? { mask: bias } : {})
  const rows = ops.reshape(ops.transpose(mixed, [0, 2, 1, 3]), [-1, size])
  return ops.matmul(rows, scope.parameter('pal.decode.weight', [size, hidden]))
}
