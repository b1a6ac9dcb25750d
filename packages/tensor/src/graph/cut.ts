// Cuts through a graph (DESIGN E6): the part below some activations is computed once and kept, the part above it runs on what was kept. What the
// lower part depends on — its parameters, its inputs — is the key under which its result may be kept.

import type { Shape } from './dim.js'
import { reshape } from './ops/shape.js'
import { substitute } from './substitute.js'
import { GraphError, input, inputOperation, stateOperation, type Tensor } from './tensor.js'
import { nodesOf } from './walk.js'

/** What tensors are computed from, sorted: inputs by name, states as `namespace:path`. */
export const dependenciesOf = (tensors: Iterable<Tensor>): string[] =>
  nodesOf(tensors)
    .flatMap(({ operation, attributes }) =>
      operation === inputOperation ? [attributes.path as string] : operation === stateOperation ? [`${attributes.namespace}:${attributes.path}`] : [],
    )
    .sort()

export interface Cut {
  /** The activations at the cut: the outputs of the lower part. */
  prefix: Readonly<Record<string, Tensor>>
  /** The outputs, out of inputs that are named after the sites. */
  suffix: Readonly<Record<string, Tensor>>
  /** What the lower part depends on: inputs by name, states as `namespace:path`. */
  dependencies: string[]
}

/**
 * Cuts the graph of some outputs at activations, by site. `shapes` gives the shape in which a site is kept, where its own does not say the sizes
 * that the upper part needs: rows [batch·time, hidden] say neither batch nor time, [batch, time, hidden] does.
 *
 * ```ts
 * const { prefix, suffix } = cut({ logits }, { 'layers.5': h })   // prefix gives `layers.5`, suffix takes it and gives `logits`
 * ```
 *
 * @throws GraphError where no output depends on a site.
 */
export function cut(
  outputs: Readonly<Record<string, Tensor>>,
  sites: Readonly<Record<string, Tensor>>,
  shapes: Readonly<Record<string, Shape>> = {},
): Cut {
  const inputs = Object.entries(sites).map(([path, x]) => input(path, shapes[path] ?? x.shape, x.dtype))
  const upper = substitute(Object.values(outputs), new Map(Object.values(sites).map((x, i) => [x, reshape(inputs[i]!, x.shape)])))
  const reached = new Set(nodesOf(upper).flatMap((node) => node.outputs))
  for (const [i, path] of Object.keys(sites).entries())
    if (!reached.has(inputs[i]!)) throw new GraphError(`cut: nothing above depends on ${path}; the outputs are ${Object.keys(outputs).join(', ')}`)
  const prefix = Object.fromEntries(Object.entries(sites).map(([path, x]) => [path, reshape(x, shapes[path] ?? x.shape)]))
  return {
    prefix,
    suffix: Object.fromEntries(Object.keys(outputs).map((name, i) => [name, upper[i]!])),
    dependencies: dependenciesOf(Object.values(sites)),
  }
}
