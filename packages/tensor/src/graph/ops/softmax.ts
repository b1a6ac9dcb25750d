// Softmax and log-softmax over one axis.

import { expectType, normaliseAxis } from '../broadcast.js'
import { apply, type Operation, type Tensor } from '../tensor.js'
import { exp, mul, sub } from './elementwise.js'
import { sum } from './reduce.js'

const family = (name: string, onnx: string, gradient: (y: Tensor, g: Tensor, axis: number) => Tensor): Operation => ({
  name,
  infer([x]) {
    expectType(name, x!, ['f32', 'f16', 'bf16'])
    return [{ shape: x!.shape, dtype: x!.dtype }]
  },
  gradient: ({ outputs, attributes }, [g]) => [gradient(outputs[0]!, g!, attributes.axis as number)],
  onnx: (emit, { attributes }, inputs) => emit.node(onnx, inputs, { axis: attributes.axis as number }),
})

const softmaxOperation = family('softmax', 'Softmax', (y, g, axis) => mul(y, sub(g, sum(mul(g, y), axis, true))))
const logSoftmaxOperation = family('log-softmax', 'LogSoftmax', (y, g, axis) => sub(g, mul(exp(y), sum(g, axis, true))))

/** e^x / Σ e^x */
export const softmax = (x: Tensor, axis = -1): Tensor => apply(softmaxOperation, [x], { axis: normaliseAxis('softmax', axis, x.rank) })
/** x − ln Σ e^x */
export const logSoftmax = (x: Tensor, axis = -1): Tensor => apply(logSoftmaxOperation, [x], { axis: normaliseAxis('log-softmax', axis, x.rank) })
