// A checkpoint's configuration and weights as our paths and layouts, wherever they were read from: a folder (checkpoint.ts), or an address
// (../browser/checkpoint.ts).
import { type CheckpointConfig, parseConfig } from './config-json.js'
import { elements } from './dtypes.js'
import { isTied } from './fields.js'
import { type Layout, type Place, takeOurs, toOurs } from './names.js'
import type { SafetensorsFile } from './safetensors-open.js'

export interface CheckpointParameter {
  shape: number[]
  read(): Promise<Float32Array>
  /** Reads into memory that exists, without a copy where the file has the values as we do. */
  readInto(target: Float32Array): Promise<void>
}

export interface Checkpoint {
  readonly folder: string
  readonly layout: Layout
  readonly config: CheckpointConfig
  readonly parameters: ReadonlyMap<string, CheckpointParameter>
  /** Tensors of the file that hold no parameter: buffers, copies of tied tables. */
  readonly ignored: readonly string[]
  /** tokenizer.json or, where there is none, vocab.txt. */
  readonly tokenizerFile?: string
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** The weight files: the one that holds each tensor. */
export interface Weights {
  files: Map<string, SafetensorsFile>
  close(): Promise<void>
}

export interface CheckpointParts {
  folder: string
  /** The text of config.json, and what errors call it. */
  config: { text: string; where: string }
  weights: Weights
  tokenizerFile?: string
}

/** Puts a checkpoint together; nothing but headers has been read. */
export function openCheckpoint({ folder, config: { text, where }, weights, tokenizerFile }: CheckpointParts): Checkpoint {
  const { config, layout, raw } = parseConfig(text, new Set(weights.files.keys()), where)
  const tensors = [...weights.files].map(([name, file]) => ({ name, shape: file.entries.get(name)!.shape }))
  const { places, ignored } = toOurs(layout, tensors, isTied(raw), folder)
  return {
    folder,
    layout,
    config,
    parameters: readers(weights, places),
    ignored,
    ...(tokenizerFile && { tokenizerFile }),
    close: weights.close,
    [Symbol.asyncDispose]: weights.close,
  }
}

function readers(weights: Weights, places: Place[]): Map<string, CheckpointParameter> {
  // GPT-2's query, key and value are three paths of one tensor, asked for one after the other: it is read once.
  let last: { name: string; values: Promise<Float32Array>; left: number } | undefined
  const shared = (name: string, parts: number): Promise<Float32Array> => {
    if (last?.name !== name) last = { name, values: whole(weights, name), left: parts }
    const { values } = last
    if (--last.left === 0) last = undefined
    return values
  }
  return new Map(
    places.map((place) => {
      const { name, rule, shape, path } = place
      const read = async () => takeOurs(place, await (rule?.parts ? shared(name, rule.parts) : whole(weights, name)))
      const readInto = async (target: Float32Array) => {
        if (!rule?.parts && !rule?.transpose && !rule?.skipRows) return weights.files.get(name)!.readInto(name, target)
        const values = await read()
        if (values.length !== target.length)
          throw new Error(`${path}: shape [${shape}] has ${values.length} elements, the target has ${target.length}`)
        target.set(values)
      }
      return [path, { shape, read, readInto }]
    }),
  )
}

async function whole({ files }: Weights, name: string): Promise<Float32Array> {
  const file = files.get(name)!
  const values = new Float32Array(elements(file.entries.get(name)!.shape))
  await file.readInto(name, values)
  return values
}
