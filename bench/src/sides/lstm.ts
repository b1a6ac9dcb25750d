// Our side of `lstm-step`: forward and backward of one LSTM layer, its input's gradient included, in a process of its own. Arguments: hidden,
// batch, time. Speaks the peers' protocol: a line {"steps": n} on stdin, a line {"milliseconds": [...], "loss", "peakBytes"} on stdout.

import { createInterface } from 'node:readline'
import { createExecutor, ops, parameter, sgd, state, trainingStep } from '@thaw/tensor'
import { lstm, Scope } from 'thaw'
import { peakMemory } from '../peer.js'

const [hidden, batch, time] = process.argv.slice(2).map(Number) as [number, number, number]
const scope = new Scope({ training: true })
const x = parameter('x', [batch, time, hidden])
const weights = state('data', 'weights', [batch, time, hidden])
const { output } = lstm(scope, 'lstm', x, { inputs: hidden, hidden })
const parameters = [x, ...scope.parameters.values()]
const { gradients, states } = trainingStep({ loss: ops.sum(ops.mul(output, weights)), parameters, optimizer: sgd() })

const executor = await createExecutor({ threads: 2, worker: process.env.INLINE !== '1' })
const stores = { params: await executor.store('params'), gradients: await executor.store('gradients'), data: await executor.store('data') }
await stores.params.declare(parameters)
await stores.gradients.declare(states.gradients)
await stores.data.declare([weights])
await stores.data.fill('weights', { std: 1, seed: 1 })
for (const [path] of scope.parameters) await stores.params.fill(path, { std: 0.5 / Math.sqrt(hidden), seed: path.length })
await stores.params.fill('x', { std: 1, seed: 2 })
const bound = (await executor.compile(gradients)).bind(stores)

for await (const line of createInterface({ input: process.stdin })) {
  const { steps } = JSON.parse(line) as { steps: number }
  const milliseconds: number[] = []
  let loss = 0
  for (let i = 0; i < steps; i++) {
    const start = performance.now()
    loss = Number((await bound.run()).outputs.loss!.data[0])
    milliseconds.push(performance.now() - start)
  }
  console.log(JSON.stringify({ milliseconds, loss, peakBytes: peakMemory() }))
}
process.exit(0)
