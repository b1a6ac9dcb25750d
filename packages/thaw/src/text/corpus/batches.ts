// Batches for language modelling from a token cache: windows of consecutive ids in an order that is a function of (seed, epoch), so that any
// batch can be entered at once (a resumed run) and no list of windows is held. The next batch is read while the current one is in use.
import { hash, permutation } from '../random.js'
import type { TokenCache } from './token-cache.js'

/** The shape and range of batches. */
export interface BatchShape {
  /** Windows a batch. */
  batch: number
  /** Tokens a window. */
  time: number
  /** Token range, `from` inclusive, `to` exclusive; the whole corpus unless told. A tail left out is held out. */
  from?: number
  to?: number
}

/** Options of `languageModelBatches`. */
export interface LanguageModelBatchesOptions extends BatchShape {
  seed: number
  epoch?: number
  /** Index of the first batch: where a resumed run goes on. */
  start?: number
  /** False keeps the order of the text (validation). */
  shuffle?: boolean
}

/** One batch: row r of `targets` is row r of `inputs` moved by one token. */
export interface LanguageModelBatch {
  inputs: Int32Array // [batch, time]
  targets: Int32Array // [batch, time]
  index: number
}

/** Batches an epoch: floor(floor((tokens − 1) / time) / batch); what is left over differs from epoch to epoch. */
export function languageModelBatchCount(cache: Pick<TokenCache, 'tokens'>, shape: BatchShape): number {
  return Math.floor(windows(cache, shape) / shape.batch)
}

function windows(cache: Pick<TokenCache, 'tokens'>, { batch, time, from = 0, to = cache.tokens }: BatchShape): number {
  for (const [name, value] of Object.entries({ batch, time })) {
    if (!Number.isInteger(value) || value < 1) throw new RangeError(`${name}: expected an integer of at least 1; got ${value}`)
  }
  if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to && to <= cache.tokens))
    throw new RangeError(`from, to: expected 0 ≤ from ≤ to ≤ ${cache.tokens} (the corpus's tokens); got from ${from} to ${to}`)
  const count = Math.floor((to - from - 1) / time)
  if (count < batch)
    throw new RangeError(
      `too few tokens: a batch of ${batch} windows of ${time} needs ${batch * time + 1}, the range has ${to - from}; take more text, or a smaller batch or time`,
    )
  return count
}

/**
 * The batches of one epoch, from `start` on.
 *
 * @throws RangeError when the range has less than one batch, or `start` lies outside the epoch.
 * @example
 * for await (const { inputs, targets } of languageModelBatches(cache, { batch: 16, time: 64, seed: 1, epoch: 0 })) …
 */
export async function* languageModelBatches(cache: TokenCache, options: LanguageModelBatchesOptions): AsyncGenerator<LanguageModelBatch> {
  const { batch, time, seed, from = 0, epoch = 0, start = 0, shuffle = true } = options
  const count = windows(cache, options)
  const batches = Math.floor(count / batch)
  if (!Number.isInteger(start) || start < 0 || start > batches)
    throw new RangeError(`start: expected a batch index from 0 to ${batches}; got ${start}`)
  const order = shuffle ? permutation(count, hash(seed, epoch)) : (window: number) => window
  const load = async (index: number): Promise<LanguageModelBatch> => {
    const inputs = new Int32Array(batch * time)
    const targets = new Int32Array(batch * time)
    const rows = Array.from({ length: batch }, async (_, row) => {
      const ids = await cache.read(from + order(index * batch + row) * time, time + 1)
      inputs.set(ids.subarray(0, time), row * time)
      targets.set(ids.subarray(1), row * time)
    })
    await Promise.all(rows)
    return { inputs, targets, index }
  }
  let next = start < batches ? load(start) : undefined
  try {
    for (let index = start; index < batches; index++) {
      const current = await next!
      next = index + 1 < batches ? load(index + 1) : undefined
      next?.catch(() => {}) // reported when its turn comes
      yield current
    }
  } finally {
    await next?.catch(() => {}) // the cache may be closed after this
  }
}
