// The Transformer (Vaswani et al. 2017) in the three forms the field uses, from one configuration:
//   pre       h += attention(norm(h)); h += feedforward(norm(h)); a final norm      (GPT-2: Radford et al. 2019)
//   post      h = norm(h + attention(h)); h = norm(h + feedforward(h))              (GPT, BERT: Devlin et al. 2019)
//   tutorial  h = norm(h); h += attention(h); h = norm(h); h += feedforward(h)      (the NAACL 2019 tutorial's hands-on model)

import { constant, type Dim, ops, type Tensor } from '@thaw/tensor'
import { activations, dropout, layerNorm, linear } from '../nn/layers.js'
import type { Scope } from '../nn/scope.js'
import { type AttentionCache, cachedAttention } from './attention-cache.js'
import type { TransformerConfig } from './config.js'
import { crossAttention, type Memory } from './cross-attention.js'

export interface TransformerInputs {
  /** Token ids, i32 [batch, time]. */
  ids: Tensor
  /** True where there is a token and not padding: bool [batch, time]. Without it every token is visible. */
  visible?: Tensor
  /** Position ids, i32 [batch, time]; default 0, 1, … in each row. */
  positions?: Tensor
  /** Segment ids, i32 [batch, time]; default 0. */
  segments?: Tensor
  /** Keys and values of earlier tokens: `ids` are those that follow them. */
  cache?: AttentionCache
  /** What another network made of another text: every layer attends to it too (an encoder–decoder's decoder). */
  memory?: Memory
}

export interface TransformerOutputs {
  /** The last layer's hidden states, as rows [batch·time, hidden]. */
  hidden: Tensor
  /** The embeddings and each layer's output, as rows: layers + 1 of them. */
  layers: Tensor[]
}

/** The graph of a backbone. Paths of parameters and sites are those of docs/architecture.md. */
export function transformer(scope: Scope, config: TransformerConfig, inputs: TransformerInputs): TransformerOutputs {
  const time = inputs.ids.shape[1]!
  if (inputs.visible) scope.site('visible', inputs.visible)
  const visibility = attentionBias(config, inputs, time)
  const bias = visibility && scope.site('attention.bias', visibility)
  let h = embeddings(scope, config, inputs, time)
  const layers = [h]
  for (let n = 0; n < config.layers; n++) {
    h = block(scope, config, `layers.${n}`, h, inputs, (path, x) => attention(scope, config, path, x, inputs, bias))
    layers.push(h)
  }
  if (config.block === 'pre') h = layerNorm(scope, 'norm', h, config.hidden, config.normEpsilon)
  return { hidden: scope.site('hidden', h), layers }
}

function block(
  scope: Scope,
  config: TransformerConfig,
  path: string,
  h: Tensor,
  { ids, memory }: TransformerInputs,
  attend: (path: string, x: Tensor) => Tensor,
): Tensor {
  const norm = (part: string, x: Tensor) => layerNorm(scope, `${path}.${part}.norm`, x, config.hidden, config.normEpsilon)
  const parts: [string, (x: Tensor) => Tensor][] = [
    ['attention', (x) => attend(`${path}.attention`, x)],
    ...(memory
      ? [['cross', (x: Tensor) => crossAttention(scope, config, `${path}.cross`, x, ids.shape, memory)] as [string, (x: Tensor) => Tensor]]
      : []),
    ['feedforward', (x) => feedforward(scope, config, `${path}.feedforward`, x)],
  ]
  for (const [part, f] of parts) {
    const site = `${path}.${part}`
    // what adapters act on: the part's input, and its output before dropout and the residual sum
    const step = (x: Tensor) => dropout(scope, `${site}.dropout`, scope.site(site, f(scope.site(`${site}.input`, x))), config.dropout)
    if (config.block === 'pre') h = ops.add(h, step(norm(part, h)))
    else if (config.block === 'post') h = norm(part, ops.add(h, step(h)))
    else {
      h = norm(part, h)
      h = ops.add(h, step(h))
    }
  }
  return scope.site(path, h)
}

function feedforward(scope: Scope, config: TransformerConfig, path: string, x: Tensor): Tensor {
  const inner = activations[config.activation](linear(scope, `${path}.up`, x, config.hidden, config.inner))
  return linear(scope, `${path}.down`, scope.site(`${path}.inner`, inner), config.inner, config.hidden)
}

/** Multi-head self-attention. The three projections are one product, cut up by one transposition. */
function attention(
  scope: Scope,
  config: TransformerConfig,
  path: string,
  x: Tensor,
  { ids, cache }: TransformerInputs,
  bias: Tensor | undefined,
): Tensor {
  const [batch, time] = ids.shape as [Dim, Dim]
  const { hidden, heads } = config
  const width = hidden / heads
  const names = ['query', 'key', 'value']
  const weight = ops.concat(
    names.map((name) => scope.parameter(`${path}.${name}.weight`, [hidden, hidden])),
    1,
  )
  const biases = ops.concat(names.map((name) => scope.parameter(`${path}.${name}.bias`, [hidden])))
  const joint = ops.reshape(ops.linear(x, weight, biases), [batch, time, 3, heads, width])
  const parts = ops.split(ops.transpose(joint, [2, 0, 3, 1, 4]), [1, 1, 1], 0) // [1, batch, heads, time, width] each
  const [q, k, v] = parts.map((part, i) => scope.site(`${path}.${names[i]}`, ops.squeeze(part, 0))) as [Tensor, Tensor, Tensor]
  const output = cache ? cachedAttention(cache, path, q, k, v, bias) : freshAttention(scope, config, path, [q, k, v], bias)
  const rows = ops.reshape(ops.transpose(output, [0, 2, 1, 3]), [-1, hidden])
  return linear(scope, `${path}.output`, scope.site(`${path}.mixture`, rows), hidden, hidden)
}

/** Attention of a text's tokens to each other, with dropout of the probabilities in training. */
function freshAttention(
  scope: Scope,
  config: TransformerConfig,
  path: string,
  [q, k, v]: [Tensor, Tensor, Tensor],
  bias: Tensor | undefined,
): Tensor {
  const shape = [...q.shape.slice(0, 3), k.shape[2]!]
  const keep = scope.training && config.dropout > 0 ? ops.keepMask(scope.name(`${path}.probabilities`), config.dropout, shape) : undefined
  const { output, probabilities } = ops.attentionWithProbabilities(q, k, v, { ...(bias ? { mask: bias } : {}), ...(keep ? { keep } : {}) })
  scope.site(`${path}.probabilities`, probabilities)
  return output
}

/** One additive bias for all layers: later tokens and padding are hidden. */
function attentionBias(config: TransformerConfig, { visible }: TransformerInputs, time: Dim): Tensor | undefined {
  const padding = visible ? ops.maskBias(ops.unsqueeze(ops.unsqueeze(visible, 1), 1)) : undefined // [batch, 1, 1, time]
  const later = config.causal ? ops.causalBias(time, time) : undefined // [time, time]
  return padding && later ? ops.add(padding, later) : (padding ?? later)
}

function embeddings(scope: Scope, config: TransformerConfig, inputs: TransformerInputs, time: Dim): Tensor {
  const { hidden, embedding = hidden } = config
  const tokens = ops.gather(scope.parameter('embeddings.token.weight', [config.vocabulary, embedding]), inputs.ids) // [batch, time, embedding]
  const table =
    config.positionKind === 'learned'
      ? scope.parameter('embeddings.position.weight', [config.positions, embedding])
      : sinusoids(config.positions, embedding)
  let h = ops.add(tokens, inputs.positions ? ops.gather(table, inputs.positions) : ops.slice(table, 0, 0, time))
  if (config.segments > 0) {
    const segments = scope.parameter('embeddings.segment.weight', [config.segments, embedding])
    h = ops.add(h, inputs.segments ? ops.gather(segments, inputs.segments) : ops.slice(segments, 0, 0, 1))
  }
  let rows = ops.reshape(h, [-1, embedding])
  if (config.block === 'post') rows = layerNorm(scope, 'embeddings.norm', rows, embedding, config.normEpsilon)
  rows = dropout(scope, 'embeddings.dropout', rows, config.dropout)
  if (embedding !== hidden) rows = linear(scope, 'embeddings.project', rows, embedding, hidden)
  return scope.site('embeddings', rows)
}

/** Fixed positions: sines in even columns, cosines in odd ones, wavelengths from 2π to 10000·2π (Vaswani et al. 2017, section 3.5). */
export function sinusoids(positions: number, hidden: number): Tensor {
  const table = new Float32Array(positions * hidden)
  for (let position = 0; position < positions; position++)
    for (let column = 0; column < hidden; column++) {
      const angle = position / 10000 ** ((column - (column % 2)) / hidden)
      table[position * hidden + column] = column % 2 === 0 ? Math.sin(angle) : Math.cos(angle)
    }
  return constant(table, [positions, hidden])
}
