// The RotaryEmbedding operation of opset 23 (rotary positions: Su et al. 2021), with its tables of cosines and sines already looked up.

import { type Dim, divideDims, sameDim } from '../../../graph/dim.js'
import * as ops from '../../../graph/ops/index.js'
import type { Tensor } from '../../../graph/tensor.js'
import type { Call, Importer } from '../call.js'

/** [batch, time, size/2] for a table [batch | 1, time, size/2], or one [positions, size/2] with position ids. */
function lookedUp(call: Call, table: Tensor): Tensor {
  const rows = call.has(3) ? ops.gather(table, call.tensor(3)) : table
  return rows.rank === 3 ? rows : call.refuse(`its table ${call.describe(1)} needs position ids`)
}

const rotaryEmbedding: Importer = (call) => {
  const x = call.tensor(0)
  if (x.rank !== 4) call.refuse(`only [batch, heads, time, size] is read, not ${call.describe(0)}`)
  if (call.int('interleaved', 0)) call.refuse('interleaved pairs are not read')
  const size = x.shape[3] as number
  const turned = call.int('rotary_embedding_dim', 0) || size
  const half = divideDims(turned, 2) as number
  const [first, second] = [ops.slice(x, 3, 0, half), ops.slice(x, 3, half, turned)]
  const [cos, sin] = [ops.unsqueeze(lookedUp(call, call.tensor(1)), 1), ops.unsqueeze(lookedUp(call, call.tensor(2)), 1)]
  const real = ops.sub(ops.mul(first, cos), ops.mul(second, sin))
  const imaginary = ops.add(ops.mul(second, cos), ops.mul(first, sin))
  return ops.concat([real, imaginary, ...(sameDim(turned as Dim, size) ? [] : [ops.slice(x, 3, turned, size)])], 3)
}

export const rotary: Readonly<Record<string, Importer>> = { RotaryEmbedding: rotaryEmbedding }
