// A process of its own for memory tests: sixteen training programs are compiled, run once, and kept or disposed of. Prints the resident memory.

import { createExecutor } from '../executor/onnxruntime/index.js'
import { trainingStep } from '../optim/step.js'
import { sgd } from '../optim/transforms.js'
import { languageModel } from './block.js'

const keep = process.argv[2] === 'kept'
const { loss, parameters } = languageModel({ layers: 2, hidden: 64, heads: 4, inner: 256, vocabulary: 50, positions: 64 })
const { step, states } = trainingStep({ loss, parameters: [...parameters.values()], optimizer: sgd() })
const executor = await createExecutor({ threads: 2, worker: false })
const [params, gradients] = [await executor.store('params'), await executor.store('gradients')]
await params.declare(states.params)
await gradients.declare(states.gradients)
const feed = { data: new Int32Array(16 * 64), shape: [16, 64] }
for (let i = 0; i < 16; i++) {
  const program = await executor.compile(step)
  await program.bind({ params, gradients }).run({ feeds: { ids: feed, targets: feed }, scalars: { rate: 0.01 } })
  if (!keep) await program.dispose()
}
console.log(JSON.stringify({ resident: process.memoryUsage().rss }))
