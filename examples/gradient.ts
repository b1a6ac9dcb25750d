// A gradient by hand: the graph of a loss, the graph of its derivative, and both run on ONNX Runtime.
import { createExecutor, dim, grad, input, ops, parameter } from '@thaw/tensor'

// softmax regression: two classes, three features, a batch of any size
const x = input('x', [dim('batch'), 3]) //                              [batch, 3]
const y = input('y', [dim('batch')], 'i32') //                          [batch]
const w = parameter('w', [3, 2]) //                                     [features, classes]
const loss = ops.crossEntropy(ops.matmul(x, w), y)
const [gradient] = grad(loss, [w]) //                                   more graph: nothing has been computed yet

const executor = await createExecutor({ threads: 1 })
const params = await executor.store('params') //                        state lives outside of programs
await params.declare([w])
const program = await executor.compile({ outputs: { loss, gradient: gradient.tensor } })

const feeds = { x: { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] }, y: { data: Int32Array.of(0, 1), shape: [2] } }
const { outputs } = await program.bind({ params }).run({ feeds })
console.log('loss', Number(outputs.loss.data[0]).toFixed(4))
console.log('gradient', [...outputs.gradient.data].map((value) => Number(value).toFixed(2)).join(' '))

// the same by finite differences, one weight at a time
const lossAt = async (i: number, value: number) => {
  await params.write('w', [value], i)
  const result = await program.bind({ params }).run({ feeds })
  await params.write('w', [0], i)
  return Number(result.outputs.loss.data[0])
}
const differences = []
for (let i = 0; i < 6; i++) differences.push(((await lossAt(i, 0.01)) - (await lossAt(i, -0.01))) / 0.02)
console.log('differences', differences.map((value) => value.toFixed(2)).join(' '))
await executor[Symbol.asyncDispose]()
// loss 0.6931
// gradient 0.75 -0.75 0.75 -0.75 0.75 -0.75
// differences 0.75 -0.75 0.75 -0.75 0.75 -0.75
