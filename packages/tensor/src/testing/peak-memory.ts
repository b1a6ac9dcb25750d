// A process of its own for memory tests: one training step of a deep Transformer, with its activations kept or computed again. Prints the
// largest resident memory and the loss. On Linux that is VmHWM: `maxRSS` would never be below the memory of the process that started this one.

import { existsSync, readFileSync } from 'node:fs'
import { createExecutor } from '../executor/onnxruntime/index.js'
import * as ops from '../graph/ops/index.js'
import { trainingStep } from '../optim/step.js'
import { sgd } from '../optim/transforms.js'
import { languageModel } from './block.js'

const recompute = process.argv[2] === 'recomputed'
const { loss, parameters } = languageModel({ layers: 10, hidden: 64, heads: 4, inner: 256, vocabulary: 50, positions: 64 }, (h, block) =>
  recompute ? ops.checkpoint([h], ([x]) => [block(x!)])[0]! : block(h),
)
const { step, states } = trainingStep({ loss, parameters: [...parameters.values()], optimizer: sgd() })
const executor = await createExecutor({ threads: 2, worker: false })
const [params, gradients] = [await executor.store('params'), await executor.store('gradients')]
await params.declare(states.params)
await gradients.declare(states.gradients)
let seed = 1
for (const [path, { rank }] of parameters)
  await params.fill(path, rank > 1 ? { std: 0.1, seed: seed++ } : { value: path.endsWith('norm.weight') ? 1 : 0 })
const bound = (await executor.compile(step)).bind({ params, gradients })
const feed = { data: Int32Array.from({ length: 32 * 64 }, (_, i) => (i * 7) % 50), shape: [32, 64] }
let last = 0
for (let i = 0; i < 2; i++) last = Number((await bound.run({ feeds: { ids: feed, targets: feed }, scalars: { rate: 0.01 } })).outputs.loss!.data[0])
const status = '/proc/self/status'
const peak = existsSync(status) ? Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(status, 'utf8'))![1]) : process.resourceUsage().maxRSS
console.log(JSON.stringify({ peak: peak * 1024, loss: last }))
