// The parameters of a Transformer backbone: their paths and shapes, as in the table of docs/architecture.md.
// A linear layer's weight is [in, out]. The LM head is tied to `embeddings.token.weight` and so is no parameter.
import type { TransformerConfig } from './config.js'

/**
 * Paths and shapes of a backbone's parameters, in the order in which the forward pass meets them. Heads are not among them.
 *
 *     parameterShapes(config).get('embeddings.token.weight')  // [vocabulary, hidden]
 */
export function parameterShapes(config: TransformerConfig): Map<string, number[]> {
  const { vocabulary, hidden, layers, inner, positions, segments, embedding = hidden } = config
  const shapes = new Map<string, number[]>()
  const linear = (path: string, from: number, to: number) => shapes.set(`${path}.weight`, [from, to]).set(`${path}.bias`, [to])
  const norm = (path: string, size = hidden) => shapes.set(`${path}.weight`, [size]).set(`${path}.bias`, [size])
  shapes.set('embeddings.token.weight', [vocabulary, embedding])
  if (config.positionKind === 'learned') shapes.set('embeddings.position.weight', [positions, embedding])
  if (segments > 0) shapes.set('embeddings.segment.weight', [segments, embedding])
  if (config.block === 'post') norm('embeddings.norm', embedding)
  if (embedding !== hidden) linear('embeddings.project', embedding, hidden)
  for (let n = 0; n < layers; n++) {
    for (const part of ['query', 'key', 'value', 'output']) linear(`layers.${n}.attention.${part}`, hidden, hidden)
    norm(`layers.${n}.attention.norm`)
    linear(`layers.${n}.feedforward.up`, hidden, inner)
    linear(`layers.${n}.feedforward.down`, inner, hidden)
    norm(`layers.${n}.feedforward.norm`)
  }
  if (config.block === 'pre') norm('norm')
  if (config.pooler) linear('pooler', hidden, hidden)
  return shapes
}
