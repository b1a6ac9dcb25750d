// From an ONNX file to a graph that can be differentiated and trained. Shape arithmetic is computed away while the nodes are imported, weights
// become parameters with the paths of their modules, and what exporters take apart (layer norm, GELU, attention) is put together again.

import { type Dim, DimExpression, type Shape, substituteDim } from '../../graph/dim.js'
import { simplify } from '../../graph/patterns/index.js'
import { input, type Tensor } from '../../graph/tensor.js'
import { nodesOf } from '../../graph/walk.js'
import { decodeModel } from './decode.js'
import { dequantized } from './dequantize.js'
import { readDim } from './dims.js'
import { importGraph, type Scope } from './import-graph.js'
import { type ModelMessage, OnnxError, type TensorMessage, typeNames, type ValueMessage } from './messages.js'
import { findParameters, type ImportedParameter, isParameter } from './parameters.js'
import { dtypeOf, type ExternalReader, tensorData } from './tensor-data.js'
import { tensorOf } from './value.js'

export interface ReadOptions {
  /** The file's name in messages. Default `model.onnx`. */
  file?: string
  /** Reads the files beside the model that hold its weights; {@link readOnnxFile} gives it. */
  external?: ExternalReader
  /** Which initializers become parameters. Default: floats of more than one element, but no tables that models compute (`inv_freq`). */
  parameters?: (tensor: { name: string; shape: readonly number[] }) => boolean
  /** The store that parameters live in. Default `params`. */
  namespace?: string
  /** Outputs to leave out: nothing that only they need is read. Default: none. */
  without?: readonly string[]
}

export interface ImportReport {
  producer: string
  opset: number
  /** Nodes of the file, and how many of them were computed while it was read. */
  nodes: number
  folded: number
  /** Composite nodes in what was read, however they came: from an ONNX operation or from a recognised pattern. */
  patterns: { attention: number; layerNorm: number; gelu: number; linear: number }
  /** What the composites say of the architecture: heads of the attentions, ε of the layer norms (distinct values), and activations by name. */
  heads: Dim[]
  epsilons: number[]
  activations: Record<string, number>
  /** Named dimensions of the inputs. */
  dims: string[]
  /** What the graph takes for granted of its inputs: `sequence ≤ 512`. */
  assumptions: string[]
  /** Parameters that the exporter had merged because their values were equal, and that are apart again. */
  untied: string[][]
  /** Parameters that more than one node uses: tied tables, shared layers, and merged ones that nothing in the file tells apart. */
  tied: string[]
}

export interface ImportedModel {
  /** By the file's names. Integers are i32 (the file's i64 included), floats f32. */
  readonly inputs: Readonly<Record<string, Tensor>>
  readonly outputs: Readonly<Record<string, Tensor>>
  /** By path: `encoder.layer.0.attention.self.query.weight`, [in, out]. */
  readonly parameters: ReadonlyMap<string, ImportedParameter>
  /** Any value of the graph by the name the file gives it: hidden states that are no outputs. */
  value(name: string): Tensor | undefined
  readonly report: ImportReport
}

/** Two names of one size were met: the import starts again with that knowledge. */
class SameSize extends Error {
  constructor(
    readonly from: string,
    readonly to: Dim,
  ) {
    super(`${from} is ${to}`)
  }
}

/**
 * Reads an ONNX model into a graph: its outputs can be run, given to `grad` or `trainingStep`, and written again with `writeOnnx`.
 *
 * ```ts
 * const model = readOnnx(readFileSync('encoder.onnx'))
 * model.outputs.last_hidden_state   // f32 [batch, sequence, 384]
 * ```
 *
 * @throws OnnxError for a file that is damaged, and for what cannot be read: by operation and node.
 */
export function readOnnx(bytes: Uint8Array, options: ReadOptions = {}): ImportedModel {
  const file = options.file ?? 'model.onnx'
  const model = decodeModel(bytes, file)
  const opset = model.opsets.get('') ?? 0
  if (opset < 9) throw new OnnxError(`${file}: operator set ${opset} is not read: at least 9 is needed (PyTorch exports 13 and later)`)
  model.graph = dequantized(model.graph, (tensor) => tensorData(tensor, file, options.external))
  const sizes = new Map<string, Dim>()
  const renamed: string[] = []
  for (;;) {
    try {
      return attempt(model, file, options, sizes, renamed)
    } catch (error) {
      if (!(error instanceof SameSize)) throw error
      for (const [name, size] of sizes) sizes.set(name, substituteDim(size, new Map([[error.from, error.to]])))
      sizes.set(error.from, error.to)
      renamed.push(`${error.from} = ${error.to}`)
    }
  }
}

function attempt(
  model: ModelMessage,
  file: string,
  options: ReadOptions,
  sizes: ReadonlyMap<string, Dim>,
  renamed: readonly string[],
): ImportedModel {
  const { graph } = model
  const opset = model.opsets.get('')!
  const assumptions = new Set<string>(renamed)
  const data = (tensor: TensorMessage) => tensorData(tensor, file, options.external)
  if (graph.sparse > 0) throw new OnnxError(`${file}: it has ${graph.sparse} sparse initializers, which are not read`)
  const chosen = options.parameters ? (tensor: TensorMessage) => options.parameters!({ name: tensor.name, shape: tensor.dims }) : isParameter
  const wanted = graph.outputs.map(({ name }) => name).filter((name) => !options.without?.includes(name))
  const table = findParameters(graph, { chosen, data, namespace: options.namespace ?? 'params' })

  const scope: Scope = {
    file,
    opset,
    names: new Map(),
    load: () => undefined,
    functions: new Map(model.functions.map((f) => [`${f.domain}:${f.name}`, f])),
    parameters: table,
    counts: { folded: 0 },
    tensorData: data,
    assume: (what) => assumptions.add(what),
    unify(a, b) {
      const name = plainName(b) ?? plainName(a)
      if (typeof a === 'number' || typeof b === 'number' || a.text === b.text || name === undefined) return
      throw new SameSize(name, plainName(b) === name ? a : b)
    },
  }
  const stored = new Set(graph.initializers.map(({ name }) => name))
  const inputs: Record<string, Tensor> = {}
  for (const value of graph.inputs) {
    if (stored.has(value.name)) continue
    inputs[value.name] = inputTensor(value, file, sizes)
    scope.names.set(value.name, inputs[value.name]!)
  }
  const names = importGraph(graph, scope, wanted)

  const simplified = simplify(wanted.map((name) => tensorOf(names.get(name) ?? missing(name, file))))
  const outputs = Object.fromEntries(wanted.map((name, i) => [name, simplified.tensors[i]!]))
  const used = new Set(nodesOf(simplified.tensors))
  const parameters = new Map([...table.parameters].filter(([, { tensor }]) => used.has(tensor.node)))
  return {
    inputs,
    outputs,
    parameters,
    value(name) {
      const value = names.get(name)
      return value && simplified.of(tensorOf(value))
    },
    report: {
      producer: model.producer,
      opset,
      nodes: graph.nodes.length,
      folded: scope.counts.folded,
      ...compositesOf(simplified.tensors),
      dims: [...new Set(Object.values(inputs).flatMap(({ shape }) => shape.flatMap((size) => plainName(size) ?? [])))],
      assumptions: [...assumptions],
      untied: table.untied,
      tied: table.tied,
    },
  }
}

const missing = (name: string, file: string): never => {
  throw new OnnxError(`${file}: nothing computes its output ${JSON.stringify(name)}`)
}

/** The name, where a size is nothing but a name. */
const plainName = (size: Dim): string | undefined => (size instanceof DimExpression && /^[A-Za-z_]\w*$/.test(size.text) ? size.text : undefined)

function inputTensor({ name, type, shape }: ValueMessage, file: string, sizes: ReadonlyMap<string, Dim>): Tensor {
  const what = `${file}: input ${JSON.stringify(name)}`
  const dtype = type === undefined ? undefined : dtypeOf(type)
  if (!dtype) throw new OnnxError(`${what} is ${type === undefined ? 'no tensor' : `of type ${typeNames[type] ?? type}`}, which is not read`)
  if (!shape) throw new OnnxError(`${what} has no shape: its rank must be known`)
  const dims: Shape = shape.map((size, axis) => substituteDim(readDim(size, `${name}_${axis}`), sizes))
  return input(name, dims, dtype)
}

function compositesOf(tensors: readonly Tensor[]): Pick<ImportReport, 'patterns' | 'heads' | 'epsilons' | 'activations'> {
  const nodes = nodesOf(tensors)
  const named = (...names: readonly string[]) => nodes.filter(({ operation }) => names.includes(operation.name))
  const [attentions, norms] = [named('attention'), named('layer-norm')]
  const activations = Object.fromEntries(
    ['gelu', 'gelu-tanh', 'relu', 'tanh'].map((name) => [name, named(name).length] as const).filter(([, times]) => times > 0),
  )
  return {
    patterns: { attention: attentions.length, layerNorm: norms.length, gelu: named('gelu', 'gelu-tanh').length, linear: named('affine').length },
    heads: [...new Set(attentions.map(({ inputs }) => inputs[0]!.shape[1]!))],
    epsilons: [...new Set(norms.map(({ attributes }) => attributes.epsilon as number))],
    activations,
  }
}
