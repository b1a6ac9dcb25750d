// What a recipe puts into the network: where each module stands, and which parameters train with it. Everything else of the network stays as it is.

import { type Dim, ops, type Tensor } from '@thaw/tensor'
import type { TransformerConfig } from '../../models/config.js'
import { parameterShapes } from '../../models/shapes.js'
import {
  attentionInside,
  bottleneck,
  convolutionInside,
  type Inside,
  lowRankUpdate,
  projectedAttention,
  rescale,
  type TokenGrid,
} from '../../nn/adapters.js'
import { matchesPath } from '../../nn/path-patterns.js'
import type { Scope, ScopeOptions } from '../../nn/scope.js'

export interface InsertionIngredient {
  readonly kind: 'insertion'
  readonly name: 'houlsby' | 'parallel-adapter' | 'projected-attention' | 'lora' | 'ia3' | 'selection'
  readonly options: Readonly<Record<string, number>>
  /** The layers that get a module; all where absent. */
  readonly layers?: readonly number[]
  /** Weights that get an update (LoRA). */
  readonly targets?: readonly string[]
  /** Pretrained parameters that train beside what is new. */
  readonly trains: readonly string[]
}

const positive = (name: string, settings: Readonly<Record<string, number>>) => {
  for (const [key, value] of Object.entries(settings))
    if (!Number.isInteger(value) || value < 1) throw new Error(`${name}: ${key} ${value}: expected a whole number of at least 1`)
}

export interface AdapterOptions {
  /** Width of the bottleneck. Default 64. */
  size?: number
  /** A convolution over so many neighbouring tokens inside the bottleneck (the NAACL 2019 tutorial, section 4). Default none. */
  kernel?: number
  /** Attention with so many heads inside the bottleneck. Default none. */
  heads?: number
  layers?: readonly number[]
  /** Train all embeddings too, as the tutorial does. Default false. */
  embeddings?: boolean
}

/** The options of a bottleneck as numbers. @throws naming the option that does not fit. */
function bottleneckOptions(name: string, { size = 64, kernel, heads }: AdapterOptions): Record<string, number> {
  const options = { size, ...(kernel === undefined ? {} : { kernel }), ...(heads === undefined ? {} : { heads }) }
  positive(name, options)
  if (kernel !== undefined && heads !== undefined)
    throw new Error(`${name}: kernel ${kernel} and heads ${heads}: inside is a convolution or attention; leave one out`)
  if (heads !== undefined && size % heads !== 0) throw new Error(`${name}: ${heads} heads do not divide the size ${size}`)
  return options
}

/**
 * A bottleneck with a skip connection after attention and after the feed-forward layer, before each residual sum; the layers' own norms train with it
 * (Houlsby et al. 2019, figure 2).
 */
export function houlsby({ layers, embeddings = false, ...inner }: AdapterOptions = {}): InsertionIngredient {
  const options = bottleneckOptions('houlsby', inner)
  const trains = ['layers.**.norm.*', 'norm.*', ...(embeddings ? ['embeddings.**'] : [])]
  return { kind: 'insertion', name: 'houlsby', options, ...(layers ? { layers } : {}), trains }
}

/** A bottleneck beside the feed-forward layer instead of behind it (He et al. 2022, section 4.2). */
export function parallelAdapter({ layers, embeddings = false, ...inner }: AdapterOptions = {}): InsertionIngredient {
  const options = bottleneckOptions('parallel adapter', inner)
  const trains = embeddings ? ['embeddings.**'] : []
  return { kind: 'insertion', name: 'parallel-adapter', options, ...(layers ? { layers } : {}), trains }
}

/** Low-rank attention beside every layer, its projections shared by all (projected attention layers: Stickland & Murray 2019). The norms train with it. */
export function projectedAttentionLayers({
  size = 204,
  heads = 12,
  layers,
}: {
  size?: number
  heads?: number
  layers?: readonly number[]
} = {}): InsertionIngredient {
  positive('projected attention', { size, heads })
  if (size % heads !== 0) throw new Error(`projected attention: ${heads} heads do not divide the size ${size}`)
  return {
    kind: 'insertion',
    name: 'projected-attention',
    options: { size, heads },
    ...(layers ? { layers } : {}),
    trains: ['layers.**.norm.*', 'norm.*'],
  }
}

/** Low-rank updates of weights (LoRA: Hu et al. 2022). By default those of queries and values, as in the paper. */
export function lora({
  rank = 8,
  alpha = 2 * rank,
  targets = ['layers.*.attention.{query,value}.weight'],
}: {
  rank?: number
  alpha?: number
  targets?: readonly string[]
} = {}): InsertionIngredient {
  positive('lora', { rank })
  if (!(alpha > 0)) throw new Error(`lora: alpha ${alpha}: expected a number above 0`)
  return { kind: 'insertion', name: 'lora', options: { rank, alpha }, targets, trains: [] }
}

/** Keys, values and the inner activations of the feed-forward layer, each times a vector ((IA)³: Liu et al. 2022). */
export const ia3 = ({ layers }: { layers?: readonly number[] } = {}): InsertionIngredient => ({
  kind: 'insertion',
  name: 'ia3',
  options: {},
  ...(layers ? { layers } : {}),
  trains: [],
})

/** Only the parameters that fit the patterns train, and what is new. */
export const selection = (...patterns: readonly string[]): InsertionIngredient => ({
  kind: 'insertion',
  name: 'selection',
  options: {},
  trains: patterns,
})

/** Only biases train, and what is new (BitFit: Ben Zaken, Goldberg & Ravfogel 2022). */
export const bitfit = (): InsertionIngredient => selection('**.bias')

type Sites = Map<string, (x: Tensor, scope: Scope) => Tensor>

/** The scope options that put the modules into a backbone. @throws where a layer or a target does not exist. */
export function insertionsInto(ingredients: readonly InsertionIngredient[], config: TransformerConfig): Pick<ScopeOptions, 'sites' | 'parametrize'> {
  const sites: Sites = new Map()
  const parametrize: Sites = new Map()
  /** Modules at one site act one after the other. */
  const join = (into: Sites, path: string, f: (x: Tensor, scope: Scope) => Tensor) => {
    const before = into.get(path)
    into.set(path, before ? (x, scope) => f(before(x, scope), scope) : f)
  }
  for (const ingredient of ingredients) {
    const layers = ingredient.layers ?? Array.from({ length: config.layers }, (_, n) => n)
    const outside = layers.find((n) => !(Number.isInteger(n) && n >= 0 && n < config.layers))
    if (outside !== undefined) throw new Error(`${ingredient.name}: layer ${outside}: the model has the layers 0 to ${config.layers - 1}`)
    if (ingredient.name === 'lora') updates(ingredient, config, parametrize, join)
    else for (const n of layers) insertAt(ingredient, n, config.causal, (path, f) => join(sites, path, f))
  }
  return { sites, parametrize }
}

function insertAt(
  { name, options }: InsertionIngredient,
  n: number,
  causal: boolean,
  at: (path: string, f: (x: Tensor, scope: Scope) => Tensor) => void,
): void {
  const layer = `layers.${n}`
  const { size, kernel, heads } = options as { size: number; kernel?: number; heads?: number }
  const grid = (scope: Scope): TokenGrid => {
    const [batch, , time] = scope.tap(`${layer}.attention.query`).shape as [Dim, Dim, Dim] // [batch, heads, time, width]
    const [visible, bias] = ['visible', 'attention.bias'].map((site) => scope.taps.get(site))
    return { batch, time, causal, ...(visible ? { visible } : {}), ...(bias ? { bias } : {}) }
  }
  const inside = (scope: Scope): Inside | undefined => {
    if (kernel !== undefined) return convolutionInside(kernel, grid(scope))
    return heads === undefined ? undefined : attentionInside(heads, grid(scope))
  }
  if (name === 'houlsby')
    for (const part of ['attention', 'feedforward'])
      at(`${layer}.${part}`, (x, scope) => ops.add(x, bottleneck(scope, `${layer}.${part}.adapter`, x, size, inside(scope))))
  if (name === 'parallel-adapter')
    at(`${layer}.feedforward`, (x, scope) =>
      ops.add(x, bottleneck(scope, `${layer}.feedforward.parallel`, scope.tap(`${layer}.feedforward.input`), size, inside(scope))),
    )
  if (name === 'ia3') {
    for (const part of ['key', 'value']) at(`${layer}.attention.${part}`, (x, scope) => rescale(scope, `${layer}.attention.${part}.ia3`, x))
    at(`${layer}.feedforward.inner`, (x, scope) => rescale(scope, `${layer}.feedforward.ia3`, x))
  }
  if (name === 'projected-attention')
    at(`${layer}.feedforward`, (x, scope) => {
      const below = scope.tap(n === 0 ? 'embeddings' : `layers.${n - 1}`)
      return ops.add(x, projectedAttention(scope, `${layer}.pal`, below, { size, heads: heads! }, grid(scope)))
    })
}

function updates(
  { options, targets = [] }: InsertionIngredient,
  config: TransformerConfig,
  parametrize: Sites,
  join: (into: Sites, path: string, f: (x: Tensor, scope: Scope) => Tensor) => void,
): void {
  const matrices = [...parameterShapes(config)].filter(([, shape]) => shape.length === 2).map(([path]) => path)
  for (const pattern of targets) {
    const found = matrices.filter((path) => matchesPath(pattern, path))
    if (found.length === 0)
      throw new Error(`lora: the target ${JSON.stringify(pattern)} fits no weight matrix; there are ${matrices.slice(0, 4).join(', ')}, …`)
    for (const path of found)
      join(parametrize, path, (weight, scope) =>
        lowRankUpdate(scope, `${path.replace(/\.weight$/, '')}.lora`, weight, options as { rank: number; alpha: number }),
      )
  }
}
