// Small modules that are put into a pretrained network and train in its place: bottleneck adapters, projected attention layers, low-rank updates,
// rescaling. Each takes an activation (or a weight) and returns what stands in its place, near it at the start.

import { type Dim, ops, type Tensor } from '@thaw/tensor'
import { activations, linear } from './layers.js'
import type { Scope } from './scope.js'

/** Where the rows of an activation stand: row b · time + t is token t of text b. */
export interface TokenGrid {
  batch: Dim
  time: Dim
  /** True where there is a token and not padding: bool [batch, time]. Without it every row is a token. */
  visible?: Tensor
  /** The network's own additive bias: what may see what. */
  bias?: Tensor
  /** A token sees none after it. */
  causal: boolean
}

/** What a bottleneck does between its projections, rows [rows, size] → [rows, size]: added to them, so that a small one changes little. */
export type Inside = (scope: Scope, path: string, low: Tensor) => Tensor

/**
 * The correction of a bottleneck: up(ReLU(z + inside(z))) with z = down(x), `inside` left out in the usual one. x [rows, hidden] → [rows, hidden]; a skip
 * connection around it makes an adapter (Houlsby et al. 2019).
 */
export function bottleneck(scope: Scope, path: string, x: Tensor, size: number, inside?: Inside): Tensor {
  const hidden = x.shape.at(-1) as number
  const low = linear(scope, `${path}.down`, x, hidden, size)
  const mixed = inside ? ops.add(low, inside(scope, path, low)) : low
  return linear(scope, `${path}.up`, activations.relu(mixed), size, hidden)
}

/**
 * A convolution over `kernel` neighbouring tokens, for the inside of a bottleneck (the NAACL 2019 tutorial, section 4): those around a token, in a causal model
 * those up to it. Padding counts as zeros.
 */
export const convolutionInside =
  (kernel: number, { batch, time, visible, causal }: TokenGrid): Inside =>
  (scope, path, low) => {
    const size = low.shape.at(-1) as number
    const tokens = ops.reshape(low, [batch, time, size])
    const shown = visible ? ops.mul(tokens, ops.unsqueeze(ops.cast(visible, 'f32'), 2)) : tokens
    const before = causal ? kernel - 1 : Math.floor((kernel - 1) / 2)
    const weight = scope.parameter(`${path}.convolution.weight`, [kernel, size, size])
    const bias = scope.parameter(`${path}.convolution.bias`, [size])
    return ops.reshape(ops.convolution(ops.pad(shown, 1, before, kernel - 1 - before), weight, { bias }), low.shape)
  }

/** Attention inside of a bottleneck (the NAACL 2019 tutorial, section 4): a token sees what it sees in the network itself. */
export const attentionInside =
  (heads: number, grid: TokenGrid): Inside =>
  (scope, path, low) =>
    lowRankAttention(scope, `${path}.attention`, low, heads, grid)

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

/**
 * Low-rank attention beside a layer: decode(attention(encode(x))) (projected attention layer: Stickland & Murray 2019, section 3.2). The two projections, `pal.encode`
 * [hidden, size] and `pal.decode` [size, hidden], are shared by all layers; the attention has no output projection. x [rows, hidden] → [rows, hidden].
 */
export function projectedAttention(scope: Scope, path: string, x: Tensor, { size, heads }: { size: number; heads: number }, grid: TokenGrid): Tensor {
  const hidden = x.shape.at(-1) as number
  const low = ops.matmul(x, scope.parameter('pal.encode.weight', [hidden, size]))
  return ops.matmul(lowRankAttention(scope, path, low, heads, grid), scope.parameter('pal.decode.weight', [size, hidden]))
}

/** Self-attention of narrow rows [rows, size], without an output projection. */
function lowRankAttention(scope: Scope, path: string, low: Tensor, heads: number, { batch, time, bias }: TokenGrid): Tensor {
  const size = low.shape.at(-1) as number
  const [q, k, v] = ['query', 'key', 'value'].map((name) => {
    const rows = linear(scope, `${path}.${name}`, low, size, size)
    return ops.transpose(ops.reshape(rows, [batch, time, heads, size / heads]), [0, 2, 1, 3]) // [batch, heads, time, width]
  }) as [Tensor, Tensor, Tensor]
  const mixed = ops.attention(q, k, v, bias ? { mask: bias } : {})
  return ops.reshape(ops.transpose(mixed, [0, 2, 1, 3]), [-1, size])
}
