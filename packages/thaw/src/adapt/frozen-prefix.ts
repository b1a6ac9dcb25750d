// A frozen layer costs nothing: where nothing up to some activation trains, that activation is computed once for each text and kept for all epochs of the
// stage, and a step begins there. The frozen part is computed in evaluation mode; what its dropout would have changed is measured and reported.

import { cut, dependenciesOf, type Executor, type Feed, type Shape, type Store, type Tensor } from '@thaw/tensor'
import { hasDisk, spillFile } from '#spill-file'
import type { Network } from './network.js'

/** A stage's network cut in two. */
export interface FrozenPrefix {
  /** The site of the cut: the highest one below which nothing trains. */
  site: string
  /** The activation there, [batch, time, hidden] or [batch, hidden], without dropout and as training has it. */
  plain: Tensor
  training: Tensor
  /** The loss and its parts, from inputs that are named after the site. */
  loss: Tensor
  losses: Readonly<Record<string, Tensor>>
  /** What the upper part is fed with, and the lower. */
  inputs: { upper: ReadonlySet<string>; lower: ReadonlySet<string> }
}

/**
 * Cuts a network where its frozen part ends; undefined where the embeddings train, or where the upper part needs more of the texts than the activation at
 * the cut (so that nothing would be spared). `plain` is the same network without dropout.
 */
export function frozenPrefix(network: Network, plain: Network, trained: readonly string[]): FrozenPrefix | undefined {
  const { scope, loss, losses, inputs } = network
  const layers = [...scope.taps.keys()].filter((path) => /^layers\.\d+$/.test(path))
  const trains = new Set(trained.map((path) => `params:${path}`))
  const [batch, time] = inputs.ids.shape as Shape
  for (const site of ['heads.classification.input', 'hidden', ...layers.reverse()]) {
    const [above, below] = [scope.taps.get(site), plain.scope.taps.get(site)]
    if (!above || !below) continue
    const from = dependenciesOf([below])
    if (from.some((name) => trains.has(name))) continue
    const shape = site === 'heads.classification.input' ? above.shape : [batch!, time!, above.shape.at(-1)!]
    const parts = cut({ ...losses, loss }, { [site]: above }, { [site]: shape })
    const { loss: upper, ...uppers } = parts.suffix as Record<string, Tensor> & { loss: Tensor }
    const needed = dependenciesOf([upper])
    if (needed.includes('ids')) continue
    const inputsOf = (names: readonly string[]) => new Set(names.filter((name) => !name.includes(':')))
    return {
      site,
      plain: cut({ below }, { [site]: below }, { [site]: shape }).prefix[site]!,
      training: parts.prefix[site]!,
      loss: upper,
      losses: uppers,
      inputs: { upper: inputsOf(needed), lower: inputsOf(from) },
    }
  }
  return undefined
}

/** What is said of a cache when it is filled. */
export interface CacheReport {
  site: string
  /** The first step that reads it. */
  from: number
  texts: number
  bytes: number
  /** Of these, on disk. */
  spilled: number
  seconds: number
  /** √(Σ (h′ − h)² / Σ h²) over one batch, h′ with dropout: how far the frozen part's dropout moves what is cached. 0 where there is none. */
  dropoutDifference: number
}

type Feeds = Readonly<Record<string, Feed>>

export interface CacheOptions {
  executor: Executor
  params: Store
  /** How many texts there are, and each one's number of tokens. */
  lengths: readonly number[]
  /** The feeds of some texts. */
  feedsOf: (texts: readonly number[]) => Feeds
  /** Bytes that may be kept in memory; what is more goes into a file. */
  memory: number
  seed: number
}

/** The activations of all texts at a cut. */
export interface ActivationCache extends AsyncDisposable {
  report: Omit<CacheReport, 'from'>
  /** A batch's feeds for the upper part, from those of the whole network. */
  feeds(batch: readonly number[], feeds: Feeds): Promise<Feeds>
}

/** Texts of one run of the frozen part. */
const textsPerRun = 64

const pooled = ({ plain }: FrozenPrefix) => plain.rank === 2
const widthOf = ({ plain }: FrozenPrefix) => plain.shape.at(-1) as number

/** Bytes of all texts' activations. */
const bytesOf = (prefix: FrozenPrefix, lengths: readonly number[]): number =>
  4 * widthOf(prefix) * lengths.reduce((sum, length) => sum + (pooled(prefix) ? 1 : length), 0)

/** Whether there is room for the activations of all texts. */
export const fits = (prefix: FrozenPrefix, lengths: readonly number[], memory: number): boolean => hasDisk || bytesOf(prefix, lengths) <= memory

/** The frozen part runs once over all texts. */
export async function activationCache(prefix: FrozenPrefix, options: CacheOptions): Promise<ActivationCache> {
  const { executor, params, lengths, feedsOf, memory, seed } = options
  const started = performance.now()
  const { site, plain, training, inputs } = prefix
  const [whole, width, bytes] = [pooled(prefix), widthOf(prefix), bytesOf(prefix, lengths)]
  const file = bytes > memory ? await spillFile() : undefined
  const kept = new Map<number, Float32Array | number>() // values, or their place in the file
  let used = 0
  const keep = async (text: number, values: Float32Array) => {
    if (used + values.byteLength <= memory || !file) {
      used += values.byteLength
      kept.set(text, values)
    } else kept.set(text, await file.append(values))
  }
  const fed = (feeds: Feeds) => Object.fromEntries(Object.entries(feeds).filter(([name]) => inputs.lower.has(name)))
  // the order and the batches are the same whenever the cache is filled: a resumed run reads the same numbers
  const order = lengths.map((_, i) => i).sort((a, b) => lengths[a]! - lengths[b]! || a - b)
  const program = await executor.compile({ outputs: { h: plain } })
  for (let at = 0; at < order.length; at += textsPerRun) {
    const texts = order.slice(at, at + textsPerRun)
    const feeds = feedsOf(texts)
    const { outputs } = await program.bind({ params }).run({ feeds: fed(feeds) })
    const data = outputs.h!.data as Float32Array
    for (const [row, { from, length }] of rowsOf(feeds, texts, whole).entries())
      await keep(texts[row]!, data.slice(from * width, (from + length) * width))
  }
  const someTexts = order.slice(0, textsPerRun)
  const dropoutDifference = await difference(executor, params, [plain, training], fed(feedsOf(someTexts)), seed)
  await program.dispose()
  return {
    report: {
      ...{ site, texts: lengths.length, bytes, spilled: bytes - used, dropoutDifference },
      seconds: (performance.now() - started) / 1000,
    },
    async feeds(batch, feeds) {
      const [rows, time] = (feeds.ids as { shape: readonly number[] }).shape as [number, number]
      const data = new Float32Array(rows * (whole ? 1 : time) * width)
      for (const [row, { from, length }] of rowsOf(feeds, batch, whole).entries()) {
        const at = kept.get(batch[row]!)!
        data.set(typeof at === 'number' ? await file!.read(at, length * width) : at, from * width)
      }
      const others = Object.entries(feeds).filter(([name]) => inputs.upper.has(name))
      return { ...Object.fromEntries(others), [site]: { data, shape: whole ? [rows, width] : [rows, time, width] } }
    },
    async [Symbol.asyncDispose]() {
      await file?.[Symbol.asyncDispose]()
    },
  }
}

/** Where each text's rows stand in a padded batch. */
function rowsOf(feeds: Feeds, texts: readonly number[], whole: boolean): { from: number; length: number }[] {
  if (whole) return texts.map((_, row) => ({ from: row, length: 1 }))
  const visible = (feeds.visible as { data: Uint8Array }).data
  const time = visible.length / texts.length
  return texts.map((_, row) => {
    const there = visible.subarray(row * time, (row + 1) * time)
    return { from: row * time + there.indexOf(1), length: there.reduce((sum, x) => sum + x, 0) }
  })
}

async function difference(executor: Executor, params: Store, [plain, training]: [Tensor, Tensor], feeds: Feeds, seed: number): Promise<number> {
  const program = await executor.compile({ outputs: { plain, training } })
  const { outputs } = await program.bind({ params }).run({ feeds, seed, step: 0 })
  await program.dispose()
  const [a, b] = [outputs.plain!.data as Float32Array, outputs.training!.data as Float32Array]
  let [apart, size] = [0, 0]
  for (const [i, value] of a.entries()) {
    apart += (b[i]! - value) ** 2
    size += value ** 2
  }
  return Math.sqrt(apart / Math.max(size, 1e-30))
}
