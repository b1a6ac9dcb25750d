// The gradient of a scan is a scan that runs the other way (backpropagation through time). It differentiates the graph of one step; the values
// of the forward steps that this needs come stacked out of the forward scan, whose body is thereby computed once.
// Gradients of captured matrices do not travel with the steps: each step gives out the two operands of the product, and one product over all
// steps follows (112 ms against 162; DESIGN E5). Rows of captured tables are given out as rows. Other captures add up from step to step.

import { sameShape } from '../../dim.js'
import { isFloat } from '../../dtype.js'
import { grad } from '../../grad.js'
import { dependents, substitute } from '../../substitute.js'
import type { GradientOf, Node, Operation, Tensor } from '../../tensor.js'
import { add } from '../elementwise.js'
import { type MatmulOptions, matmulOperation, sumOfProducts } from '../matmul.js'
import { full, reshape } from '../shape.js'
import { variable } from './body.js'
import { loop, type ScanAttributes } from './loop.js'

/** A loop's results: the carried values after the last step, and the stacked ys. */
interface Results {
  last: readonly Tensor[]
  ys: readonly Tensor[]
}
/** What can be told once the backward loop exists. */
type Later<T> = (results: Results) => T

export const scanGradient: NonNullable<Operation['gradient']> = (node, gradients, needed) => {
  const { body, reverse } = node.attributes as ScanAttributes
  const { carry, xs, captures, next, ys, inner } = body
  const carried = carry.flatMap((x, i) =>
    isFloat(x.dtype) ? [{ x, next: next[i]!, of: i, arriving: variable(`gradient of carry ${i}`, x.shape, x.dtype) }] : [],
  )
  const stacked = [...ys, ...inner].flatMap((y, i) => {
    const gradient = gradients[next.length + i]
    return gradient ? [{ y, gradient, arriving: variable(`gradient of y ${i}`, y.shape, y.dtype) }] : []
  })
  const wanted = [...carry, ...xs, ...captures].filter((x, i) => (i < carry.length ? isFloat(x.dtype) : needed[i]))
  const results = grad(
    [...carried.map((c) => c.next), ...stacked.map((s) => s.y)],
    wanted,
    [...carried, ...stacked].map((end) => end.arriving),
  )
  const gradientOf = new Map(results.map((gradient) => [gradient.of, gradient]))

  // what the backward step carries and gives out
  const kept = keptValues(node)
  const step = { carry: carried.map((c) => c.arriving), next: carried.map((c) => gradientOf.get(c.x)!.tensor), ys: [] as Tensor[] }
  const start = carried.map((c) => gradients[c.of] ?? full(c.x.shape, 0, c.x.dtype))
  const give = (tensor: Tensor): Later<Tensor> => {
    const known = kept.get(tensor)
    if (known) return () => known
    const at = step.ys.includes(tensor) ? step.ys.indexOf(tensor) : step.ys.push(tensor) - 1
    return (loop) => loop.ys[at]!
  }
  const addUp = (tensor: Tensor): Later<Tensor> => {
    const sum = variable(`sum ${step.carry.length}`, tensor.shape, tensor.dtype)
    start.push(full(tensor.shape, 0, tensor.dtype))
    step.carry.push(sum)
    const at = step.next.push(add(sum, tensor)) - 1
    return (loop) => loop.last[at]!
  }
  const parts = results.flatMap((gradient) => gradient.contributions.flatMap((part) => ('rows' in part ? [part.rows.values] : [part])))
  const inside = dependents(parts, [...carry, ...xs, ...carried.map((c) => c.arriving), ...stacked.map((s) => s.arriving)])
  const overAllSteps = (part: GradientOf, capture: Tensor): Later<GradientOf> => {
    if ('rows' in part) {
      const [ids, values] = [give(part.rows.ids), give(part.rows.values)]
      return (loop) => ({ rows: { ids: reshape(ids(loop), [-1]), values: reshape(values(loop), [-1, ...capture.shape.slice(1)]) } })
    }
    if (!isStepProduct(part, inside)) return addUp(part)
    const [a, b] = part.node.inputs.map(give)
    return (loop) => sumOfProducts(a!(loop), b!(loop), part.node.attributes as MatmulOptions)
  }
  const ofXs = xs.map((x) => (gradientOf.get(x)?.contributions.length ? give(gradientOf.get(x)!.tensor) : undefined))
  const ofCaptures = captures.map((capture) => gradientOf.get(capture)?.contributions.map((part) => overAllSteps(part, capture)))

  // values of the forward steps become sequences, captures what they stand for
  const outer = new Map(captures.map((capture, i) => [capture, node.inputs[carry.length + xs.length + i]!]))
  const reads = boundary([...step.next, ...step.ys], kept).map((value, i) => ({ value, slice: variable(`kept ${i}`, value.shape, value.dtype) }))
  const moved = substitute([...step.next, ...step.ys], new Map([...outer, ...reads.map(({ value, slice }) => [value, slice] as const)]))
  const outputs = loop(
    {
      carry: step.carry,
      xs: [...stacked.map((s) => s.arriving), ...reads.map(({ slice }) => slice)],
      next: moved.slice(0, step.next.length),
      ys: moved.slice(step.next.length),
    },
    {
      carry: start,
      xs: [...stacked.map((s) => s.gradient), ...reads.map(({ value }) => kept.get(value)!)],
      length: node.inputs[carry.length]!.shape[0]!,
      reverse: !reverse,
    },
  )
  const done: Results = { last: outputs.slice(0, step.next.length), ys: outputs.slice(step.next.length) }
  const lastOf = new Map(carried.map((c, i) => [c.of, done.last[i]!]))
  return [
    ...carry.map((_, i) => lastOf.get(i)),
    ...ofXs.map((later) => later?.(done)),
    ...ofCaptures.map((list) => list?.map((later) => later(done))),
  ]
}

/** What a forward step has computed or been given, with where it lies stacked over all steps. */
function keptValues(node: Node): Map<Tensor, Tensor> {
  const { carry, xs, next, ys, inner } = (node.attributes as ScanAttributes).body
  const kept = new Map(inner.map((value, i) => [value, node.outputs[next.length + ys.length + i]!]))
  // what is given out anyway, or was a sequence to begin with, is not kept a second time
  for (const [i, y] of ys.entries()) if (kept.has(y)) kept.set(y, node.outputs[next.length + i]!)
  for (const [i, x] of xs.entries()) kept.set(x, node.inputs[carry.length + i]!)
  return kept
}

/** The kept values that the tensors are computed from. */
function boundary(tensors: readonly Tensor[], kept: ReadonlyMap<Tensor, Tensor>): Tensor[] {
  const found = new Set<Tensor>()
  const seen = new Set<Node>()
  const waiting = [...tensors]
  while (waiting.length > 0) {
    const tensor = waiting.pop()!
    if (kept.has(tensor)) found.add(tensor)
    else if (!seen.has(tensor.node)) {
      seen.add(tensor.node)
      waiting.push(...tensor.node.inputs)
    }
  }
  return [...found]
}

/** A product of two values that each step has anew: the gradient of a matrix that steps multiply with. */
function isStepProduct({ node }: Tensor, inside: ReadonlySet<Node>): boolean {
  if (node.operation !== matmulOperation) return false
  const [a, b] = node.inputs as [Tensor, Tensor]
  return inside.has(a.node) && inside.has(b.node) && sameShape(a.shape.slice(0, -2), b.shape.slice(0, -2))
}
