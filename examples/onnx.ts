// ONNX out and in: a small network is written as a file that any runtime reads, read back as a graph, and differentiated.
import { mkdir, writeFile } from 'node:fs/promises'
import { createExecutor, dim, grad, input, ops, parameter, readOnnxFile, writeOnnx } from '@thaw/tensor'

const x = input('x', [dim('batch'), 2])
const hidden = ops.gelu(ops.linear(x, parameter('up.weight', [2, 3]), parameter('up.bias', [3])))
const values = {
  'up.weight': { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
  'up.bias': { shape: [3], data: Float32Array.of(0, 1, 2) },
}
await mkdir('runs', { recursive: true })
await writeFile('runs/gelu.onnx', writeOnnx({ hidden }, { parameters: new Map(Object.entries(values)) }))

const model = await readOnnxFile('runs/gelu.onnx')
for (const [path, { shape }] of model.parameters) console.log(path, shape.join(' × '))
const loss = ops.sum(model.outputs.hidden)
const weights = [...model.parameters.values()].map(({ tensor }) => tensor)
const [gradient] = grad(loss, weights)

const executor = await createExecutor({ threads: 1 })
const params = await executor.store('params')
await params.declare(weights)
for (const [path, { data }] of model.parameters) await params.write(path, data)
const program = await executor.compile({ outputs: { loss, gradient: gradient.tensor } })
const { outputs } = await program.bind({ params }).run({ feeds: { x: { data: Float32Array.of(1, 0), shape: [1, 2] } } })
console.log('loss', Number(outputs.loss.data[0]).toFixed(2))
console.log('gradient', [...outputs.gradient.data].map((value) => Number(value).toFixed(2)).join(' '))
await executor[Symbol.asyncDispose]()
// up.weight 2 × 3
// up.bias 3
// loss 8.84
// gradient 1.08 1.01 1.00 0.00 0.00 0.00
