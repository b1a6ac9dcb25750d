// What every adapted model does with texts: encode, group by length, run, and put the results back in the order of the texts; and how it is saved.

import type { Executable, Executor, Store } from '@thaw/tensor'
import { writeCheckpoint } from '#checkpoint'
import type { TransformerConfig } from '../models/config.js'
import { exampleRows, type RowsOf, type TextLike } from '../tasks/form.js'
import { clfToken, type EncodedText, exampleFeeds, textEncoder } from '../tasks/inputs.js'
import { type Pooling, paddingSide } from '../tasks/pooling.js'
import type { Tokenizer } from '../text/tokenizer/index.js'

/** How a model reads its texts. */
export interface Reading extends RowsOf {
  pooling: Pooling
  maxLength: number
  /** Token types are fed: it was trained on pairs, and its backbone knows two segments. */
  segments?: boolean | undefined
}

export interface OutputsParts {
  /** Its output `outputs` or `probabilities` has one row an example. */
  program: Executable
  stores: Readonly<Record<string, Store>>
  tokenizer: Tokenizer
  reading: Reading
  output: string
}

/** Tokens a batch may have: enough to fill the machine, few enough for its memory. */
const tokensPerBatch = 4096

/** A function from examples to rows of a program's output. */
export function exampleOutputs({
  program,
  stores,
  tokenizer,
  reading,
  output,
}: OutputsParts): (examples: readonly TextLike[]) => Promise<Float32Array[]> {
  const { pooling, maxLength, segments } = reading
  const encode = textEncoder(tokenizer, maxLength, pooling === 'clf' ? tokenizer.tokenToId(clfToken) : undefined)
  const form = { side: paddingSide(pooling), pad: tokenizer.special.pad?.id ?? 0, limit: maxLength, segments }
  return async (examples) => {
    const rows = examples.map((example) => exampleRows(reading, example).map(({ text, pair }) => encode(text, pair)))
    const results = new Array<Float32Array>(examples.length)
    for (const batch of batchesByTokens(rows)) {
      const feeds = exampleFeeds(
        batch.map((i) => rows[i]!),
        form,
      )
      const { outputs } = await program.bind(stores).run({ feeds })
      const data = outputs[output]!.data as Float32Array
      const width = data.length / batch.length
      batch.forEach((i, r) => {
        results[i] = data.slice(r * width, (r + 1) * width)
      })
    }
    return results
  }
}

/** Examples sorted by the length of their longest row, in batches of about as many tokens. */
function batchesByTokens(examples: readonly (readonly EncodedText[])[]): number[][] {
  const lengths = examples.map((rows) => Math.max(...rows.map(({ ids }) => ids.length)))
  const order = lengths.map((_, i) => i).sort((a, b) => lengths[a]! - lengths[b]! || a - b)
  const batches: number[][] = []
  let batch: number[] = []
  for (const i of order) {
    if (batch.length > 0 && (batch.length + 1) * examples[i]!.length * lengths[i]! > tokensPerBatch) {
      batches.push(batch)
      batch = []
    }
    batch.push(i)
  }
  if (batch.length > 0) batches.push(batch)
  return batches
}

/** What an adapted model is made of. */
export interface ModelParts<Details> {
  config: TransformerConfig
  tokenizer: Tokenizer
  details: Details
  executor: Executor
  params: Store
  /** Whether disposing of the model ends the executor too. */
  owns: boolean
}

/** Writes a model as a checkpoint folder; `details` are kept in config.json under `thaw`. */
export async function saveModel<D extends object>(
  folder: string,
  { config, tokenizer, details, params }: Omit<ModelParts<D>, 'executor' | 'owns'>,
  labels?: readonly string[],
): Promise<void> {
  const parameters: { path: string; shape: number[]; data: Float32Array }[] = []
  for (const { path, shape } of await params.describe()) parameters.push({ path, shape: [...shape], data: (await params.read(path)) as Float32Array })
  await writeCheckpoint(folder, {
    config: { model: config, ...(labels ? { labels: [...labels] } : {}), thaw: { ...details, labels: undefined } },
    parameters,
    tokenizer,
  })
}
