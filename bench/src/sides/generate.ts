// Our side of `generate`: greedy continuation of eight tokens by a random GPT-2-shaped model, with the cache. Argument: configuration.
// A line {"tokens": n} on stdin, a line {"milliseconds": [n numbers], "peakBytes"} on stdout.

import { createInterface } from 'node:readline'
import { createExecutor } from '@thaw/tensor'
import { configOf, createDecoder, parameterShapes } from 'thaw'
import { peakMemory } from '../peer.js'
import { generators } from './configurations.js'

const config = configOf('nano', generators[process.argv[2]!]!)
const executor = await createExecutor({ threads: 2 })
const params = await executor.store('params')
const shapes = parameterShapes(config)
await params.declare([...shapes].map(([path, shape]) => ({ path, shape, dtype: 'f32' })))
let seed = 1
for (const [path, shape] of shapes)
  await params.fill(path, shape.length > 1 ? { std: 0.02, seed: seed++ } : { value: path.endsWith('norm.weight') ? 1 : 0 })
const decoder = await createDecoder(executor, config, params)
await params.dispose()

const best = (logits: Float32Array) => logits.reduce((top, value, id) => (value > logits[top]! ? id : top), 0)
for await (const line of createInterface({ input: process.stdin })) {
  const { tokens } = JSON.parse(line) as { tokens: number }
  const milliseconds: number[] = []
  let [logits] = await decoder.start([[1, 2, 3, 4, 5, 6, 7, 8]], tokens)
  for (let i = 0; i < tokens; i++) {
    const start = performance.now()
    ;[logits] = await decoder.next([best(logits!)])
    milliseconds.push(performance.now() - start)
  }
  console.log(JSON.stringify({ milliseconds, peakBytes: peakMemory() }))
}
process.exit(0)
