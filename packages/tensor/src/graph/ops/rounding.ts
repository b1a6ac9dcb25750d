// Rounding to whole numbers. Flat almost everywhere, so the gradient is zero.

import { apply, type Operation, type Tensor } from '../tensor.js'
import { mul, unary } from './elementwise.js'

const flat = (name: string, onnx: string): Operation => unary(name, onnx, (_x, _y, g) => mul(g, 0))
const operations = { floor: flat('floor', 'Floor'), ceil: flat('ceil', 'Ceil'), round: flat('round', 'Round') }

/** The largest whole number that is not above x. */
export const floor = (x: Tensor): Tensor => apply(operations.floor, [x])
/** The smallest whole number that is not below x. */
export const ceil = (x: Tensor): Tensor => apply(operations.ceil, [x])
/** The nearest whole number; halves go to the even one, as in PyTorch. */
export const round = (x: Tensor): Tensor => apply(operations.round, [x])
