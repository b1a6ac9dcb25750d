// Cross-entropy: over given logits, and over the logits of a linear layer, computed in chunks so that they are never all alive.

import { expectType } from '../broadcast.js'
import { type Dim, divideDims, multiplyDims, sameDim } from '../dim.js'
import { applyAll, constant, describe, GraphError, type Operation, type Tensor } from '../tensor.js'
import { equal, where } from './compare.js'
import { add, div, log, maximum, mul, neg, sub } from './elementwise.js'
import { concat, gather, gatherElements, slice } from './indexing.js'
import { matmul } from './matmul.js'
import { after } from './order.js'
import { stopGradient, sum } from './reduce.js'
import { reshape, unsqueeze } from './shape.js'
import { logSoftmax, softmax } from './softmax.js'

export interface CrossEntropyOptions {
  /** Targets with this id do not count. Default -100, as in PyTorch. */
  ignore?: number
  reduction?: 'mean' | 'sum' | 'none'
}

/** 1 for targets that count, 0 for others (f32). */
const counted = (targets: Tensor, ignore: number) => where(equal(targets, constant(ignore, [], targets.dtype)), 0, 1)

/** Ignored ids are replaced by 0, so that every id can be looked up. */
const lookup = (targets: Tensor, ignore: number) =>
  where(equal(targets, constant(ignore, [], targets.dtype)), constant(0, [], targets.dtype), targets)

/** −ln softmax(logits)[target]. logits [n, classes], targets i32 [n] → scalar, or [n] without reduction. The mean is over counted targets. */
export function crossEntropy(logits: Tensor, targets: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { ignore = -100, reduction = 'mean' } = options
  if (logits.rank !== 2 || targets.rank !== 1 || !sameDim(logits.shape[0]!, targets.shape[0]!))
    throw new GraphError(`cross-entropy: logits ${describe(logits)} and targets ${describe(targets)}: expected [n, classes] and [n]`)
  const weight = counted(targets, ignore)
  const chosen = reshape(gatherElements(logSoftmax(logits), unsqueeze(lookup(targets, ignore), 1)), [logits.shape[0]!])
  const losses = mul(neg(chosen), weight)
  if (reduction === 'none') return losses
  return reduction === 'sum' ? sum(losses) : div(sum(losses), maximum(sum(weight), 1))
}

/** The smallest normal f32: a probability below it counts as this, so a loss per token is at most 87.3 nats. */
const tiny = 1.1754944e-38

/** Bounds of `chunks` pieces of n rows that differ by at most one. */
const rowChunks = (n: Dim, chunks: number): [Dim, Dim][] =>
  Array.from({ length: chunks }, (_, i) => [
    divideDims(multiplyDims(n, i), chunks),
    i === chunks - 1 ? n : divideDims(multiplyDims(n, i + 1), chunks),
  ])

/** softmax(x · tableᵀ + bias); the forward and the backward pass ask for the same one, which is computed once. */
const probabilities = (x: Tensor, table: Tensor, bias?: Tensor) => {
  const logits = matmul(x, table, { transB: true })
  return softmax(bias ? add(logits, bias) : logits)
}

/** Outputs: the summed loss over counted targets, and their number. */
const linearCrossEntropyOperation: Operation = {
  name: 'linear-cross-entropy',
  infer([x, table, targets, bias]) {
    expectType('linear-cross-entropy', targets!, ['i32'])
    if (x!.rank !== 2 || table!.rank !== 2 || !sameDim(x!.shape[1]!, table!.shape[1]!) || !sameDim(x!.shape[0]!, targets!.shape[0]!))
      throw new GraphError(
        `linear-cross-entropy: ${describe(x!)}, table ${describe(table!)}, targets ${describe(targets!)}: expected [n, d], [classes, d], [n]`,
      )
    if (bias && !sameDim(bias.shape[0]!, table!.shape[0]!))
      throw new GraphError(`linear-cross-entropy: the bias ${describe(bias)} does not fit ${describe(table!)}`)
    return [
      { shape: [], dtype: 'f32' },
      { shape: [], dtype: 'f32' },
    ]
  },
  decompose([x, table, targets, bias], { ignore, chunks }) {
    const losses = rowChunks(x!.shape[0]!, chunks as number).map(([from, to]) => {
      const part = slice(targets!, 0, from, to)
      const chosen = gatherElements(probabilities(slice(x!, 0, from, to), table!, bias), unsqueeze(lookup(part, ignore as number), 1))
      return sum(mul(neg(log(maximum(chosen, tiny))), unsqueeze(counted(part, ignore as number), 1)))
    })
    return [losses.reduce(add), sum(counted(targets!, ignore as number))]
  },
  gradient({ inputs, attributes }, [g], needed) {
    const [x, table, targets, bias] = inputs as [Tensor, Tensor, Tensor, Tensor | undefined]
    const given = [x, table, targets, g!, ...(bias ? [bias] : [])]
    const [dx, dense, ids, values, dbias] = applyAll(linearCrossEntropyGradient, given, { ...attributes, needed: [...needed] }) as Tensor[]
    return [
      needed[0] ? dx! : undefined,
      needed[1] ? [dense!, { rows: { ids: ids!, values: values! } }] : undefined,
      undefined,
      needed[3] ? [dbias!, { rows: { ids: ids!, values: neg(rowWeights(targets, g!, attributes.ignore as number)) } }] : undefined,
    ]
  },
}

const rowWeights = (targets: Tensor, g: Tensor, ignore: number) => mul(counted(targets, ignore), g)

/**
 * With probabilities P, row weights w (0 where ignored) and targets t: dx = w (P · table − table[t]), dtable = Pᵀ (w x) minus the rows w x at t.
 * Nothing of the size of the logits is written but P itself.
 */
const linearCrossEntropyGradient: Operation = {
  name: 'linear-cross-entropy-gradient',
  infer: ([x, table, targets, _g, bias]) => [
    { shape: x!.shape, dtype: 'f32' },
    { shape: table!.shape, dtype: 'f32' },
    { shape: targets!.shape, dtype: 'i32' },
    { shape: x!.shape, dtype: 'f32' },
    ...(bias ? [{ shape: bias.shape, dtype: 'f32' as const }] : []),
  ],
  decompose([x, table, targets, g, bias], { ignore, chunks, needed }) {
    const ids = lookup(targets!, ignore as number)
    const weights = unsqueeze(rowWeights(targets!, g!, ignore as number), 1)
    const weighted = mul(x!, weights)
    const dx: Tensor[] = []
    let dtable: Tensor | undefined
    let dbias: Tensor | undefined
    for (const [from, to] of rowChunks(x!.shape[0]!, chunks as number)) {
      // a chunk starts when the one before it is done, so that only one chunk's probabilities are alive
      const part = slice(x!, 0, from, to)
      const p = probabilities(part, table!, bias)
      dx.push(mul(sub(matmul(p, table!), gather(table!, slice(ids, 0, from, to))), slice(weights, 0, from, to)))
      if ((needed as boolean[])[1]) {
        const rows = slice(weighted, 0, from, to)
        const share = matmul(p, chunks === 1 ? rows : after(rows, dx.at(-1)!), { transA: true })
        dtable = dtable ? add(dtable, share) : share
      }
      if (bias) {
        const share = matmul(slice(weights, 0, from, to), p, { transA: true })
        dbias = dbias ? add(dbias, share) : share
      }
    }
    return [concat(dx), dtable ?? table!, ids, neg(weighted), ...(dbias ? [reshape(dbias, bias!.shape)] : [])]
  },
}

export interface LinearCrossEntropyOptions {
  /** Targets with this id do not count. Default -100. */
  ignore?: number
  /** Logits are computed in this many pieces. Default 1. */
  chunks?: number
  /** Added to the logits: [classes]. */
  bias?: Tensor
}

/**
 * The mean cross-entropy of x · tableᵀ (+ bias) against targets, without keeping logits: the loss of a language model with a tied head.
 * x [n, d], table [classes, d], targets i32 [n] → { loss: scalar mean over counted targets, sum, count }.
 */
export function linearCrossEntropy(
  x: Tensor,
  table: Tensor,
  targets: Tensor,
  options: LinearCrossEntropyOptions = {},
): { loss: Tensor; sum: Tensor; count: Tensor } {
  const { ignore = -100, chunks = 1, bias } = options
  if (!Number.isInteger(chunks) || chunks < 1) throw new GraphError(`linear-cross-entropy: chunks ${chunks}: expected a whole number of at least 1`)
  const [total, counts] = applyAll(linearCrossEntropyOperation, [x, table, targets, ...(bias ? [bias] : [])], { ignore, chunks }) as [Tensor, Tensor]
  const count = stopGradient(counts)
  return { loss: div(total, maximum(count, 1)), sum: total, count }
}
