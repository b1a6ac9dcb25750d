// What a pretraining objective is to the loop that trains with it: a graph with a loss, batches for it, and a way to evaluate. One file an objective
// beside this one; index.ts lists them by name.

import type { Executor, Feed, Store, Tensor } from '@thaw/tensor'
import type { TransformerConfig } from '../../models/config.js'
import type { Scope } from '../../nn/scope.js'
import type { TokenCache } from '../../text/corpus/index.js'
import type { Tokenizer } from '../../text/tokenizer/index.js'
import type { PretrainSettings } from '../settings.js'

/** An input of the loss that does not count: −100, as in PyTorch. */
export const ignored = -100

/** A range of a corpus's tokens, `to` exclusive. */
export interface Range {
  from: number
  to: number
}

export type Feeds = Readonly<Record<string, Feed>>

/** Which batch it is: what is random about it is a function of these and the run's seed (DESIGN E11). */
export interface Place {
  step: number
  microstep: number
}

/** A corpus as batches in an order that is a function of (seed, epoch). */
export interface BatchSource {
  /** Batches in an epoch. */
  readonly count: number
  /** The batches of an epoch from `start` on. */
  epoch(epoch: number, start: number): AsyncGenerator<{ index: number; feeds(place: Place): Feeds }>
  /** Frees what making batches has needed. */
  dispose?(): Promise<void>
}

export interface Evaluation {
  /** Summed loss in nats over all tokens that were predicted. */
  loss: number
  /** Predictions. */
  tokens: number
  /** Words that these tokens make up. */
  words: number
  perToken: number
  /** exp(loss / words): comparable across tokenizers where words are counted alike. */
  perWord: number
  /** What else an objective measures, by name. */
  others?: Record<string, number>
}

export interface Evaluator {
  /** Of a range of a cache, which has so many words. `first` is the token before the range's first one. */
  evaluate(cache: TokenCache, range?: { from?: number; to?: number; words?: number; first?: number }): Promise<Evaluation>
  dispose(): Promise<void>
}

export interface Objective {
  /** Everything that is trained: the backbone's parameters and those of heads. */
  readonly shapes: ReadonlyMap<string, readonly number[]>
  /** The paths of a checkpoint: those of `shapes` that are of use after training. */
  readonly saved: readonly string[]
  /** Named dimensions that are the same in all batches. */
  readonly sizes: Readonly<Record<string, number>>
  /** The loss, and more scalars to log at each step. */
  graph(scope: Scope): { loss: Tensor; outputs?: Readonly<Record<string, Tensor>> }
  batches(cache: TokenCache, range: Range): Promise<BatchSource>
  evaluator(executor: Executor, params: Store): Promise<Evaluator>
}

/** What an objective is made from. */
export interface ObjectiveContext {
  settings: PretrainSettings
  /** The size's configuration with what the objective and the settings change. */
  config: TransformerConfig
  tokenizer: Tokenizer
}

/** An objective before there is a model. */
export interface ObjectiveKind {
  /** What it changes in a size's configuration. */
  config(settings: PretrainSettings): Partial<TransformerConfig>
  /** Trains a tokenizer for it. */
  trainTokenizer(texts: AsyncIterable<string>, vocabulary: number): Promise<Tokenizer>
  /** Adds the special tokens that it needs and a tokenizer has not. */
  addTokens?(tokenizer: Tokenizer): void
  create(context: ObjectiveContext): Objective | Promise<Objective>
}
