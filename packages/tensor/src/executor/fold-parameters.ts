// What a graph computes from its parameters alone, computed once: joined query, key and value weights, merged low-rank updates. What is left has
// plain weights where a product meets them, which is what a file for other runtimes, or in fewer bits, wants.

import { substitute } from '../graph/substitute.js'
import { constantOperation, state, stateOperation, type Tensor } from '../graph/tensor.js'
import { nodesOf } from '../graph/walk.js'
import type { Executor } from './executor.js'

export interface FoldedParameters {
  outputs: Record<string, Tensor>
  /** Those that the new outputs read. */
  parameters: Map<string, { shape: readonly number[]; data: Float32Array }>
}

/**
 * Computes every f32 tensor that depends on parameters alone, and puts a parameter in its place. It is called after those it was made of:
 * `layers.0.attention.{query,key,value}.weight`.
 *
 * @throws GraphError or the store's error where a parameter of the graph is not among `parameters`, or has another shape.
 */
export async function foldParameters(
  executor: Executor,
  outputs: Readonly<Record<string, Tensor>>,
  parameters: ReadonlyMap<string, { shape: readonly number[]; data: Float32Array }>,
): Promise<FoldedParameters> {
  const roots = Object.values(outputs)
  const fixed = fixedTensors(roots)
  const wanted = new Set(roots)
  for (const node of nodesOf(roots)) if (!node.outputs.some((x) => fixed.has(x))) for (const x of node.inputs) wanted.add(x)
  const computed = new Map<string, Tensor>()
  const taken = new Set(parameters.keys())
  for (const tensor of wanted) {
    const sources = fixed.get(tensor)
    if (!sources || sources.size === 0 || tensor.node.operation === stateOperation || tensor.dtype !== 'f32') continue
    computed.set(freeName(joinedName([...sources]), taken), tensor)
  }
  const store = await executor.store('fold')
  const values = new Map<string, { shape: readonly number[]; data: Float32Array }>()
  if (computed.size > 0) {
    const needed = new Set([...computed.values()].flatMap((tensor) => [...fixed.get(tensor)!]))
    await store.declare([...needed].map((path) => ({ path, shape: parameters.get(path)?.shape as number[], dtype: 'f32' as const })))
    for (const path of needed) await store.write(path, parameters.get(path)!.data)
    const program = await executor.compile({ outputs: Object.fromEntries(computed) })
    const results = (await program.bind({ params: store }).run()).outputs
    for (const path of computed.keys())
      values.set(path, { shape: results[path]!.shape, data: Float32Array.from(results[path]!.data as Float32Array) })
    await program.dispose()
  }
  await store.dispose()
  const replaced = substitute(roots, new Map([...computed].map(([path, tensor]) => [tensor, state('params', path, tensor.shape)])))
  for (const { operation, attributes } of nodesOf(replaced)) {
    const path = attributes.path as string
    const given = operation === stateOperation ? parameters.get(path) : undefined
    if (given) values.set(path, given)
  }
  return { outputs: Object.fromEntries(Object.keys(outputs).map((name, i) => [name, replaced[i]!])), parameters: values }
}

/** Tensors of fixed shape that depend on parameters and constants alone, each with the paths it depends on. */
function fixedTensors(roots: readonly Tensor[]): Map<Tensor, ReadonlySet<string>> {
  const fixed = new Map<Tensor, ReadonlySet<string>>()
  for (const node of nodesOf(roots)) {
    const leaf = node.operation === stateOperation ? [node.attributes.path as string] : node.operation === constantOperation ? [] : undefined
    const known = leaf !== undefined || (node.inputs.length > 0 && node.inputs.every((x) => fixed.has(x)))
    if (!known || node.outputs.some(({ shape }) => shape.some((size) => typeof size !== 'number'))) continue
    const sources = new Set(leaf ?? node.inputs.flatMap((x) => [...fixed.get(x)!]))
    for (const output of node.outputs) fixed.set(output, sources)
  }
  return fixed
}

/** `a.query.weight`, `a.key.weight` to `a.{query,key}.weight`. */
function joinedName(paths: readonly string[]): string {
  const split = paths.map((path) => path.split('.'))
  const [first] = split as [string[]]
  const shortest = Math.min(...split.map((parts) => parts.length))
  const shared = (at: (parts: string[], i: number) => string, limit: number) => {
    let n = 0
    while (n < limit && split.every((parts) => at(parts, n) === at(first, n))) n++
    return n
  }
  const before = shared((parts, i) => parts[i]!, shortest)
  const after = shared((parts, i) => parts.at(-1 - i)!, shortest - before)
  const middle = split.map((parts) => parts.slice(before, parts.length - after).join('.')).filter((text) => text !== '')
  return [...first.slice(0, before), ...(middle.length > 0 ? [`{${middle.join()}}`] : []), ...first.slice(first.length - after)].join('.')
}

function freeName(name: string, taken: Set<string>): string {
  let free = name
  for (let i = 1; taken.has(free); i++) free = `${name}#${i}`
  taken.add(free)
  return free
}
