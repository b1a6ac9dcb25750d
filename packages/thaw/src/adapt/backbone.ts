// A pretrained model in memory: its configuration, its tokenizer and its parameters as plain data (DESIGN D4).

import { type Checkpoint, readCheckpoint, writeCheckpoint } from '#checkpoint'
import { checkpointFolder } from '#checkpoint-folder'
import type { HubOptions } from '../hub/remote/pull.js'
import type { TransformerConfig } from '../models/config.js'
import { loadTokenizer, type Tokenizer } from '../text/tokenizer/index.js'

export interface NamedValues {
  shape: readonly number[]
  data: Float32Array
}

export interface Backbone {
  /** Where it came from. */
  readonly source: string
  /** The branch, tag or commit of it that was asked for. */
  readonly revision?: string
  readonly config: TransformerConfig
  readonly tokenizer: Tokenizer
  /** By path, those of docs/architecture.md. Heads that the checkpoint had are here too. */
  readonly parameters: ReadonlyMap<string, NamedValues>
  /** What else the checkpoint says of itself: labels, pooling. */
  readonly details: Checkpoint['config']
}

/**
 * Loads a checkpoint: a folder, or a name, which is pulled from a hub (see {@link pull} for endpoint, token, cache, offline).
 *
 * ```ts
 * const backbone = await load('./checkpoints/wiki-lm')
 * backbone.config.hidden   // 256
 * await load('sentence-transformers/all-MiniLM-L6-v2')
 * ```
 */
export async function load(source: string, options: HubOptions = {}): Promise<Backbone> {
  const folder = await checkpointFolder(source, options)
  await using checkpoint = await readCheckpoint(folder)
  const parameters = new Map<string, NamedValues>()
  for (const [path, parameter] of checkpoint.parameters) parameters.set(path, { shape: parameter.shape, data: await parameter.read() })
  const tokenizer = await loadTokenizer(folder)
  const revision = options.revision === undefined ? {} : { revision: options.revision }
  return { source, ...revision, config: checkpoint.config.model, tokenizer, parameters, details: checkpoint.config }
}

/** Writes a backbone (with its heads and what else it says of itself) as a checkpoint folder. */
export async function saveBackbone(folder: string, { config, tokenizer, parameters, details }: Backbone): Promise<void> {
  const plain = [...parameters].map(([path, { shape, data }]) => ({ path, shape: [...shape], data }))
  await writeCheckpoint(folder, { config: { ...details, model: config }, parameters: plain, tokenizer })
}
