// Weights that a file stores as 8-bit integers and multiplies by their scales before use (weight-only quantization): they become float
// parameters, which can be trained. Models whose activations are quantized too compute in integers, and are refused elsewhere.

import type { GraphMessage, NodeMessage, TensorMessage } from './messages.js'
import { dtypeOf, type TensorData } from './tensor-data.js'

const integerTypes = new Set([2, 3])

/** The graph with weights in the place of the nodes that compute them from quantized ones. */
export function dequantized(graph: GraphMessage, data: (tensor: TensorMessage) => TensorData): GraphMessage {
  const stored = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]))
  const made = new Map<string, { value: TensorData; type: number }>()
  const replaced = new Set<NodeMessage>()
  const read = (name: string): TensorData | undefined => {
    const tensor = stored.get(name)
    return made.get(name)?.value ?? (tensor && dtypeOf(tensor.type) ? data(tensor) : undefined)
  }
  const quantizedType = (name: string): number | undefined => {
    const type = stored.get(name)?.type
    return made.get(name)?.type ?? (type !== undefined && integerTypes.has(type) ? type : undefined)
  }
  for (const node of graph.nodes) {
    const type = node.domain === '' ? quantizedType(node.inputs[0] ?? '') : undefined
    if (type === undefined) continue
    const operands = node.inputs.map((name) => (name === '' ? undefined : read(name)))
    if (node.inputs.some((name, i) => name !== '' && !operands[i])) continue
    const value = compute(node, operands)
    if (!value) continue
    made.set(node.outputs[0]!, { value, type })
    replaced.add(node)
  }
  if (replaced.size === 0) return graph
  const taken = new Set(graph.nodes.filter((node) => !replaced.has(node)).flatMap((node) => node.inputs))
  const weights = [...made]
    .filter(([name]) => taken.has(name))
    .map(([name, { value, type }]): TensorMessage => {
      const { buffer, byteOffset, byteLength } = value.data
      return { name, dims: value.shape, type: 1, storedAs: type, numbers: [], raw: new Uint8Array(buffer, byteOffset, byteLength) }
    })
  return { ...graph, initializers: [...graph.initializers, ...weights], nodes: graph.nodes.filter((node) => !replaced.has(node)) }
}

function compute(node: NodeMessage, [x, scale, zero]: readonly (TensorData | undefined)[]): TensorData | undefined {
  if (!x) return undefined
  if (node.type === 'Cast')
    return node.attributes.get('to')?.int === 1 ? { ...x, dtype: 'f32', data: Float32Array.from(x.data as Int8Array) } : undefined
  if (!scale) return undefined
  if (node.type === 'Mul' || node.type === 'Sub')
    return x.dtype === 'f32' ? elementwise(x, scale, node.type === 'Mul' ? (a, b) => a * b : (a, b) => a - b) : undefined
  if (node.type !== 'DequantizeLinear' || node.attributes.get('block_size')?.int) return undefined
  // one scale, or one for each place of an axis
  const axis = node.attributes.get('axis')?.int ?? 1
  const along = (t: TensorData): TensorData =>
    t.shape.length === 1 ? { ...t, shape: x.shape.map((_, i) => (i === (axis + x.shape.length) % x.shape.length ? t.shape[0]! : 1)) } : t
  const centred = zero ? elementwise(x, along(zero), (a, b) => a - b) : x
  return centred && elementwise(centred, along(scale), (a, b) => a * b)
}

/** With b broadcast to a. */
function elementwise(a: TensorData, b: TensorData, compute: (x: number, y: number) => number): TensorData | undefined {
  const rank = a.shape.length
  const shape = [...Array(Math.max(0, rank - b.shape.length)).fill(1), ...b.shape] as number[]
  if (shape.length !== rank || shape.some((size, i) => size !== 1 && size !== a.shape[i])) return undefined
  const result = new Float32Array(a.data.length)
  const inner = (sizes: readonly number[], i: number) => sizes.slice(i + 1).reduce((product, size) => product * size, 1)
  const [steps, own] = [a.shape.map((_, i) => inner(a.shape, i)), shape.map((size, i) => (size === 1 ? 0 : inner(shape, i)))]
  for (let at = 0; at < result.length; at++) {
    let place = 0
    for (let i = 0; i < rank; i++) place += (Math.floor(at / steps[i]!) % a.shape[i]!) * own[i]!
    result[at] = compute(Number(a.data[at]), Number(b.data[place]))
  }
  return { dtype: 'f32', shape: a.shape, data: result }
}
