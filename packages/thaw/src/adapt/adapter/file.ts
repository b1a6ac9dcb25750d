// An adapter on disk: `adapter.safetensors`, one small file with the trained parameters under our paths and, in its header, what they were trained on.
// Low-rank updates are written in PEFT's layout too, which Python reads (hub/peft.ts).

import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { asObject, field } from '../../hub/fields.js'
import { type LowRankUpdate, readPeft, writePeft } from '../../hub/peft.js'
import { exists } from '../../hub/replace-folder.js'
import { readSafetensors } from '../../hub/safetensors.js'
import { writeSafetensors } from '../../hub/safetensors-write.js'
import { validateConfig } from '../../models/config.js'
import { plusLowRank } from '../../nn/low-rank.js'
import type { Backbone, NamedValues } from '../backbone.js'
import type { ClassifierDetails } from '../classifier.js'
import type { InsertionIngredient } from '../recipe/insertions.js'
import type { Adapter } from './adapter.js'

/** The name of the file in an adapter's folder. */
export const adapterFile = 'adapter.safetensors'

const key = 'thaw_adapter'
const version = 1

/** Writes an adapter into a folder, which is made. Returns the file's path and its size in bytes. */
export async function saveAdapter(folder: string, adapter: Adapter): Promise<{ path: string; bytes: number }> {
  const { base, details, parameters } = adapter
  await mkdir(folder, { recursive: true })
  const path = join(folder, adapterFile)
  const tensors = [...parameters].map(([name, { shape, data }]) => ({ name, dtype: 'F32' as const, shape, data }))
  await writeSafetensors(path, tensors, { [key]: JSON.stringify({ version, base, details }) })
  return { path, bytes: (await stat(path)).size }
}

/** Reads an adapter from its folder, or from the file itself. @throws where there is none, or the file is of another kind. */
export async function loadAdapter(source: string): Promise<Adapter> {
  const path = source.endsWith('.safetensors') ? source : join(source, adapterFile)
  if (!(await exists(path))) {
    const peft = await exists(join(source, 'adapter_config.json'))
    throw new Error(
      `${source}: no ${adapterFile} here${peft ? "; this is an adapter in PEFT's layout, which has no task: put it into a backbone with withPeft" : '; name the folder that saveAdapter or thaw export --to adapter wrote'}`,
    )
  }
  await using file = await readSafetensors(path)
  const text = file.metadata[key]
  if (text === undefined) throw new Error(`${path}: its header does not say what it was trained on (no ${key}); this is no adapter of Thaw`)
  const header = asObject(JSON.parse(text), `${path}: ${key}`)
  if (field(header, 'version') !== version)
    throw new Error(`${path}: an adapter of version ${JSON.stringify(field(header, 'version'))}; this Thaw reads version ${version}`)
  const base = asObject(field(header, 'base'), `${path}: base`)
  const parameters = new Map<string, NamedValues>()
  for (const [name, { shape }] of file.entries) parameters.set(name, { shape, data: (await file.read(name)) as Float32Array })
  return {
    source,
    base: { ...(base as unknown as Adapter['base']), config: validateConfig(field(base, 'config'), `${path}: base.config`) },
    details: asObject(field(header, 'details'), `${path}: details`) as unknown as ClassifierDetails,
    parameters,
  }
}

/**
 * Writes an adapter's low-rank updates in PEFT's layout (adapter_config.json, adapter_model.safetensors), for transformers' plain model (`AutoModel`).
 * The head of the task has no place there.
 *
 * @throws for adapters that are not low-rank updates only.
 */
export async function savePeft(folder: string, adapter: Adapter): Promise<void> {
  const insertions = (adapter.details.recipe?.ingredients ?? []).filter((x): x is InsertionIngredient => x.kind === 'insertion')
  const other = insertions.find(({ name }) => name !== 'lora')
  if (insertions.length === 0 || other)
    throw new Error(`${adapter.source}: ${other?.name ?? 'a head alone'} has no place in PEFT's layout for LoRA; only low-rank updates (lora) have`)
  const [{ options }] = insertions as [InsertionIngredient]
  if (insertions.length > 1) throw new Error(`${adapter.source}: ${insertions.length} kinds of low-rank updates; PEFT's layout holds one`)
  const updates = new Map<string, LowRankUpdate>()
  for (const [path, { data }] of adapter.parameters) {
    const layer = /^(.*)\.lora\.A$/.exec(path)?.[1]
    if (layer === undefined) continue
    const b = adapter.parameters.get(`${layer}.lora.B`)!.data
    updates.set(`${layer}.weight`, { a: data, b, rank: options.rank!, alpha: options.alpha! })
  }
  await writePeft(folder, adapter.base.config, updates, adapter.base)
}

/** A backbone with the low-rank updates of a PEFT folder added to its weights. @throws where they belong to another model. */
export async function withPeft(base: Backbone, folder: string): Promise<Backbone> {
  const { updates } = await readPeft(folder, base.config)
  const parameters = new Map(base.parameters)
  for (const [path, { a, b, rank, alpha }] of updates) {
    const { shape, data } = parameters.get(path)!
    if (a.length !== rank * shape[0]! || b.length !== rank * shape[1]!)
      throw new Error(
        `${folder}: the update of ${path} is [${a.length / rank}, ${b.length / rank}], ${base.source} has [${shape}]; it belongs to another model`,
      )
    parameters.set(path, { shape, data: plusLowRank(data, a, b, rank, alpha / rank) })
  }
  return { ...base, source: `${base.source} with ${folder}`, parameters }
}
