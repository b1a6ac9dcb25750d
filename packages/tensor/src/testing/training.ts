// A tiny causal Transformer trained on a made-up language: the same 50 losses have to come from every executor. Runs in Node and in a page.

import type { Executor } from '../executor/executor.js'
import { dim } from '../graph/dim.js'
import * as ops from '../graph/ops/index.js'
import { input, parameter, type Tensor } from '../graph/tensor.js'
import { trainingStep } from '../optim/step.js'
import { adamw } from '../optim/transforms.js'

const [vocabulary, hidden, heads, inner, layers, batch, time] = [48, 32, 4, 64, 2, 8, 16]

/** Every operation of a Transformer's step: embeddings, attention, layer norms, GELU, dropout, a tied head and its loss. */
function model() {
  const parameters = new Map<string, Tensor>()
  const weight = (path: string, shape: readonly number[]) => {
    const known = parameters.get(path) ?? parameter(path, shape)
    parameters.set(path, known)
    return known
  }
  const linear = (path: string, x: Tensor, from: number, to: number) =>
    ops.linear(x, weight(`${path}.weight`, [from, to]), weight(`${path}.bias`, [to]))
  const norm = (path: string, x: Tensor) => ops.layerNorm(x, weight(`${path}.norm.weight`, [hidden]), weight(`${path}.norm.bias`, [hidden]), 1e-5)
  const ids = input('ids', [dim('batch'), dim('time')], 'i32')
  const targets = input('targets', [dim('batch'), dim('time')], 'i32')
  const table = weight('token.weight', [vocabulary, hidden])
  const positions = ops.slice(weight('position.weight', [time, hidden]), 0, 0, dim('time'))
  let h = ops.reshape(ops.add(ops.gather(table, ids), positions), [-1, hidden])
  for (let n = 0; n < layers; n++) {
    const joint = ops.reshape(linear(`${n}.qkv`, norm(`${n}.attention`, h), hidden, 3 * hidden), [
      dim('batch'),
      dim('time'),
      3,
      heads,
      hidden / heads,
    ])
    const [q, k, v] = ops.split(ops.transpose(joint, [2, 0, 3, 1, 4]), [1, 1, 1], 0).map((x) => ops.squeeze(x, 0)) as [Tensor, Tensor, Tensor]
    const mixed = ops.reshape(ops.transpose(ops.attention(q, k, v, { causal: true }), [0, 2, 1, 3]), [-1, hidden])
    h = ops.add(h, ops.dropout(linear(`${n}.output`, mixed, hidden, hidden), 0.1, `${n}.dropout`))
    h = ops.add(h, linear(`${n}.down`, ops.gelu(linear(`${n}.up`, norm(`${n}.feedforward`, h), hidden, inner)), inner, hidden))
  }
  const { loss } = ops.linearCrossEntropy(norm('last', h), table, ops.reshape(targets, [-1]))
  return { loss, parameters }
}

/** Sentences in which a token mostly follows from the one before it: the next one is 5 t + 3, and at random one time in four. */
function sentences(random: () => number): { ids: Int32Array; targets: Int32Array } {
  const ids = new Int32Array(batch * time)
  const targets = new Int32Array(batch * time)
  for (let row = 0; row < batch; row++) {
    let token = Math.floor(random() * vocabulary)
    for (let i = 0; i < time; i++) {
      ids[row * time + i] = token
      token = random() < 0.25 ? Math.floor(random() * vocabulary) : (5 * token + 3) % vocabulary
      targets[row * time + i] = token
    }
  }
  return { ids, targets }
}

/** A linear congruential generator (Numerical Recipes): the same numbers everywhere. */
function generator(seed: number): () => number {
  let state = seed
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32
}

export interface TinyTraining {
  losses: number[]
  /** Σ |x| over all parameters at the end. */
  magnitude: number
  /** Median time of a step. */
  milliseconds: number
}

/** Trains the model; losses, masks and data are a function of the number of steps alone. */
export async function trainTiny(executor: Executor, steps = 50): Promise<TinyTraining> {
  const { loss, parameters } = model()
  const { step, states } = trainingStep({ loss, parameters: [...parameters.values()], optimizer: adamw({ clip: 1, weightDecay: 0.01 }) })
  const [params, gradients, optimizer] = await Promise.all([executor.store('params'), executor.store('gradients'), executor.store('optimizer')])
  await params.declare(states.params)
  await gradients.declare(states.gradients)
  await optimizer.declare(states.optimizer)
  let seed = 1
  for (const [path, { rank }] of parameters)
    await params.fill(path, rank > 1 ? { std: 0.08, seed: seed++ } : { value: path.endsWith('norm.weight') ? 1 : 0 })
  const executable = await executor.compile(step)
  const bound = executable.bind({ params, gradients, optimizer })
  const random = generator(7)
  const losses: number[] = []
  const times: number[] = []
  for (let i = 0; i < steps; i++) {
    const { ids, targets } = sentences(random)
    const feeds = { ids: { data: ids, shape: [batch, time] }, targets: { data: targets, shape: [batch, time] } }
    const start = performance.now()
    const { outputs } = await bound.run({ feeds, scalars: { rate: 3e-3 }, seed: 3, step: i })
    times.push(performance.now() - start)
    losses.push(Number(outputs.loss!.data[0]))
  }
  let magnitude = 0
  for (const path of parameters.keys()) for (const x of await params.read(path)) magnitude += Math.abs(Number(x))
  for (const x of [executable, params, gradients, optimizer]) await x.dispose()
  return { losses, magnitude, milliseconds: times.sort((a, b) => a - b)[steps >> 1]! }
}

/** @throws where a loss of one executor is further than fp32 arithmetic explains from that of another: 1e-4, relative and absolute. */
export function sameTraining(actual: TinyTraining, expected: TinyTraining): void {
  const close = (a: number, b: number, what: string) => {
    if (!(Math.abs(a - b) <= 1e-4 * (1 + Math.abs(b)))) throw new Error(`${what}: ${a}, expected ${b}`)
  }
  if (actual.losses.length !== expected.losses.length) throw new Error(`${actual.losses.length} losses, expected ${expected.losses.length}`)
  actual.losses.forEach((loss, i) => {
    close(loss, expected.losses[i]!, `loss at step ${i + 1}`)
  })
  close(actual.magnitude / expected.magnitude, 1, 'the parameters at the end, as a fraction of those expected')
}
