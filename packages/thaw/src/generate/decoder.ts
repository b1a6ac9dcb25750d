// Next-token logits, one token at a time: a causal model's program over a key–value cache. Texts of different lengths stand in one batch with
// padding on their left, so that the newest token is the last of every row and all rows grow together.

import { type Dim, dim, type Executor, input, ops, type Store, state } from '@thaw/tensor'
import { attentionCache, cacheNamespace, cacheShapes } from '../models/attention-cache.js'
import type { TransformerConfig } from '../models/config.js'
import { transformer } from '../models/transformer.js'
import { Scope } from '../nn/scope.js'

export interface Decoder {
  readonly config: TransformerConfig
  /** Forgets what was read and reads these texts (ids, at least one a text), with room for `room` more tokens. Logits of each text's next token. */
  start(texts: readonly (readonly number[])[], room: number): Promise<Float32Array[]>
  /** One more token for each text. Logits of the token after it. */
  next(tokens: readonly number[]): Promise<Float32Array[]>
  /** Row i becomes what row `rows[i]` was (beam search). */
  reorder(rows: readonly number[]): Promise<void>
  dispose(): Promise<void>
}

/** Compiles a causal model for decoding. Parameters become constants of the program: later changes of the store are not seen (DESIGN E10). */
export async function createDecoder(executor: Executor, config: TransformerConfig, params: Store): Promise<Decoder> {
  if (!config.causal)
    throw new Error('generation: this model reads both sides of a token (causal: false), so it cannot continue a text; take a causal model')
  const step = await executor.compile(decodingProgram(config), { constants: { params }, inference: true })
  const reorder = await executor.compile(reorderingProgram(config))
  let cache: Store | undefined
  let kept = new Uint8Array() // [batch, capacity]
  let capacity = 0
  let used = 0
  let lengths: number[] = []

  const run = async (ids: Int32Array, visible: Uint8Array, positions: Int32Array): Promise<Float32Array[]> => {
    const batch = lengths.length
    const shape = [batch, ids.length / batch]
    const { outputs } = await step.bind({ cache: cache! }).run({
      feeds: {
        ids: { data: ids, shape },
        visible: { data: visible, shape },
        positions: { data: positions, shape },
        kept: { data: kept, shape: [batch, capacity] },
        offset: { data: Int32Array.of(used), shape: [] },
      },
    })
    const time = shape[1]!
    for (let row = 0; row < batch; row++) kept.set(visible.subarray(row * time, (row + 1) * time), row * capacity + used)
    used += time
    const logits = outputs.logits!.data as Float32Array
    return lengths.map((_, row) => logits.subarray(row * config.vocabulary, (row + 1) * config.vocabulary))
  }

  return {
    config,
    async start(texts, room) {
      const time = Math.max(...texts.map((text) => text.length))
      if (time + room > config.positions) throw new Error(`${time} tokens and ${room} to come: the model has ${config.positions} positions`)
      capacity = time + room
      used = 0
      lengths = texts.map((text) => text.length)
      kept = new Uint8Array(texts.length * capacity)
      await cache?.dispose()
      cache = await executor.store(cacheNamespace)
      await cache.declare(cacheShapes(config, texts.length, capacity).map(([path, shape]) => ({ path, shape, dtype: 'f32' })))
      const [ids, positions] = [new Int32Array(texts.length * time), new Int32Array(texts.length * time)]
      const visible = new Uint8Array(texts.length * time)
      texts.forEach((text, row) => {
        const from = (row + 1) * time - text.length
        ids.set(text, from)
        text.forEach((_, i) => {
          visible[from + i] = 1
          positions[from + i] = i
        })
      })
      return run(ids, visible, positions)
    },
    async next(tokens) {
      if (used === capacity) throw new Error(`generation: the cache's ${capacity} places are used up; start again with more room`)
      const positions = Int32Array.from(lengths)
      lengths = lengths.map((length) => length + 1)
      return run(Int32Array.from(tokens), new Uint8Array(tokens.length).fill(1), positions)
    },
    async reorder(rows) {
      if (rows.every((row, i) => row === i)) return
      const old = kept
      kept = new Uint8Array(old.length)
      rows.forEach((row, i) => {
        kept.set(old.subarray(row * capacity, (row + 1) * capacity), i * capacity)
      })
      lengths = rows.map((row) => lengths[row]!)
      await reorder.bind({ cache: cache! }).run({ feeds: { rows: { data: Int32Array.from(rows), shape: [rows.length] } } })
    },
    async dispose() {
      for (const x of [step, reorder, cache]) await x?.dispose()
    },
  }
}

/** Reads tokens, keeps their keys and values, gives the logits after each row's last token [batch, vocabulary]. */
function decodingProgram(config: TransformerConfig) {
  const scope = new Scope()
  const shape: [Dim, Dim] = [dim('batch'), dim('time')]
  const cache = attentionCache()
  const { hidden } = transformer(scope, config, {
    ids: input('ids', shape, 'i32'),
    visible: input('visible', shape, 'bool'),
    positions: input('positions', shape, 'i32'),
    cache,
  })
  const last = ops.reshape(ops.slice(ops.reshape(hidden, [...shape, config.hidden]), 1, -1), [shape[0], config.hidden])
  const table = scope.parameter('embeddings.token.weight', [config.vocabulary, config.hidden])
  return { outputs: { logits: ops.matmul(last, table, { transB: true }) }, updates: cache.updates }
}

function reorderingProgram(config: TransformerConfig) {
  const rows = input('rows', [dim('batch')], 'i32')
  const places = cacheShapes(config, 1, 1).map(([path, [, heads, , width]]) =>
    state(cacheNamespace, path, [dim('batch'), heads!, dim('capacity'), width!]),
  )
  return { outputs: {}, updates: places.map((place) => ({ kind: 'gather' as const, state: place, ids: rows })) }
}
