// Every operation against PyTorch: values and gradients stored in fixtures/ops.json (made by bench/peers/make_op_fixtures.py).

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, describe as suite, test } from 'node:test'
import { testExecutor } from '../../testing/run.js'
import type { DType, TypedArray } from '../dtype.js'
import { grad } from '../grad.js'
import { input, type Tensor } from '../tensor.js'
import * as ops from './index.js'

interface Stored {
  dtype: DType
  shape: number[]
  data: number[]
}
// biome-ignore lint/suspicious/noExplicitAny: attributes as stored
type Attrs = any
interface Case {
  op: string
  name: string
  attrs: Attrs
  inputs: (Stored & { name: string })[]
  outputs: Stored[]
  weights?: Stored | Stored[]
  gradients: { input: number; shape: number[]; data: number[] }[]
}

const byName = Object.fromEntries(Object.entries(ops)) as Record<string, (...x: Tensor[]) => Tensor>
const cases = JSON.parse(readFileSync(new URL('../../../fixtures/ops.json', import.meta.url), 'utf8')) as Case[]

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
  argmax: ([x], { axis, keepdims }) => ops.argmax(x!, axis, keepdims),
  softmax: ([x], { axis }) => ops.softmax(x!, axis),
  'log-softmax': ([x], { axis }) => ops.logSoftmax(x!, axis),
  'layer-norm': ([x, gain, bias], { epsilon }) => ops.layerNorm(x!, gain!, bias!, epsilon),
  'rms-norm': ([x, gain], { epsilon }) => ops.rmsNorm(x!, gain!, epsilon),
  attention: ([q, k, v, mask], { causal, scale }) => ops.attention(q!, k!, v!, { causal, ...(scale ? { scale } : {}), ...(mask ? { mask } : {}) }),
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
  assert.equal(actual.length, expected.length, `${what}: length`)
  expected.forEach((value, i) => {
    const got = Number(actual[i])
    assert.ok(
      Math.abs(got - value) <= 2e-5 + 2e-5 * Math.abs(value) || (Number.isNaN(got) && Number.isNaN(value)),
      `${what}[${i}]: got ${got}, PyTorch has ${value}`,
    )
  })
}

suite('operations against PyTorch', () => {
  after(async () => {
    await (await testExecutor())[Symbol.asyncDispose]()
  })
  for (const stored of cases.filter(({ op }) => op !== 'causal-mask')) {
    test(`${stored.op}: ${stored.name}`, async () => {
      const build = builders[stored.op]
      assert.ok(build, `no builder for ${stored.op}`)
      const leaves = stored.inputs.map((x, i) => input(`x${i}`, x.shape, x.dtype))
      const built = build(leaves, stored.attrs)
      const outputs = Array.isArray(built) ? (built as readonly Tensor[]) : [built as Tensor]
      const tensors: Record<string, Tensor> = Object.fromEntries(outputs.map((x, i) => [`y${i}`, x]))
      const feeds = Object.fromEntries(stored.inputs.map((x, i) => [`x${i}`, { shape: x.shape, data: typed(x) }]))
      if (stored.gradients.length > 0) {
        const weights = (Array.isArray(stored.weights) ? stored.weights : [stored.weights]) as (Stored | number[] | undefined)[]
        const flat = Array.isArray(stored.weights) && typeof stored.weights[0] === 'number' ? [stored.weights as unknown as number[]] : weights
        const seeds = outputs.map((y, i) => {
          const weight = flat[i]
          if (weight === undefined || y.dtype !== 'f32') return undefined
          feeds[`w${i}`] = { shape: stored.outputs[i]!.shape, data: Float32Array.from(Array.isArray(weight) ? weight : weight.data) }
          return input(`w${i}`, y.shape)
        })
        const wrt = stored.gradients.map((g) => leaves[g.input]!)
        grad(outputs, wrt, seeds).forEach((g, i) => {
          tensors[`g${i}`] = g.tensor
        })
      }
      const used = Object.fromEntries(Object.entries(feeds))
      const executor = await testExecutor()
      const executable = await executor.compile({ outputs: tensors })
      const wanted = new Set(executable.feeds)
      const result = await executable.bind({}).run({ feeds: Object.fromEntries(Object.entries(used).filter(([name]) => wanted.has(name))) })
      stored.outputs.forEach((y, i) => {
        assert.deepEqual(result.outputs[`y${i}`]!.shape, y.shape)
        close(result.outputs[`y${i}`]!.data, y.data.map(Number), `output ${i}`)
      })
      stored.gradients.forEach((g, i) => {
        close(result.outputs[`g${i}`]!.data, g.data, `gradient of input ${g.input}`)
      })
      await executable.dispose()
    })
  }
})
