// What the engine writes, before ONNX's own checker (`onnx.checker.check_model(full_check=True)`, from Python): every stored case of every operation
// with its gradients, and whole programs of a Transformer and of an LSTM. The portable form has operations of the ONNX standard only, is checked
// completely, and the operations are also computed by ONNX's reference implementation and compared with PyTorch's stored values. The form that the
// engine runs itself has `FusedMatMul`, which is ONNX Runtime's: of such nodes the checker knows the structure alone; ONNX Runtime itself loads and
// runs that form in the engine's tests.

import { readFileSync } from 'node:fs'
import { adamw, compileProgram, dim, grad, input, lower, ops, type Program, type Tensor, trainingStep } from '@thaw/tensor'
import { lstm, Scope, type TransformerConfig, transformer } from 'thaw'
import { buildCase, type OperationCase, operationCases } from '../../packages/tensor/dist/testing/operations.js'
import type { BenchOptions } from './benchmark.js'
import { repositoryRoot } from './folders.js'
import { type Peer, startPeer } from './peer.js'
import type { Row } from './row.js'

export const about = 'whether ONNX’s own checker accepts what the engine writes: every operation with its gradients, training, evaluation, generation'

/** In the README's table. */
export const headline = ({ config, metric }: Row): string | undefined =>
  metric === 'valid_models' && config.name === 'operations, portable'
    ? "Exported operations that ONNX's checker and stock ONNX Runtime accept"
    : undefined

interface Model {
  name: string
  model: Uint8Array
  /** What the outputs have to be; then feeds are given too. */
  expected?: Record<string, readonly number[]>
  feeds?: Record<string, { dtype: string; shape: readonly number[]; data: readonly number[] }>
}

interface Answer {
  valid: boolean
  problem?: string
  nodes: number
  foreign: number
  values?: Record<string, (number | null)[]>
}

/** A stored case with its gradients as one model, and PyTorch's values of its outputs. */
function operationModel(stored: OperationCase, portable: boolean): Model {
  const { outputs, seeds, wrt, feeds } = buildCase(stored)
  const named: Record<string, Tensor> = Object.fromEntries(outputs.map((x, i) => [`y${i}`, x]))
  if (wrt.length > 0)
    grad(outputs, wrt, seeds).forEach((g, i) => {
      named[`g${i}`] = g.tensor
    })
  const lowered = lower(named, { portable })
  const model = { name: `${stored.op}: ${stored.name}`, model: lowered.model }
  if (!portable) return model
  const types = new Map(lowered.feeds.map(({ name, dtype }) => [name, dtype]))
  return {
    ...model,
    feeds: Object.fromEntries(
      Object.entries(feeds)
        .filter(([name]) => types.has(name))
        .map(([name, { data, shape }]) => [name, { dtype: types.get(name)!, shape, data: Array.from(data as Float32Array) }]),
    ),
    expected: {
      ...Object.fromEntries(stored.outputs.map((y, i) => [`y${i}`, y.data.map(Number)])),
      ...Object.fromEntries(stored.gradients.map((g, i) => [`g${i}`, g.data])),
    },
  }
}

const config: TransformerConfig = {
  ...{ layers: 2, hidden: 16, heads: 2, inner: 32, vocabulary: 50, positions: 12, block: 'pre', causal: true, positionKind: 'learned' },
  ...{ activation: 'gelu-tanh', dropout: 0.1, normEpsilon: 1e-5, segments: 0, pooler: false },
}

/** Programs as the toolkit builds them. */
function programs(): Record<string, Program> {
  const [ids, targets] = ['ids', 'targets'].map((name) => input(name, [dim('batch'), dim('time')], 'i32')) as [Tensor, Tensor]
  const model = (training: boolean) => {
    const scope = new Scope({ training })
    const { hidden } = transformer(scope, config, { ids })
    const table = scope.parameter('embeddings.token.weight', [config.vocabulary, config.hidden])
    const { loss } = ops.linearCrossEntropy(hidden, table, ops.reshape(targets, [-1]), { chunks: 2 })
    return { loss, logits: ops.matmul(hidden, table, { transB: true }), parameters: [...scope.parameters.values()] }
  }
  const [training, evaluation] = [model(true), model(false)]
  const step = (form: 'kernels' | 'graph') =>
    trainingStep({ loss: training.loss, parameters: training.parameters, optimizer: adamw({ clip: 1 }), form })
  const recurrent = new Scope({ training: true })
  const x = input('x', [dim('batch'), dim('time'), 8])
  const { output } = lstm(recurrent, 'lstm', x, { inputs: 8, hidden: 8 })
  const lstmStep = trainingStep({ loss: ops.mean(ops.square(output)), parameters: [...recurrent.parameters.values()], optimizer: adamw() })
  const again = ops.checkpoint([evaluation.logits], ([logits]) => [ops.softmax(ops.tanh(logits!))])[0]!
  return {
    'Transformer, training step': step('kernels').step,
    'Transformer, training step with its optimizer in the graph': step('graph').step,
    'Transformer, evaluation': { outputs: { loss: evaluation.loss } },
    'Transformer, next tokens': { outputs: { next: ops.argmax(evaluation.logits), logits: evaluation.logits } },
    'Transformer, a checkpoint': trainingStep({ loss: ops.sum(again), parameters: evaluation.parameters, optimizer: adamw() }).gradients,
    'LSTM, training step': lstmStep.step,
  }
}

/** The largest deviation, relative where values are large. Where the reference implementation itself overflows there is nothing to compare with. */
const deviation = (actual: readonly (number | null)[], expected: readonly number[]) =>
  actual.length === expected.length
    ? Math.max(0, ...expected.map((value, i) => Math.abs((actual[i] ?? value) - value) / (1 + Math.abs(value))))
    : Number.POSITIVE_INFINITY

async function check(peer: Peer, group: string, models: readonly Model[], { log }: BenchOptions): Promise<Row[]> {
  const problems: string[] = []
  let [nodes, foreign, worst] = [0, 0, 0]
  for (const { name, model, feeds, expected } of models) {
    const request = { model: Buffer.from(model).toString('base64'), ...(expected ? { feeds, outputs: Object.keys(expected) } : {}) }
    const answer = await peer.ask<Answer>(request)
    nodes += answer.nodes
    foreign += answer.foreign
    if (!answer.valid) problems.push(`${name}: ${answer.problem}`)
    for (const [output, values] of Object.entries(expected ?? {})) {
      if (!answer.values) continue
      const off = deviation(answer.values[output]!, values)
      worst = Math.max(worst, off)
      if (!(off < 1e-4)) problems.push(`${name}: ${output} is off by ${off} in ONNX's reference implementation`)
    }
  }
  if (problems.length > 0) throw new Error(`onnx-check, ${group}: ${problems.length} of ${models.length} models fail\n${problems.join('\n')}`)
  const values = models.some(({ expected }) => expected)
  const config = { name: group, models: models.length, nodes, foreign }
  log(
    `${group}: ${models.length} models, ${nodes} nodes, ${foreign} of them ONNX Runtime's own${values ? `; values within ${worst.toExponential(1)} of PyTorch's` : ''}`,
  )
  const row = (metric: string, unit: string, ours: number): Row => ({ bench: 'onnx-check', config, metric, unit, ours })
  return [row('valid_models', 'models', models.length), ...(values ? [row('largest_deviation', '', worst)] : [])]
}

export async function run(options: BenchOptions): Promise<Row[]> {
  await using peer = startPeer('onnx_check.py')
  const cases = operationCases(readFileSync(`${repositoryRoot}/packages/tensor/fixtures/ops.json`, 'utf8'))
  const rows: Row[] = []
  for (const portable of [true, false]) {
    const form = portable ? 'portable' : 'as run'
    const groups: Record<string, () => Model[]> = {
      operations: () => cases.map((stored) => operationModel(stored, portable)),
      programs: () => Object.entries(programs()).map(([name, program]) => ({ name, model: compileProgram(program, { portable }).model })),
    }
    for (const [group, models] of Object.entries(groups))
      if (options.only.length === 0 || options.only.includes(group)) rows.push(...(await check(peer, `${group}, ${form}`, models(), options)))
  }
  return rows
}
