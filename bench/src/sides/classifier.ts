// Our side of `frozen-step`: a training step of a classifier on an encoder, whole or with the encoder frozen, in a process of its own. Arguments:
// the configuration, `head` or `all`. The mean of the last hidden states over time goes through one linear layer, as in bench/peers/frozen_step.py.
// Speaks the peers' protocol: a line {"steps": n} on stdin, a line {"milliseconds": [...], "loss", "peakBytes", "parameters"} on stdout.

import { createInterface } from 'node:readline'
import { adamw, createExecutor, dim, input, ops, trainingStep } from '@thaw/tensor'
import { Scope, type TransformerConfig, transformer } from 'thaw'
import { peakMemory } from '../peer.js'
import { configurations } from './configurations.js'

const [name = 'b', train = 'head'] = process.argv.slice(2)
const classes = 6
const { batch, time, ...sizes } = configurations[name]!
const config: TransformerConfig = {
  ...sizes,
  ...{ positions: time, block: 'pre', causal: false, positionKind: 'learned', activation: 'gelu-tanh' },
  ...{ dropout: 0, normEpsilon: 1e-5, segments: 0, pooler: false },
}

const scope = new Scope({ training: true })
const ids = input('ids', [dim('batch'), dim('time')], 'i32')
const labels = input('labels', [dim('batch')], 'i32')
const { hidden } = transformer(scope, config, { ids })
const pooled = ops.mean(ops.reshape(hidden, [dim('batch'), dim('time'), config.hidden]), 1)
const encoder = [...scope.parameters.values()]
const head = [scope.parameter('heads.classification.weight', [config.hidden, classes]), scope.parameter('heads.classification.bias', [classes])]
const loss = ops.crossEntropy(ops.linear(pooled, head[0]!, head[1]!), labels)
const trained = train === 'head' ? head : [...encoder, ...head]
const { step, states } = trainingStep({ loss, parameters: trained, optimizer: adamw() })

const executor = await createExecutor({ threads: 2 })
const stores = { params: await executor.store('params'), gradients: await executor.store('gradients'), optimizer: await executor.store('optimizer') }
await stores.params.declare([...scope.parameters.values()])
await stores.gradients.declare(states.gradients)
await stores.optimizer.declare(states.optimizer)
let seed = 1
for (const [path, { rank }] of scope.parameters)
  await stores.params.fill(path, rank > 1 ? { std: 0.02, seed: seed++ } : { value: path.endsWith('norm.weight') ? 1 : 0 })
const bound = (await executor.compile(step)).bind(stores)
const random = (count: number, below: number) => Int32Array.from({ length: count }, (_, i) => (Math.imul(i + 1, 2654435761) >>> 0) % below)
const feeds = {
  ids: { data: random(batch * time, config.vocabulary), shape: [batch, time] },
  labels: { data: random(batch, classes), shape: [batch] },
}
const parameters = trained.reduce((sum, x) => sum + (x.shape as number[]).reduce((a, b) => a * b, 1), 0)

for await (const line of createInterface({ input: process.stdin })) {
  const { steps } = JSON.parse(line) as { steps: number }
  const milliseconds: number[] = []
  let last = 0
  for (let i = 0; i < steps; i++) {
    const start = performance.now()
    last = Number((await bound.run({ feeds, scalars: { rate: 1e-4 } })).outputs.loss!.data[0])
    milliseconds.push(performance.now() - start)
  }
  console.log(JSON.stringify({ milliseconds, loss: last, peakBytes: peakMemory(), parameters }))
}
process.exit(0)
