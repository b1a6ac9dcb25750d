// Derivatives of derivatives: a gradient is a graph, so it can be differentiated again. H·v without ever forming the Hessian H.
import { constant, createExecutor, grad, hessianVectorProduct, ops, parameter } from '@thaw/tensor'

const w = parameter('w', [3])
const f = ops.sum(ops.pow(w, 3)) //                                      Σ w³: gradient 3w², Hessian diag(6w)
const [gradient] = grad(f, [w])
const [product] = hessianVectorProduct(f, [w], [constant([1, 0, 2])]) // H·v for v = (1, 0, 2)

const executor = await createExecutor({ threads: 1 })
const params = await executor.store('params')
await params.declare([w])
await params.write('w', [1, 2, 3])
const { outputs } = await (await executor.compile({ outputs: { gradient: gradient.tensor, product: product.tensor } })).bind({ params }).run()
console.log('3w²', outputs.gradient.data.join(' '))
console.log('H·v', outputs.product.data.join(' '))
await executor[Symbol.asyncDispose]()
// 3w² 3 12 27
// H·v 6 0 36
