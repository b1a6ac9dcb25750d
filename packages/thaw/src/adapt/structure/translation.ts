// Learning to turn one text into another with an encoder–decoder made of a language model: teacher forcing in training, the most probable token at each step
// afterwards (Sutskever, Vinyals & Le 2014).

import { adamw, createExecutor, dim, type Executor, type Feed, input, linear, ops, type Store } from '@thaw/tensor'
import type { Memory } from '../../models/cross-attention.js'
import { decode, type EncoderDecoderConfig, encode, encoderDecoderLoss } from '../../models/encoder-decoder.js'
import { Scope } from '../../nn/scope.js'
import { hash, random } from '../../text/random.js'
import type { Tokenizer } from '../../text/tokenizer/index.js'
import { initialise } from '../../train/initialise.js'
import { runLoop, type StepReport } from '../../train/loop.js'
import { createTrainer } from '../../train/trainer.js'
import type { Backbone } from '../backbone.js'
import { type EncoderDecoderOptions, encoderDecoderFrom } from './encoder-decoder.js'

export interface TextPair {
  source: string
  target: string
}

export interface TranslationOptions extends EncoderDecoderOptions {
  train: readonly TextPair[]
  steps: number
  /** Pairs in a batch; default 32. */
  batch?: number
  /** Peak rate of AdamW, after a tenth of the steps; then linear to 0. Default 1e-3. */
  rate?: number
  /** Begin with random values instead of the model's: the control. */
  scratch?: boolean
  seed?: number
  threads?: number
  signal?: AbortSignal
  onStep?: (report: StepReport) => void
}

export interface Translator {
  readonly config: EncoderDecoderConfig
  translate(texts: readonly string[]): Promise<string[]>
  dispose(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Makes an encoder–decoder of a language model and trains it on pairs of texts.
 *
 * ```ts
 * const { model } = await adaptToTranslation(backbone, { train: [{ source: '4 1', target: 'one four' }, …], steps: 300 })
 * await model.translate(['7 2'])   // ['two seven']
 * ```
 *
 * @throws for pairs longer than the model's positions, and for a tokenizer without an end-of-text token.
 */
export async function adaptToTranslation(
  backbone: Backbone,
  options: TranslationOptions,
): Promise<{ model: Translator; fresh: string[]; loss: number }> {
  const { train, steps, batch = 32, rate = 1e-3, seed = 1, scratch = false, threads, signal, onStep } = options
  if (train.length === 0) throw new Error('train: no pairs')
  const { config, shapes, parameters, fresh } = encoderDecoderFrom(backbone, options)
  const texts = codec(backbone)
  const pairs = train.map(({ source, target }, i) => ({
    source: texts.ids(source, `train, pair ${i + 1}`),
    target: texts.ids(target, `train, pair ${i + 1}`),
  }))
  const executor = await createExecutor(threads === undefined ? {} : { threads })
  try {
    const params = await executor.store('params')
    await params.declare([...shapes].map(([path, shape]) => ({ path, shape, dtype: 'f32' })))
    await initialise(params, shapes, seed)
    if (!scratch) {
      for (const [path, { data }] of parameters) await params.write(path, data)
      for (const path of fresh) if (path.endsWith('.cross.output.weight')) await params.fill(path, { value: 0 })
    }
    const scope = new Scope({ training: true })
    const loss = encoderDecoderLoss(scope, config, sourceInputs(), { ids: tokens('ids'), targets: tokens('targets') })
    const trainer = await createTrainer(executor, { loss, trainable: [...scope.parameters.values()], optimizer: adamw({ clip: 1 }), params })
    const schedule = linear({ warmup: Math.round(steps / 10), total: steps })
    let last = Number.NaN
    await runLoop({
      ...{ trainer, total: steps, seed, rate: (step) => rate * schedule(step), batches: pairBatches(pairs, batch, seed, texts.end) },
      onStep(report) {
        last = report.loss
        onStep?.(report)
      },
      ...(signal ? { signal } : {}),
    })
    await trainer.dispose()
    return { model: await translator(executor, config, params, texts), fresh: scratch ? [...shapes.keys()] : fresh, loss: last }
  } catch (error) {
    await executor[Symbol.asyncDispose]()
    throw error
  }
}

const tokens = (name: string) => input(name, [dim('batch'), dim('time')], 'i32')

const sourceInputs = () => {
  const shape = [dim('batch'), dim('sourceTime')]
  return { ids: input('source', shape, 'i32'), visible: input('visible', shape, 'bool') }
}

interface Codec {
  tokenizer: Tokenizer
  /** Begins and ends a text. */
  end: number
  positions: number
  ids(text: string, where: string): number[]
}

function codec({ tokenizer, source, config: { positions } }: Backbone): Codec {
  const end = tokenizer.special.eos?.id ?? tokenizer.special.sep?.id
  if (end === undefined) throw new Error(`${source}: its tokenizer has no token that ends a text, which the decoder must know when to stop`)
  return {
    ...{ tokenizer, end, positions },
    ids(text, where) {
      const ids = [...tokenizer.ids(text)]
      if (ids.length + 1 > positions)
        throw new Error(`${where}: ${ids.length} tokens and an end are more than the model's ${positions} positions; shorten the text`)
      return ids
    },
  }
}

interface Ids {
  source: number[]
  target: number[]
}

/** Rows padded on the right to one length. */
function paddedRows(rows: readonly (readonly number[])[], fill: number): { feed: Feed; visible: Feed } {
  const time = Math.max(...rows.map((row) => row.length))
  const shape = [rows.length, time]
  const data = new Int32Array(rows.length * time).fill(fill)
  const visible = new Uint8Array(rows.length * time)
  rows.forEach((row, r) => {
    data.set(row, r * time)
    visible.fill(1, r * time, r * time + row.length)
  })
  return { feed: { data, shape }, visible: { data: visible, shape } }
}

/** The decoder reads the end token and the target, and is to say the target and the end token. */
async function* pairBatches(pairs: readonly Ids[], size: number, seed: number, end: number): AsyncGenerator<Record<string, Feed>[]> {
  for (let epoch = 0; ; epoch++) {
    const order = random(hash(seed, epoch)).shuffle(pairs.map((_, i) => i))
    for (let at = 0; at < order.length; at += size) {
      const batch = order.slice(at, at + size).map((i) => pairs[i]!)
      const source = paddedRows(
        batch.map((pair) => [...pair.source, end]),
        end,
      )
      const ids = paddedRows(
        batch.map((pair) => [end, ...pair.target]),
        end,
      )
      const targets = paddedRows(
        batch.map((pair) => [...pair.target, end]),
        -100,
      )
      yield [{ source: source.feed, visible: source.visible, ids: ids.feed, targets: targets.feed }]
    }
  }
}

async function translator(
  executor: Executor,
  config: EncoderDecoderConfig,
  params: Store,
  { tokenizer, end, positions, ids }: Codec,
): Promise<Translator> {
  const encoder = await executor.compile({ outputs: { hidden: encode(new Scope(), config, sourceInputs()).hidden } }, { inference: true })
  const { visible } = sourceInputs()
  const memory: Memory = { hidden: ops.reshape(input('memory', [dim('batch'), dim('sourceTime'), config.hidden]), [-1, config.hidden]), visible }
  const { hidden, table } = decode(new Scope(), config, tokens('ids'), memory)
  const next = ops.argmax(ops.matmul(hidden, table, { transB: true }))
  const decoder = await executor.compile({ outputs: { next } }, { inference: true })

  const batchOf = async (sources: readonly number[][]): Promise<number[][]> => {
    const source = paddedRows(
      sources.map((row) => [...row, end]),
      end,
    )
    const encoded = await encoder.bind({ params }).run({ feeds: { source: source.feed, visible: source.visible } })
    const shape = [...source.feed.shape, config.hidden]
    const feeds = { memory: { data: encoded.outputs.hidden!.data, shape }, visible: source.visible }
    const rows = sources.map(() => [end])
    const done = new Set<number>()
    while (done.size < rows.length && rows[0]!.length < positions) {
      const { outputs } = await decoder.bind({ params }).run({ feeds: { ...feeds, ids: paddedRows(rows, end).feed } })
      const time = rows[0]!.length
      rows.forEach((row, r) => {
        const token = Number(outputs.next!.data[r * time + time - 1])
        if (token === end) done.add(r)
        row.push(token)
      })
    }
    return rows.map((row) => row.slice(1, row.indexOf(end, 1) < 0 ? row.length : row.indexOf(end, 1)))
  }
  const dispose = () => executor[Symbol.asyncDispose]()
  return {
    config,
    async translate(texts) {
      const results: string[] = []
      for (let at = 0; at < texts.length; at += 64) {
        const part = texts.slice(at, at + 64).map((text, i) => ids(text, `text ${at + i + 1}`))
        for (const row of await batchOf(part)) results.push(tokenizer.decode(row).trim())
      }
      return results
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  }
}
