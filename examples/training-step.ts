// Training as a program: forward, backward and AdamW in one, and an evaluation program that reads the same parameters without copying them.
import { adamw, createExecutor, dim, input, linear, ops, parameter, trainingStep } from '@thaw/tensor'

// a network for XOR: 2 inputs, 8 hidden units, 2 classes
const x = input('x', [dim('batch'), 2])
const y = input('y', [dim('batch')], 'i32')
const weights = {
  up: parameter('hidden.weight', [2, 8]),
  upBias: parameter('hidden.bias', [8]),
  down: parameter('output.weight', [8, 2]),
}
const logits = ops.matmul(ops.tanh(ops.linear(x, weights.up, weights.upBias)), weights.down) // [batch, 2]
const loss = ops.crossEntropy(logits, y)

const executor = await createExecutor({ threads: 1 })
const programs = trainingStep({ loss, parameters: Object.values(weights), optimizer: adamw({ weightDecay: 0 }) })
const stores = { params: await executor.store('params'), gradients: await executor.store('gradients'), optimizer: await executor.store('optimizer') }
for (const [name, store] of Object.entries(stores)) await store.declare(programs.states[name as keyof typeof stores])
await stores.params.fill('hidden.weight', { std: 1, seed: 1 })
await stores.params.fill('output.weight', { std: 1, seed: 2 })

const step = (await executor.compile(programs.step)).bind(stores)
const predict = (await executor.compile({ outputs: { classes: ops.argmax(logits) } }, { inference: true })).bind(stores)

const feeds = { x: { data: Float32Array.of(0, 0, 0, 1, 1, 0, 1, 1), shape: [4, 2] }, y: { data: Int32Array.of(0, 1, 1, 0), shape: [4] } }
const schedule = linear({ warmup: 10, total: 200 })
for (let i = 0; i <= 200; i++) {
  const { outputs, values } = await step.run({ feeds, scalars: { rate: 0.05 * schedule(i) }, seed: 1, step: i })
  if (i % 100 === 0) console.log(`step ${i}: loss ${Number(outputs.loss.data[0]).toFixed(2)}, gradient norm ${values.gradientNorm.toFixed(1)}`)
}
console.log('classes', (await predict.run({ feeds: { x: feeds.x } })).outputs.classes.data.join(' '))
await executor[Symbol.asyncDispose]()
// step 0: loss 0.89, gradient norm 0.6
// step 100: loss 0.01, gradient norm 0.0
// step 200: loss 0.01, gradient norm 0.0
// classes 0 1 1 0
