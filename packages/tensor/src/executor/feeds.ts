// What is fed is checked before the runtime sees it, so that a mistake is reported with the input's name and not as a node of the runtime.

import { dimFromPlain, evaluateDim, namesIn } from '../graph/dim.js'
import { arrayOf, type TypedArray } from '../graph/dtype.js'
import type { Port } from '../onnx/lower.js'

/** @throws where the array is not of the port's type, or not as long as its shape says. */
export function checkFeed({ name, dtype }: Port, data: TypedArray, shape: readonly number[]): void {
  const wanted = arrayOf(dtype, 0).constructor
  if (!(data instanceof wanted)) throw new Error(`${name}: fed with a ${data.constructor.name}: expected a ${wanted.name}, which holds ${dtype}`)
  const length = shape.reduce((product, size) => product * size, 1)
  if (data.length !== length) throw new Error(`${name}: fed with ${data.length} values: the shape [${shape}] has ${length}`)
}

/** @throws where an axis whose size is an expression over named sizes has another one. */
export function checkExpressions({ name, shape }: Port, given: readonly number[], sizes: ReadonlyMap<string, number>): void {
  shape.forEach((plain, axis) => {
    const size = dimFromPlain(plain)
    if (!namesIn(size).every((one) => sizes.has(one))) return
    const expected = evaluateDim(size, sizes)
    if (expected !== given[axis]) throw new Error(`${name}: axis ${axis} (${size}) has size ${given[axis]}: expected ${expected}`)
  })
}
