// A graph and its parameters as an ONNX file that any runtime reads: standard operations only, weights as initializers. A model that was read
// with readOnnx can keep its initializers' names and layouts; `replaceInitializers` (replace.ts) even keeps its nodes.

import type { TypedArray } from '../graph/dtype.js'
import { cast, transpose } from '../graph/ops/shape.js'
import { substitute } from '../graph/substitute.js'
import { GraphError, input, inputOperation, state, stateOperation, type Tensor } from '../graph/tensor.js'
import { nodesOf } from '../graph/walk.js'
import { lower } from './lower.js'
import { inPrecision, type Precision } from './precision.js'
import type { ImportedParameter } from './read/parameters.js'
import { turned } from './read/tensor-data.js'
import { addInitializers, type OnnxInitializer } from './wire.js'

export interface WriteOptions {
  /** Values by path. All states of the graph must be among them. */
  parameters: ReadonlyMap<string, { shape: readonly number[]; data: TypedArray }>
  /**
   * Keeps the initializers' names and layouts of the file that these parameters were read from (`model.parameters`): a weight that was stored
   * [out, in] is stored so again, with a Transpose behind it. Default: our paths, [in, out].
   */
  like?: ReadonlyMap<string, ImportedParameter>
  /** The type of integer inputs and outputs in the file. Default i64, as exporters and transformers.js have it. */
  integers?: 'i32' | 'i64'
  /** How weights are stored, and products with them computed. Default f32. */
  precision?: Precision
}

/**
 * The bytes of an ONNX model (opset 21) that computes the outputs.
 *
 * ```ts
 * writeFileSync('classifier.onnx', writeOnnx({ logits }, { parameters }))
 * ```
 *
 * @throws GraphError naming a parameter that has no value or another shape.
 */
export function writeOnnx(outputs: Readonly<Record<string, Tensor>>, options: WriteOptions): Uint8Array {
  const { parameters, like, integers = 'i64', precision = 'f32' } = options
  const tensors = Object.values(outputs)
  const replacements = new Map<Tensor, Tensor>()
  const initializers = new Map<string, OnnxInitializer>()
  for (const node of nodesOf(tensors)) {
    const [leaf] = node.outputs as [Tensor]
    if (node.operation === inputOperation && leaf.dtype === 'i32' && integers === 'i64')
      replacements.set(leaf, cast(input(node.attributes.path as string, leaf.shape, 'i64'), 'i32'))
    if (node.operation === stateOperation) replacements.set(leaf, stored(leaf, parameters, like, initializers))
  }
  const replaced = substitute(tensors, replacements)
  const names = Object.keys(outputs)
  const graph = Object.fromEntries(
    names.map((name, i) => [name, replaced[i]!.dtype === 'i32' && integers === 'i64' ? cast(replaced[i]!, 'i64') : replaced[i]!]),
  )
  const { model } = lower(graph, { portable: true, constants: 'all', stateName: (_, path) => path, transform: inPrecision(precision, initializers) })
  return addInitializers(model, [...initializers.values()])
}

/** A parameter under the name, and in the layout, that it has in the file. */
function stored(
  leaf: Tensor,
  parameters: WriteOptions['parameters'],
  like: WriteOptions['like'],
  initializers: Map<string, OnnxInitializer>,
): Tensor {
  const path = leaf.node.attributes.path as string
  const given = parameters.get(path)
  if (!given) throw new GraphError(`writeOnnx: ${path} has no value: give it among \`parameters\``)
  if (String(given.shape) !== String(leaf.shape))
    throw new GraphError(`writeOnnx: ${path} is [${given.shape}], the graph has [${leaf.shape.join(', ')}]`)
  const source = like?.get(path)?.source
  // parameters that were one initializer have values of their own by now, and so need names of their own
  const name = source && !source.shared ? source.name : path
  if (initializers.has(name)) throw new GraphError(`writeOnnx: two parameters are called ${name}`)
  if (source?.transposed) {
    const [rows, columns] = given.shape as [number, number]
    initializers.set(name, { name, dtype: leaf.dtype, shape: [columns, rows], data: turned(given.data as Float32Array, rows, columns) })
    return transpose(state('params', name, [columns, rows], leaf.dtype))
  }
  initializers.set(name, { name, dtype: leaf.dtype, shape: given.shape, data: given.data })
  return state('params', name, given.shape, leaf.dtype)
}
