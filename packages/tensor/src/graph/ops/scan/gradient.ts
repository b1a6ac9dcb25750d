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

export const scanGradient: NonNullable<Operation['gradient']> = (node, gradients, needed) => {
  const { carry, xs, captures, next, ys, inner } = (node.attributes as ScanAttributes).body

  // one step: gradients arrive for the next carried values and for what was given out, and leave for carried values, slices and captures
  const ofNext = carry.map((x, i) => (isFloat(x.dtype) ? variable(`gradient of carry ${i}`, x.shape, x.dtype) : undefined))
  const received = [...ys, ...inner].flatMap((y, i) => {
    const sequence = gradients[next.length + i]
    return sequence ? [{ y, sequence, slice: variable(`gradient of y ${i}`, y.shape, y.dtype) }] : []
  })
  const wanted = [...carry, ...xs, ...captures].filter((x, i) => (i < carry.length ? isFloat(x.dtype) : needed[i]))
  const results = grad([...next, ...received.map(({ y }) => y)], wanted, [...ofNext, ...received.map(({ slice }) => slice)])
  const gradientOf = new Map(results.map((gradient) => [gradient.of, gradient]))
  const parts = results.flatMap(({ contributions }) => contributions.map((part) => ('rows' in part ? part.rows.values : part)))
  const inside = dependents(parts, [...carry, ...xs, ...ofNext.filter((x) => x !== undefined), ...received.map(({ slice }) => slice)])

  // what the backward step carries and gives out
  const kept = keptValues(node)
  const step = backwardStep(kept)
  const ofCarry = carry.map((x, i) => ofNext[i] && step.carry(ofNext[i], gradientOf.get(x)!.tensor, gradients[i] ?? full(x.shape, 0, x.dtype)))
  const ofXs = xs.map((x) => (gradientOf.get(x)?.contributions.length ? step.give(gradientOf.get(x)!.tensor) : undefined))
  const overAllSteps = (part: GradientOf, capture: Tensor): Later<GradientOf> => {
    if ('rows' in part) {
      const [ids, values] = [step.give(part.rows.ids), step.give(part.rows.values)]
      return (done) => ({ rows: { ids: reshape(ids(done), [-1]), values: reshape(values(done), [-1, ...capture.shape.slice(1)]) } })
    }
    if (!isStepProduct(part, inside)) return step.addUp(part)
    const [a, b] = part.node.inputs.map(step.give) as [Later<Tensor>, Later<Tensor>]
    return (done) => sumOfProducts(a(done), b(done), part.node.attributes as MatmulOptions)
  }
  const ofCaptures = captures.map((capture) => gradientOf.get(capture)?.contributions.map((part) => overAllSteps(part, capture)))

  const done = step.run(node, received)
  return [...[...ofCarry, ...ofXs].map((later) => later?.(done)), ...ofCaptures.map((list) => list?.map((later) => later(done)))]
}

/** The backward loop's results. */
interface Done {
  /** Carried values after its last step, which is the first of the sequence. */
  last: readonly Tensor[]
  ys: readonly Tensor[]
}
/** What can be told once the backward loop exists. */
type Later<T> = (done: Done) => T

/** A step of the backward loop, put together piece by piece. `kept`: what the forward loop gives out, which need not be given out again. */
function backwardStep(kept: ReadonlyMap<Tensor, Tensor>) {
  const carried: { slot: Tensor; next: Tensor; first: Tensor }[] = []
  const given: Tensor[] = []
  const carry = (slot: Tensor, next: Tensor, first: Tensor): Later<Tensor> => {
    const at = carried.push({ slot, next, first }) - 1
    return ({ last }) => last[at]!
  }
  return {
    carry,
    /** A value of each step, stacked. */
    give(tensor: Tensor): Later<Tensor> {
      const known = kept.get(tensor)
      if (known) return () => known
      const at = given.includes(tensor) ? given.indexOf(tensor) : given.push(tensor) - 1
      return ({ ys }) => ys[at]!
    },
    /** A value of each step, summed. */
    addUp(tensor: Tensor): Later<Tensor> {
      const sum = variable(`sum ${carried.length}`, tensor.shape, tensor.dtype)
      return carry(sum, add(sum, tensor), full(tensor.shape, 0, tensor.dtype))
    },
    /** The loop: values of the forward steps become sequences, captures become what they stand for. */
    run({ inputs, attributes }: Node, received: readonly { slice: Tensor; sequence: Tensor }[]): Done {
      const { body, reverse } = attributes as ScanAttributes
      const taken = body.carry.length + body.xs.length
      const results = [...carried.map(({ next }) => next), ...given]
      const reads = boundary(results, kept).map((value, i) => ({
        value,
        slice: variable(`kept ${i}`, value.shape, value.dtype),
        sequence: kept.get(value)!,
      }))
      const replaced = [...reads.map(({ value, slice }) => [value, slice] as const), ...body.captures.map((x, i) => [x, inputs[taken + i]!] as const)]
      const moved = substitute(results, new Map(replaced))
      const sequences = [...received, ...reads]
      const outputs = loop(
        {
          carry: carried.map(({ slot }) => slot),
          xs: sequences.map(({ slice }) => slice),
          next: moved.slice(0, carried.length),
          ys: moved.slice(carried.length),
        },
        {
          carry: carried.map(({ first }) => first),
          xs: sequences.map(({ sequence }) => sequence),
          length: inputs[body.carry.length]!.shape[0]!,
          reverse: !reverse,
        },
      )
      return { last: outputs.slice(0, carried.length), ys: outputs.slice(carried.length, results.length) }
    },
  }
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
