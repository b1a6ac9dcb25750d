// A Transformer for tests, of the shape that the toolkit builds: pre-LN blocks, the three projections as one product of joined weights, a causal
// bias, tanh GELU, a tied head.

import { type Dim, dim } from '../graph/dim.js'
import * as ops from '../graph/ops/index.js'
import { input, parameter, type Tensor } from '../graph/tensor.js'

export interface BlockSizes {
  hidden: number
  heads: number
  inner: number
}

/** Hands out one tensor per path. */
export function parameters() {
  const all = new Map<string, Tensor>()
  const weight = (path: string, shape: readonly number[]): Tensor => {
    const found = all.get(path) ?? parameter(path, shape)
    all.set(path, found)
    return found
  }
  return { all, weight }
}

export type Weight = ReturnType<typeof parameters>['weight']

const linear = (weight: Weight, path: string, x: Tensor, from: number, to: number) =>
  ops.linear(x, weight(`${path}.weight`, [from, to]), weight(`${path}.bias`, [to]))
const norm = (weight: Weight, path: string, x: Tensor, size: number) =>
  ops.layerNorm(x, weight(`${path}.norm.weight`, [size]), weight(`${path}.norm.bias`, [size]))

/** One block. h [batch·time, hidden]; bias [time, time] or none. */
export function block(weight: Weight, path: string, h: Tensor, { hidden, heads, inner }: BlockSizes, batch: Dim, time: Dim, bias?: Tensor): Tensor {
  const names = ['query', 'key', 'value']
  const joined = ops.concat(
    names.map((name) => weight(`${path}.attention.${name}.weight`, [hidden, hidden])),
    1,
  )
  const biases = ops.concat(names.map((name) => weight(`${path}.attention.${name}.bias`, [hidden])))
  const joint = ops.linear(norm(weight, `${path}.attention`, h, hidden), joined, biases)
  const parts = ops.split(ops.transpose(ops.reshape(joint, [batch, time, 3, heads, hidden / heads]), [2, 0, 3, 1, 4]), [1, 1, 1], 0)
  const [q, k, v] = parts.map((part) => ops.squeeze(part, 0)) as [Tensor, Tensor, Tensor]
  const mixture = ops.transpose(ops.attention(q, k, v, bias ? { mask: bias } : {}), [0, 2, 1, 3])
  const after = ops.add(h, linear(weight, `${path}.attention.output`, ops.reshape(mixture, [-1, hidden]), hidden, hidden))
  const up = linear(weight, `${path}.feedforward.up`, norm(weight, `${path}.feedforward`, after, hidden), hidden, inner)
  return ops.add(after, linear(weight, `${path}.feedforward.down`, ops.geluTanh(up), inner, hidden))
}

export interface ModelSizes extends BlockSizes {
  layers: number
  vocabulary: number
  positions: number
}

/** A causal language model: ids and targets [batch, time] → mean loss. `wrap` may put something around each block. */
export function languageModel(sizes: ModelSizes, wrap: (h: Tensor, block: (h: Tensor) => Tensor, layer: number) => Tensor = (h, f) => f(h)) {
  const { hidden, layers, vocabulary, positions } = sizes
  const { all, weight } = parameters()
  const [batch, time] = [dim('batch'), dim('time')]
  const ids = input('ids', [batch, time], 'i32')
  const targets = input('targets', [batch, time], 'i32')
  const table = weight('embeddings.token.weight', [vocabulary, hidden])
  const bias = ops.causalBias(time, time)
  const embedded = ops.add(ops.gather(table, ids), ops.slice(weight('embeddings.position.weight', [positions, hidden]), 0, 0, time))
  let h = ops.reshape(embedded, [-1, hidden])
  for (let n = 0; n < layers; n++) h = wrap(h, (x) => block(weight, `layers.${n}`, x, sizes, batch, time, bias), n)
  const last = norm(weight, 'last', h, hidden)
  const { loss } = ops.linearCrossEntropy(last, table, ops.reshape(targets, [-1]))
  return { loss, hidden: last, logits: ops.matmul(last, table, { transB: true }), parameters: all }
}
