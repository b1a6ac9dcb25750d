// A pretrained model in memory: its configuration, its tokenizer and its parameters as plain data (DESIGN D4).

import { type Checkpoint, readCheckpoint } from '../hub/checkpoint.js'
import type { TransformerConfig } from '../models/config.js'
import { loadTokenizer, type Tokenizer } from '../text/tokenizer/index.js'

export interface NamedValues {
  shape: readonly number[]
  data: Float32Array
}

export interface Backbone {
  /** Where it came from. */
  readonly source: string
  readonly config: TransformerConfig
  readonly tokenizer: Tokenizer
  /** By path, those of docs/architecture.md. Heads that the checkpoint had are here too. */
  readonly parameters: ReadonlyMap<string, NamedValues>
  /** What else the checkpoint says of itself: labels, pooling. */
  readonly details: Checkpoint['config']
}

/**
 * Loads a checkpoint folder.
 *
 * ```ts
 * const backbone = await load('./checkpoints/wiki-lm')
 * backbone.config.hidden   // 256
 * ```
 */
export async function load(folder: string): Promise<Backbone> {
  await using checkpoint = await readCheckpoint(folder)
  const parameters = new Map<string, NamedValues>()
  for (const [path, parameter] of checkpoint.parameters) parameters.set(path, { shape: parameter.shape, data: await parameter.read() })
  return { source: folder, config: checkpoint.config.model, tokenizer: await loadTokenizer(folder), parameters, details: checkpoint.config }
}
