// What every adapted model does with texts: encode, group by length, run, and put the results back in the order of the texts; and how it is saved.

import type { Executable, Executor, Store } from '@thaw/tensor'
import { writeCheckpoint } from '#checkpoint'
import type { TransformerConfig } from '../models/config.js'
import { exampleRows, type RowsOf, type TextLike } from '../tasks/form.js'
import { batchesByLength, clfToken, exampleFeeds, textEncoder } from '../tasks/inputs.js'
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
  const form = { side: paddingSide(pooling), pad: tokenizer.special.pad?.id ?? 0, segments }
  return async (examples) => {
    const rows = examples.map((example) => exampleRows(reading, example).map(({ text, pair }) => encode(text, pair)))
    const results = new Array<Float32Array>(examples.length)
    const lengths = rows.map((some) => Math.max(...some.map(({ ids }) => ids.length)))
    for (const batch of batchesByLength(lengths, rows[0]?.length ?? 1)) {
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

/** What an adapted model is made of. */
export interface ModelParts<Details> {
  config: TransformerConfig
  tokenizer: Tokenizer
  details: Details
  executor: Executor
  params: Store
  /** Whether disposing of the model ends the executor too. */
  owns: boolean
  /** Nothing trains the parameters any more (see `parameterAccess`). */
  fixed?: boolean
}

/** Writes a model as a checkpoint folder; `details` are kept in config.json under `thaw`. */
export async function saveModel<D extends { task: string }>(
  folder: string,
  { config, tokenizer, details, params }: Omit<ModelParts<D>, 'executor' | 'owns'>,
  labels?: readonly string[],
): Promise<void> {
  const parameters: { path: string; shape: number[]; data: Float32Array }[] = []
  for (const { path, shape } of await params.describe()) parameters.push({ path, shape: [...shape], data: (await params.read(path)) as Float32Array })
  await writeCheckpoint(folder, {
    config: {
      model: config,
      ...(labels ? { labels: [...labels] } : {}),
      ...(details.task === 'multi-label' ? { multiLabel: true } : {}),
      thaw: { ...details, labels: undefined },
    },
    parameters,
    tokenizer,
  })
}
