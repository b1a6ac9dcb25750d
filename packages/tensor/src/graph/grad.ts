// Reverse-mode differentiation. The gradient of a graph is more graph: it can be simplified, run, exported and differentiated again.
// Only nodes on a way to a tensor in `wrt` are visited, so frozen lower layers have no backward nodes at all.

import { shapeText } from './dim.js'
import { isFloat } from './dtype.js'
import { add } from './ops/elementwise.js'
import { scatterAdd } from './ops/indexing.js'
import { full } from './ops/shape.js'
import { describe, type GradientOf, GraphError, type Node, type Rows, type Tensor } from './tensor.js'
import { nodesOf } from './walk.js'

/** The gradient of one tensor, in the parts it came in: dense tensors and rows of a table. */
export class Gradient {
  constructor(
    readonly of: Tensor,
    readonly contributions: readonly GradientOf[],
  ) {}

  /** The sum of the dense parts; undefined where there is none. */
  get dense(): Tensor | undefined {
    const parts = this.contributions.filter((part): part is Tensor => !('rows' in part))
    return parts.length === 0 ? undefined : parts.reduce(add)
  }

  /** The parts that touch single rows. */
  get rows(): Rows[] {
    return this.contributions.flatMap((part) => ('rows' in part ? [part.rows] : []))
  }

  /** Everything as one dense tensor of the shape of `of`; zeros where nothing depends on it. */
  get tensor(): Tensor {
    const base = this.dense ?? full(this.of.shape, 0, this.of.dtype)
    return this.rows.reduce((sum, { ids, values }) => scatterAdd(sum, ids, values), base)
  }
}

/**
 * Gradients of Σ outputs·seeds with respect to each tensor of `wrt` (seeds: 1 for a scalar).
 *
 * @throws GraphError for an output that is not a scalar and has no seed, and for an operation without a derivative, by name.
 */
export const grad = (outputs: Tensor | readonly Tensor[], wrt: readonly Tensor[], seeds: readonly (Tensor | undefined)[] = []): Gradient[] =>
  gradWithin(new Set(), outputs, wrt, seeds)

/**
 * As {@link grad}, but tensors of `border` count as leaves, although they were computed from something: the derivative of a part of a graph
 * with respect to what enters it, of which one value may depend on another.
 */
export function gradWithin(
  border: ReadonlySet<Tensor>,
  outputs: Tensor | readonly Tensor[],
  wrt: readonly Tensor[],
  seeds: readonly (Tensor | undefined)[] = [],
): Gradient[] {
  const ends = Array.isArray(outputs) ? (outputs as readonly Tensor[]) : [outputs as Tensor]
  const parts = new Map<Tensor, GradientOf[]>()
  const receive = (tensor: Tensor, part: GradientOf | readonly GradientOf[]) => {
    const list = parts.get(tensor) ?? []
    parts.set(tensor, list)
    if (Array.isArray(part)) list.push(...(part as GradientOf[]))
    else list.push(part as GradientOf)
  }
  ends.forEach((end, i) => {
    const seed = seeds[i]
    if (seed) receive(end, seed)
    else if (seeds.length === 0) {
      if (end.rank !== 0)
        throw new GraphError(`grad: ${describe(end)} is not a scalar: reduce it, or give a seed of the shape ${shapeText(end.shape)}`)
      receive(end, full([], 1, end.dtype))
    }
  })

  const targets = new Set(wrt)
  const nodes = nodesOf(ends, border)
  const leading = new Set<Node>()
  const leads = (tensor: Tensor) => isFloat(tensor.dtype) && (targets.has(tensor) || leading.has(tensor.node))
  for (const node of nodes) if (!node.operation.stops && node.inputs.some(leads)) leading.add(node)

  for (const node of nodes.reverse()) {
    if (!leading.has(node)) continue
    const gradients = node.outputs.map((output) => {
      const received = parts.get(output)
      return received ? new Gradient(output, received).tensor : undefined
    })
    if (gradients.every((g) => g === undefined)) continue
    const needed = node.inputs.map(leads)
    const results = differentiate(node, gradients, needed)
    results.forEach((part, i) => {
      if (part !== undefined && needed[i]) receive(node.inputs[i]!, part)
    })
  }
  return wrt.map((tensor) => new Gradient(tensor, parts.get(tensor) ?? []))
}

function differentiate(
  node: Node,
  gradients: readonly (Tensor | undefined)[],
  needed: readonly boolean[],
): readonly (GradientOf | readonly GradientOf[] | undefined)[] {
  const { operation } = node
  return operation.gradient ? operation.gradient(node, gradients, needed) : throughDecomposition(node, gradients, needed)
}

/** The gradient by way of the operation's decomposition. */
export function throughDecomposition(
  node: Node,
  gradients: readonly (Tensor | undefined)[],
  needed: readonly boolean[],
): readonly (readonly GradientOf[] | undefined)[] {
  const { operation, inputs, attributes, outputs } = node
  if (!operation.decompose) throw new GraphError(`grad: ${operation.name} has no ${operation.name.endsWith('-gradient') ? 'second ' : ''}derivative`)
  const parts = operation.decompose(inputs, attributes, outputs)
  // one input may stand in several places: its whole gradient is given to the first
  const wanted = inputs.map((x, i) => (needed[i] && inputs.indexOf(x) === i ? x : undefined))
  const results = gradWithin(
    new Set(inputs),
    parts,
    wanted.filter((x) => x !== undefined),
    gradients,
  )
  let next = 0
  return wanted.map((x) => (x ? results[next++]!.contributions : undefined))
}

/** H·v for the Hessian H of a scalar with respect to `wrt`: the gradient of Σ grad·v (Pearlmutter 1994), without ever forming H. */
export function hessianVectorProduct(scalar: Tensor, wrt: readonly Tensor[], vectors: readonly Tensor[]): Gradient[] {
  const first = grad(scalar, wrt).map((gradient) => gradient.tensor)
  return grad(first, wrt, vectors)
}
