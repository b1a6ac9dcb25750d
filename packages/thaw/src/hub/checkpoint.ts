// Checkpoint folders: config.json, tokenizer.json, model.safetensors, in Hugging Face's form for GPT-2- and BERT-shaped models.
// Reading is lazy (a parameter's values are read when asked for); writing replaces the whole folder at once, see `replace-folder.ts`.
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { parameterShapes } from '../models/shapes.js'
import { type Checkpoint, openCheckpoint } from './checkpoint-open.js'
import { type CheckpointConfig, formatConfig } from './config-json.js'
import { elements } from './dtypes.js'
import { type Layout, layoutOf, type Parameter, toTheirs } from './names.js'
import { exists, presentFolder, replaceFolder } from './replace-folder.js'
import { writeSafetensors } from './safetensors-write.js'
import { openWeights } from './weights.js'

export type { Checkpoint, CheckpointParameter } from './checkpoint-open.js'

/** How often a folder that changes while it is opened is tried again. */
const attempts = 20

/**
 * Opens a checkpoint folder, ours or a published one; paths and layouts are ours whatever the file's are.
 *
 *     await using checkpoint = await readCheckpoint('all-MiniLM-L6-v2')
 *     checkpoint.config.model.hidden                                           // 384
 *     await checkpoint.parameters.get('layers.0.feedforward.up.weight')!.read()  // Float32Array(589824), [384, 1536]
 */
export async function readCheckpoint(folder: string): Promise<Checkpoint> {
  for (let attempt = 0; ; attempt++) {
    const found = await presentFolder(folder)
    // A folder that is replaced while it is opened could give the old config with the new weights, or be half deleted: try again.
    const before = found && (await identity(found))
    try {
      if (!found) throw new Error(`${folder}: there is no such folder; give the folder of a checkpoint, with config.json and model.safetensors`)
      const checkpoint = await openFolder(found)
      if (checkpoint && before === (await identity(found))) return checkpoint
      await checkpoint?.close()
    } catch (error) {
      // An error counts if it stays; what stands aside (.new, .old) may be on its way out.
      const settled = found ? before === (await identity(found)) && !/^\..*\.(new|old)$/.test(basename(found)) : true
      if ((settled && attempt > 1) || attempt === attempts) throw error
    }
    if (attempt === attempts)
      throw new Error(`${folder}: it was replaced again and again while it was being opened; stop the program that writes it, or copy it`)
    await setTimeout(attempt)
  }
}

/** Which folder a path names now; the number alone is not enough, as deleted folders' numbers are given out again. */
async function identity(folder: string): Promise<string> {
  const found = await stat(folder, { bigint: true }).catch(() => undefined)
  return found ? `${found.ino} ${found.ctimeNs} ${found.birthtimeNs}` : ''
}

/** Undefined where the config changed meanwhile. */
async function openFolder(folder: string): Promise<Checkpoint | undefined> {
  const configFile = join(folder, 'config.json')
  if (!(await exists(configFile))) throw new Error(`${folder}: no config.json; this is not the folder of a checkpoint, or a part of it is missing`)
  const text = await readFile(configFile, 'utf8')
  const weights = await openWeights(folder)
  try {
    if ((await readFile(configFile, 'utf8')) !== text) {
      await weights.close()
      return undefined
    }
    const tokenizers = [join(folder, 'tokenizer.json'), join(folder, 'vocab.txt')]
    const tokenizerFile = (await exists(tokenizers[0]!)) ? tokenizers[0] : (await exists(tokenizers[1]!)) ? tokenizers[1] : undefined
    return openCheckpoint({ folder, config: { text, where: configFile }, weights, ...(tokenizerFile && { tokenizerFile }) })
  } catch (error) {
    await weights.close()
    throw error
  }
}

export interface CheckpointToWrite {
  config: CheckpointConfig
  parameters: Iterable<Parameter>
  /** Something that can save itself into a folder (tokenizer.json, tokenizer_config.json). */
  tokenizer?: { save(folder: string): Promise<void> | void }
  /** How values are stored; F32 by default. */
  dtype?: 'F32' | 'F16' | 'BF16'
  /** Further files: name to text. */
  extra?: Readonly<Record<string, string>>
}

/** What a checkpoint consists of; everything else in a replaced folder is somebody's own and stays. */
const ownFiles =
  /^(config\.json|generation_config\.json|tokenizer.*|vocab\..*|merges\.txt|special_tokens_map\.json|added_tokens\.json|onnx|.*\.safetensors(\.index\.json)?|.*\.bin(\.index\.json)?)$/

/**
 * Writes a checkpoint folder, atomically: whatever happens, `readCheckpoint` finds the old one or the new one, complete.
 * Models of GPT-2's and BERT's shape get Hugging Face's names, all others our paths. Returned are the layout and the paths for which
 * Hugging Face has no name (heads of ours, adapters): they are kept under their own, and transformers will not use them.
 */
export async function writeCheckpoint(folder: string, checkpoint: CheckpointToWrite): Promise<{ layout: Layout; ownNames: string[] }> {
  const parameters = collect(checkpoint)
  const layout = layoutOf(checkpoint.config.model)
  const heads = new Set([...parameters.keys()].flatMap((path) => /^heads\.([^.]+)\./.exec(path)?.[1] ?? []))
  const config = formatConfig(checkpoint.config, heads)
  const { tensors, ownNames } = toTheirs(layout, parameters, checkpoint.dtype ?? 'F32', layout === 'gpt2' || heads.size > 0)
  const extra = Object.entries(checkpoint.extra ?? {})
  for (const [name] of extra) {
    if (basename(name) !== name || name === '..' || name === '.' || name === 'config.json' || name === 'model.safetensors') {
      throw new Error(`extra: '${name}' must be a plain file name other than config.json and model.safetensors`)
    }
  }
  await refuseForeign(folder)
  await replaceFolder(
    folder,
    async (temporary) => {
      await writeFile(join(temporary, 'config.json'), config)
      for (const [name, text] of extra) await writeFile(join(temporary, name), text)
      await checkpoint.tokenizer?.save(temporary)
      await writeSafetensors(join(temporary, 'model.safetensors'), tensors, { format: 'pt' })
    },
    (entry) => !ownFiles.test(entry),
  )
  return { layout, ownNames }
}

/** A folder that holds something, but no checkpoint, is not ours to replace. */
async function refuseForeign(folder: string): Promise<void> {
  if (!(await exists(folder)) || (await exists(join(folder, 'config.json')))) return
  // a run keeps its state in `training` before it has a model to save
  if ((await stat(folder)).isDirectory() && (await readdir(folder)).every((entry) => entry === 'training')) return
  throw new Error(
    `${folder}: there is something here that is no checkpoint (it has no config.json); it is not replaced. Choose another folder or empty this one.`,
  )
}

function collect({ config, parameters }: CheckpointToWrite): Map<string, Parameter> {
  const byPath = new Map<string, Parameter>()
  for (const parameter of parameters) {
    const { path, shape, data } = parameter
    if (byPath.has(path)) throw new Error(`${path}: there are two parameters of this path; paths must be distinct`)
    if (elements(shape) !== data.length) throw new Error(`${path}: shape [${shape}] has ${elements(shape)} elements, the data has ${data.length}`)
    byPath.set(path, parameter)
  }
  for (const path of ['heads.classification.weight', 'heads.sequence.output.weight']) {
    const outputs = byPath.get(path)?.shape.at(-1)
    if (config.labels && outputs !== undefined && outputs !== config.labels.length)
      throw new Error(`${path}: ${outputs} outputs, but config.labels has ${config.labels.length}; give one label per output`)
  }
  if (layoutOf(config.model) === 'thaw') return byPath
  for (const [path, shape] of parameterShapes(config.model)) {
    const given = byPath.get(path)
    if (!given) throw new Error(`${path}: missing; the configuration asks for it with shape [${shape}]`)
    if (String(given.shape) !== String(shape)) throw new Error(`${path}: shape is [${given.shape}], the configuration asks for [${shape}]`)
  }
  return byPath
}
