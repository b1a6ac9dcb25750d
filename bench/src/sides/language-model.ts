// Our side of `train-step`: a whole training step of a language model, in a process of its own so that its peak memory is its own.
// Speaks the peers' protocol: a line {"steps": n} on stdin, a line {"milliseconds": [...], "loss", "peakBytes"} on stdout.

import { createInterface } from 'node:readline'
import { adamw, createExecutor, dim, input, ops, trainingStep } from '@thaw/tensor'
import { Scope, type TransformerConfig, transformer } from 'thaw'
import { peakMemory } from '../peer.js'
import { configurations } from './configurations.js'

const [name = 'a', chunks = '1'] = process.argv.slice(2)
const { batch, time, ...sizes } = configurations[name]!
const config: TransformerConfig = {
  ...sizes,
  positions: time,
  block: 'pre',
  causal: false,
  positionKind: 'learned',
  activation: 'gelu-tanh',
  dropout: 0,
  normEpsilon: 1e-5,
  segments: 0,
  pooler: false,
}

const scope = new Scope({ training: true })
const ids = input('ids', [dim('batch'), dim('time')], 'i32')
const targets = input('targets', [dim('batch'), dim('time')], 'i32')
const { hidden } = transformer(scope, config, { ids })
const table = scope.parameter('embeddings.token.weight', [config.vocabulary, config.hidden])
const { loss } = ops.linearCrossEntropy(hidden, table, ops.reshape(targets, [-1]), { chunks: Number(chunks) })
const { step, states } = trainingStep({ loss, parameters: [...scope.parameters.values()], optimizer: adamw() })

const executor = await createExecutor({ threads: 2, worker: process.env.INLINE !== '1', arena: process.env.ARENA !== '0' })
const stores = { params: await executor.store('params'), gradients: await executor.store('gradients'), optimizer: await executor.store('optimizer') }
for (const [namespace, tensors] of Object.entries(states)) await stores[namespace as keyof typeof stores].declare(tensors)
let seed = 1
const random = () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return seed / 2 ** 32
}
for (const [path, parameter] of scope.parameters) {
  const size = (parameter.shape as number[]).reduce((a, b) => a * b, 1)
  const values = new Float32Array(size)
  if (parameter.rank > 1) for (let i = 0; i < size; i++) values[i] = 0.02 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  else if (path.includes('norm') && path.endsWith('weight')) values.fill(1)
  await stores.params.write(path, values)
}
const bound = (await executor.compile(step, { shapes: process.env.FIXED === '1' ? [{ batch, time }] : [] })).bind(stores)
const feed = () => ({ data: Int32Array.from({ length: batch * time }, () => Math.floor(random() * config.vocabulary)), shape: [batch, time] })
const feeds = { ids: feed(), targets: feed() }

for await (const line of createInterface({ input: process.stdin })) {
  const { steps } = JSON.parse(line) as { steps: number }
  const milliseconds: number[] = []
  let last = 0
  for (let i = 0; i < steps; i++) {
    const start = performance.now()
    last = Number((await bound.run({ feeds, scalars: { rate: 1e-4 } })).outputs.loss!.data[0])
    milliseconds.push(performance.now() - start)
  }
  console.log(JSON.stringify({ milliseconds, loss: last, peakBytes: peakMemory() }))
}
process.exit(0)
