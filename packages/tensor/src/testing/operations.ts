// The operation suite: every operation against PyTorch's values and gradients, stored in fixtures/ops.json (made by
// bench/peers/make_op_fixtures.py). It knows neither Node nor its test runner, so that a page runs it as well.

import type { Executor, Feed } from '../executor/executor.js'
import type { RunResult } from '../executor/host.js'
import type { DType, TypedArray } from '../graph/dtype.js'
import { grad } from '../graph/grad.js'
import * as ops from '../graph/ops/index.js'
import { input, type Tensor } from '../graph/tensor.js'

interface Stored {
  dtype: DType
  shape: number[]
  data: number[]
}
// biome-ignore lint/suspicious/noExplicitAny: attributes as stored
type Attrs = any
/** An operation's stored inputs, outputs and gradients (of Σ weights · outputs). */
export interface OperationCase {
  op: string
  name: string
  attrs: Attrs
  inputs: (Stored & { name: string })[]
  outputs: Stored[]
  /** Of the first output. */
  weights?: number[]
  gradients: { input: number; shape: number[]; data: number[] }[]
}

const byName = Object.fromEntries(Object.entries(ops)) as Record<string, (...x: Tensor[]) => Tensor>

const simple = [
  'add',
  'sub',
  'mul',
  'div',
  'pow',
  'maximum',
  'minimum',
  'neg',
  'exp',
  'log',
  'sqrt',
  'rsqrt',
  'abs',
  'sign',
  'sin',
  'cos',
  'erf',
  'tanh',
  'sigmoid',
  'relu',
  'softplus',
  'gelu',
  'silu',
  'square',
  'reciprocal',
  'where',
  'equal',
  'less',
  'greater',
  'lessEqual',
  'greaterEqual',
  'and',
  'or',
  'not',
  'linear',
] as const

type Build = (x: Tensor[], attrs: Attrs) => Tensor | readonly Tensor[]
const reduction =
  (f: (x: Tensor, axes?: number[], keep?: boolean) => Tensor): Build =>
  ([x], { axes, keepdims }) =>
    f(x!, axes ?? undefined, keepdims)

/** As ONNX cuts: ends beyond the axis are held to it, and a negative step runs backwards. */
function cut(x: Tensor, axis: number, start: number, end: number, step: number): Tensor {
  const size = x.shape.at(axis) as number
  const place = (at: number) => Math.max(-1, Math.min(at < 0 ? at + size : at, size))
  if (step > 0) return ops.slice(x, axis, place(start), place(end), step)
  return ops.slice(ops.flip(x, axis), axis, size - 1 - place(start), size - 1 - place(end), -step)
}

const builders: Record<string, Build> = {
  ...Object.fromEntries(simple.map((name) => [name, ((x) => byName[name]!(...x)) as Build])),
  'gelu-tanh': ([x]) => ops.geluTanh(x!),
  'leaky-relu': ([x], { slope }) => ops.leakyRelu(x!, slope),
  'quick-gelu': ([x]) => ops.quickGelu(x!),
  clip: ([x], { min, max }) => ops.clip(x!, min ?? -3e38, max ?? 3e38),
  matmul: ([a, b], attrs) => ops.matmul(a!, b!, attrs),
  sum: reduction(ops.sum),
  mean: reduction(ops.mean),
  max: reduction(ops.max),
  min: reduction(ops.min),
  prod: reduction(ops.prod),
  logsumexp: reduction((x, axes, keep) => ops.logSumExp(x, axes, keep)),
  variance: reduction(ops.variance),
  norm: reduction(ops.norm),
  argmax: ([x], { axis, keepdims }) => ops.argmax(x!, axis, keepdims),
  softmax: ([x], { axis }) => ops.softmax(x!, axis),
  'log-softmax': ([x], { axis }) => ops.logSoftmax(x!, axis),
  'layer-norm': ([x, gain, bias], { epsilon }) => ops.layerNorm(x!, gain!, bias!, epsilon),
  'rms-norm': ([x, gain], { epsilon }) => ops.rmsNorm(x!, gain!, epsilon),
  attention: ([q, k, v, mask], { causal, scale }) => ops.attention(q!, k!, v!, { causal, ...(scale ? { scale } : {}), ...(mask ? { mask } : {}) }),
  'attention-probabilities': ([q, k, v], { causal }) => {
    const { output, probabilities } = ops.attentionWithProbabilities(q!, k!, v!, { causal })
    return [output, probabilities]
  },
  'attention-dropout': ([q, k, v, kept], { rate }) => ops.attention(q!, k!, v!, { keep: ops.where(kept!, 1 / (1 - rate), 0) }),
  'causal-mask': (_, { queries, keys }) => ops.equal(ops.causalBias(queries, keys), 0),
  'lower-triangle': ([x], { diagonal }) => ops.lowerTriangle(x!, diagonal),
  'linear-cross-entropy': ([x, table, targets, bias], { chunks, ignoreIndex: ignore, reduction: kind }) => {
    const { loss, sum } = ops.linearCrossEntropy(x!, table!, targets!, { chunks, ignore, ...(bias ? { bias } : {}) })
    return kind === 'sum' ? sum : loss
  },
  'cross-entropy': ([logits, targets], { ignoreIndex, reduction: kind }) =>
    ops.crossEntropy(logits!, targets!, { ignore: ignoreIndex, reduction: kind }),
  gather: ([x, ids], { axis }) => ops.gather(x!, ids!, axis),
  'gather-elements': ([x, ids], { axis }) => ops.gatherElements(x!, ids!, axis),
  'scatter-add': ([x, ids, rows]) => ops.scatterAdd(x!, ops.reshape(ids!, [-1]), ops.reshape(rows!, [-1, ...x!.shape.slice(1)])),
  'one-hot': ([ids], { depth }) => ops.oneHot(ids!, depth),
  slice: ([x], { starts, ends, axes, steps }) => (axes as number[]).reduce((y, axis, i) => cut(y, axis, starts[i], ends[i], steps[i]), x!),
  concat: (x, { axis }) => ops.concat(x, axis),
  stack: (x, { axis }) => ops.stack(x, axis),
  split: ([x], { sizes, axis }) => ops.split(x!, sizes, axis),
  pad: ([x], { before, after: behind, value }) => x!.shape.reduce<Tensor>((y, _, axis) => ops.pad(y, axis, before[axis], behind[axis], value), x!),
  transpose: ([x], { perm }) => ops.transpose(x!, perm),
  reshape: ([x], { shape }) => ops.reshape(x!, shape),
  expand: ([x], { shape }) => ops.expand(x!, shape),
  squeeze: ([x], { axes }) =>
    (axes as number[])
      .map((axis) => (axis < 0 ? axis + x!.rank : axis))
      .sort((a, b) => b - a)
      .reduce((y, axis) => ops.squeeze(y, axis), x!),
  unsqueeze: ([x], { axes }) => {
    const rank = x!.rank + axes.length
    return (axes as number[])
      .map((axis) => (axis < 0 ? axis + rank : axis))
      .sort((a, b) => a - b)
      .reduce((y, axis) => ops.unsqueeze(y, axis), x!)
  },
  flip: ([x], { axes }) => (axes as number[]).reduce((y, axis) => ops.flip(y, axis), x!),
  cast: ([x], { to }) => ops.cast(x!, to),
  cumsum: ([x], { axis, reverse, exclusive }) => ops.cumulativeSum(x!, axis, { reverse, exclusive }),
  convolution: ([x, kernel, bias], { stride, dilation, padding }) =>
    ops.convolution(x!, kernel!, {
      ...(stride ? { stride } : {}),
      ...(dilation ? { dilation } : {}),
      ...(padding ? { padding } : {}),
      ...(bias ? { bias } : {}),
    }),
  'max-pool': ([x], { size, stride }) => ops.maxPool(x!, size, { stride }),
  'mean-pool': ([x], { size, stride }) => ops.meanPool(x!, size, { stride }),
  'batch-norm': ([x, gain, bias, mean, variance], { evaluation, epsilon, momentum }) => {
    if (evaluation) return ops.normaliseWith(x!, gain!, bias!, { mean: mean!, variance: variance! }, epsilon)
    const { output, updates } = ops.batchNorm(x!, gain!, bias!, { mean: mean!, variance: variance! }, { epsilon, momentum })
    return [output, ...updates.map((update) => update.value)]
  },
  'segment-sum': ([x, segments], { count }) => ops.segmentSum(x!, segments!, count),
  'segment-mean': ([x, segments], { count }) => ops.segmentMean(x!, segments!, count),
  sort: ([x], { descending }) => {
    const { values, ids } = ops.sort(x!, -1, { descending })
    return [values, ids]
  },
  orthogonalize: ([x], { steps }) => ops.orthogonalize(x!, { steps }),
  'top-k': ([x], { k, axis }) => {
    const { values, ids } = ops.topK(x!, k, axis)
    return [values, ids]
  },
}

const typed = ({ dtype, data }: Stored): TypedArray =>
  dtype === 'i32' ? Int32Array.from(data) : dtype === 'bool' ? Uint8Array.from(data) : Float32Array.from(data)

function close(actual: TypedArray, expected: readonly number[], what: string): void {
  if (actual.length !== expected.length) throw new Error(`${what}: ${actual.length} values, PyTorch has ${expected.length}`)
  expected.forEach((value, i) => {
    const got = Number(actual[i])
    if (!(Math.abs(got - value) <= 2e-5 + 2e-5 * Math.abs(value) || (Number.isNaN(got) && Number.isNaN(value))))
      throw new Error(`${what}[${i}]: got ${got}, PyTorch has ${value}`)
  })
}

/** The cases of a fixture file's text. */
export const operationCases = (text: string): OperationCase[] => JSON.parse(text) as OperationCase[]

/** The graph of a case: its inputs, its outputs, and the weights of the outputs whose gradients are stored. */
export interface BuiltCase {
  leaves: Tensor[]
  outputs: readonly Tensor[]
  seeds: (Tensor | undefined)[]
  /** The inputs that have a stored gradient. */
  wrt: Tensor[]
  feeds: Record<string, Feed>
}

/** @throws where no builder knows the operation. */
export function buildCase(stored: OperationCase): BuiltCase {
  const build = builders[stored.op]
  if (!build) throw new Error(`no builder for ${stored.op}`)
  const leaves = stored.inputs.map((x, i) => input(`x${i}`, x.shape, x.dtype))
  const built = build(leaves, stored.attrs)
  const outputs = Array.isArray(built) ? (built as readonly Tensor[]) : [built as Tensor]
  const feeds: Record<string, Feed> = Object.fromEntries(stored.inputs.map((x, i) => [`x${i}`, { shape: x.shape, data: typed(x) }]))
  const seeds = outputs.map((y, i) => {
    if (i > 0 || !stored.weights) return undefined
    feeds.w = { shape: stored.outputs[0]!.shape, data: Float32Array.from(stored.weights) }
    return input('w', y.shape)
  })
  return { leaves, outputs, seeds, wrt: stored.gradients.map((g) => leaves[g.input]!), feeds }
}

/** Runs a program with those of the feeds that it takes. */
export async function runWith(executor: Executor, outputs: Record<string, Tensor>, feeds: readonly Record<string, Feed>[]) {
  const executable = await executor.compile({ outputs })
  try {
    const wanted = new Set(executable.feeds)
    const results: RunResult['outputs'][] = []
    for (const all of feeds) {
      const given = Object.fromEntries(Object.entries(all).filter(([name]) => wanted.has(name)))
      results.push((await executable.bind({}).run({ feeds: given })).outputs)
    }
    return results
  } finally {
    await executable.dispose()
  }
}

/** Computes a case and its gradients. @throws where a value differs from PyTorch's by more than 2e-5 (absolute and relative). */
export async function checkOperation(executor: Executor, stored: OperationCase): Promise<void> {
  const { outputs, seeds, wrt, feeds } = buildCase(stored)
  const tensors: Record<string, Tensor> = Object.fromEntries(outputs.map((x, i) => [`y${i}`, x]))
  if (wrt.length > 0)
    grad(outputs, wrt, seeds).forEach((g, i) => {
      tensors[`g${i}`] = g.tensor
    })
  const [result] = await runWith(executor, tensors, [feeds])
  stored.outputs.forEach((y, i) => {
    const { shape, data } = result![`y${i}`]!
    if (String(shape) !== String(y.shape)) throw new Error(`output ${i}: has the shape [${shape}], PyTorch has [${y.shape}]`)
    close(data, y.data.map(Number), `output ${i}`)
  })
  stored.gradients.forEach((g, i) => {
    close(result![`g${i}`]!.data, g.data, `gradient of input ${g.input}`)
  })
}
