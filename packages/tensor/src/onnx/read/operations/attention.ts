// The Attention operation of opset 23, without a cache of keys and values.

import { broadcast } from '../../../graph/broadcast.js'
import { type Dim, divideDims, multiplyDims, sameDim } from '../../../graph/dim.js'
import * as ops from '../../../graph/ops/index.js'
import type { Tensor } from '../../../graph/tensor.js'
import type { Call, Importer } from '../call.js'

/** [batch, time, heads·size] → [batch, heads, time, size]; four axes are left as they are. */
function heads(call: Call, x: Tensor, count: number): Tensor {
  if (x.rank === 4) return x
  if (count === 0) return call.refuse(`its operand has the shape [${x.shape.join(', ')}], which needs a number of heads`)
  const [batch, time, width] = x.shape as [Dim, Dim, Dim]
  return ops.transpose(ops.reshape(x, [batch, time, count, divideDims(width, count)]), [0, 2, 1, 3])
}

/** Each head of keys or values for the queries that share it (grouped-query attention: Ainslie et al. 2023). */
function repeated(x: Tensor, queries: Tensor): Tensor {
  const [batch, own, time, size] = x.shape as [Dim, Dim, Dim, Dim]
  if (sameDim(own, queries.shape[1]!)) return x
  const times = divideDims(queries.shape[1]!, own)
  return ops.reshape(ops.expand(ops.unsqueeze(x, 2), [batch, own, times, time, size]), [batch, multiplyDims(own, times), time, size])
}

const attention: Importer = (call) => {
  if (call.has(4) || call.has(5)) call.refuse('a cache of keys and values is not read')
  if (call.node.outputs.slice(1).some((name) => name !== '')) call.refuse('only its first output is read')
  if (call.float('softcap', 0) !== 0) call.refuse('softcap is not read')
  const flat = call.tensor(0).rank === 3
  const q = heads(call, call.tensor(0), call.int('q_num_heads', 0))
  const k = repeated(heads(call, call.tensor(1), call.int('kv_num_heads', 0)), q)
  const v = repeated(heads(call, call.tensor(2), call.int('kv_num_heads', 0)), q)
  const causal = call.int('is_causal', 0) === 1
  if (causal && !sameDim(q.shape[2]!, k.shape[2]!)) call.refuse('is_causal is read for as many queries as keys only')
  const scale = call.float('scale', 0)
  const mask = call.has(3) ? call.tensor(3) : undefined
  const scores = [q.shape[0]!, q.shape[1]!, q.shape[2]!, k.shape[2]!]
  if (mask) call.align(mask.shape, scores)
  if (mask && !broadcast(mask.shape, scores)) call.refuse(`its mask ${call.describe(3)} does not fit the scores [${scores.join(', ')}]`)
  const y = ops.attention(q, k, v, {
    causal,
    ...(scale === 0 ? {} : { scale }),
    ...(mask ? { mask: ops.reshape(mask, [...Array(4 - mask.rank).fill(1), ...mask.shape]) } : {}),
  })
  if (!flat) return y
  const [batch, count, time, size] = y.shape as [Dim, Dim, Dim, Dim]
  return ops.reshape(ops.transpose(y, [0, 2, 1, 3]), [batch, time, multiplyDims(count, size)])
}

export const attentions: Readonly<Record<string, Importer>> = { Attention: attention }
