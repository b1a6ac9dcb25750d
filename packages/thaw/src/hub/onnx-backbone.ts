// A BERT in an ONNX file as a backbone of ours: its weights under our paths, and a configuration read off the graph. Everything the toolkit does
// with a checkpoint then works on it: recipes, adapters, probes, saving as a Hugging Face folder.

import type { ImportedModel } from '@thaw/tensor'
import { type TransformerConfig, validateConfig } from '../models/config.js'
import { parameterShapes } from '../models/shapes.js'
import { bertNames } from './bert.js'

export interface OnnxBackbone {
  config: TransformerConfig
  /** By our paths (docs/architecture.md), linear weights [in, out]. */
  parameters: Map<string, { shape: readonly number[]; data: Float32Array }>
  /** Parameters of the file that no path of ours stands for. */
  unused: string[]
}

const table = 'embeddings.word_embeddings.weight'

/**
 * The weights and the configuration of a BERT-shaped encoder.
 *
 * @throws where the file holds another kind of model, naming what is missing or too much.
 */
export function onnxBackbone(model: ImportedModel): OnnxBackbone {
  const where = 'ONNX backbone'
  const tablePath = [...model.parameters.keys()].find((path) => path === table || path.endsWith(`.${table}`))
  if (tablePath === undefined)
    throw new Error(`${where}: no parameter ends in ${table}: only BERT's shape is known; adapt the graph itself with onnxEncoder`)
  const prefix = tablePath.slice(0, -table.length)
  const ours = new Map(bertNames.rules.map((rule) => [rule.theirs, rule.ours]))
  const parameters: OnnxBackbone['parameters'] = new Map()
  const unused: string[] = []
  for (const [path, { shape, data }] of model.parameters) {
    const [, layer, rest] = /^encoder\.layer\.(\d+)\.(.*)$/.exec(path.slice(prefix.length)) ?? []
    const rule = path.startsWith(prefix) ? ours.get(layer === undefined ? path.slice(prefix.length) : `encoder.layer.#.${rest}`) : undefined
    if (rule === undefined) unused.push(path)
    else parameters.set(rule.replace('#', layer ?? ''), { shape, data })
  }
  const config = configOf(model, parameters, where)
  for (const [path, shape] of parameterShapes(config)) {
    const given = parameters.get(path)
    if (String(given?.shape) !== String(shape))
      throw new Error(`${where}: ${path} must be [${shape}], the file ${given ? `has [${given.shape}]` : 'does not have it'}`)
  }
  return { config, parameters, unused }
}

function configOf(model: ImportedModel, parameters: OnnxBackbone['parameters'], where: string): TransformerConfig {
  const { patterns, heads, epsilons, activations } = model.report
  const shapeOf = (path: string) => parameters.get(path)?.shape ?? [0, 0]
  const [vocabulary, hidden] = shapeOf('embeddings.token.weight') as [number, number]
  const layers = new Set([...parameters.keys()].flatMap((path) => /^layers\.(\d+)\./.exec(path)?.[1] ?? [])).size
  const activation = (['gelu', 'gelu-tanh', 'relu'] as const).find((name) => activations[name] === layers)
  const [count] = heads
  const [epsilon] = epsilons
  if (heads.length !== 1 || typeof count !== 'number' || patterns.attention !== layers)
    throw new Error(`${where}: ${patterns.attention} attentions were recognised in ${layers} layers: the number of heads is not known`)
  if (epsilons.length !== 1 || epsilon === undefined || patterns.layerNorm !== 2 * layers + 1)
    throw new Error(`${where}: ${patterns.layerNorm} layer norms were recognised in ${layers} layers: BERT has ${2 * layers + 1}`)
  if (!activation) throw new Error(`${where}: none of gelu, gelu-tanh and relu occurs once in each of ${layers} layers`)
  return validateConfig(
    {
      vocabulary,
      hidden,
      layers,
      heads: count,
      inner: shapeOf('layers.0.feedforward.up.weight')[1]!,
      positions: shapeOf('embeddings.position.weight')[0]!,
      block: 'post',
      causal: false,
      positionKind: 'learned',
      activation,
      dropout: 0.1,
      normEpsilon: Number(epsilon.toPrecision(6)),
      segments: shapeOf('embeddings.segment.weight')[0]!,
      pooler: parameters.has('pooler.weight'),
    },
    where,
  )
}
