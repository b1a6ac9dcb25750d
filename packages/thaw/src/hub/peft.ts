// Low-rank updates in the layout of Python's PEFT: adapter_config.json and adapter_model.safetensors, with the names of transformers' modules
// (huggingface/peft, src/peft/utils/save_and_load.py). PEFT's A is [rank, in] and B [out, rank], ours are [in, rank] and [rank, out]. GPT-2 keeps query, key and
// value in one matrix, so their updates become one of the summed rank, whose B is zero where an update has no say.

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TransformerConfig } from '../models/config.js'
import { takeColumns, transpose } from './columns.js'
import { asObject, field, type Json, numberField, refuse } from './fields.js'
import { type Layout, layoutOf, numberOut, type Rule, tables } from './names.js'
import { replaceFolder } from './replace-folder.js'
import { readSafetensors } from './safetensors.js'
import { type TensorToWrite, writeSafetensors } from './safetensors-write.js'

/** An update of a weight [in, out]: (alpha / rank) · A·B, with A [in, rank] and B [rank, out]. */
export interface LowRankUpdate {
  a: Float32Array
  b: Float32Array
  rank: number
  alpha: number
}

const files = { config: 'adapter_config.json', weights: 'adapter_model.safetensors' } as const

/** What a module of theirs is made of: whole, or parts side by side. */
interface Module {
  name: string
  rank: number
  alpha: number
  a: Float32Array // [rank, in]
  b: Float32Array // [out, rank]
}

/**
 * Writes updates as PEFT does, for transformers' plain model (`AutoModel`). `base` is the model they belong to, as PEFT names it.
 *
 * @throws for weights that transformers has no linear layer for.
 */
export async function writePeft(
  folder: string,
  config: TransformerConfig,
  updates: ReadonlyMap<string, LowRankUpdate>,
  base: { name?: string; revision?: string } = {},
): Promise<void> {
  const layout = layoutOf(config)
  const modules = modulesOf(layout, config, updates)
  const most = Math.max(...modules.map(({ rank }) => rank))
  const first = modules.find(({ rank }) => rank === most)!
  const others = modules.filter(({ rank, alpha }) => rank !== first.rank || alpha !== first.alpha)
  const settings = {
    peft_type: 'LORA',
    task_type: 'FEATURE_EXTRACTION',
    base_model_name_or_path: base.name ?? null,
    ...(base.revision === undefined ? {} : { revision: base.revision }),
    r: first.rank,
    lora_alpha: first.alpha,
    rank_pattern: Object.fromEntries(others.map(({ name, rank }) => [name, rank])),
    alpha_pattern: Object.fromEntries(others.map(({ name, alpha }) => [name, alpha])),
    target_modules: modules.map(({ name }) => name),
    fan_in_fan_out: layout === 'gpt2',
    lora_dropout: 0,
    bias: 'none',
    modules_to_save: null,
    inference_mode: true,
  }
  const tensors = modules.flatMap(({ name, rank, a, b }): TensorToWrite[] => [
    { name: `base_model.model.${name}.lora_A.weight`, dtype: 'F32', shape: [rank, a.length / rank], data: a },
    { name: `base_model.model.${name}.lora_B.weight`, dtype: 'F32', shape: [b.length / rank, rank], data: b },
  ])
  await replaceFolder(
    folder,
    async (temporary) => {
      await writeFile(join(temporary, files.config), `${JSON.stringify(settings, undefined, 2)}\n`)
      await writeSafetensors(join(temporary, files.weights), tensors, { format: 'pt' })
    },
    (entry) => entry !== files.config && entry !== files.weights,
  )
}

function modulesOf(layout: Layout, { hidden }: TransformerConfig, updates: ReadonlyMap<string, LowRankUpdate>): Module[] {
  const rules = new Map(tables[layout].rules.map((rule) => [rule.ours, rule]))
  const joined = new Map<string, { rule: Rule; update: LowRankUpdate }[]>()
  for (const [path, update] of updates) {
    const [pattern, number] = numberOut(path)
    const rule = rules.get(pattern)
    if (!rule || !path.startsWith('layers.'))
      throw new Error(
        `${path}: transformers has no linear layer for it, so PEFT's layout cannot hold its update; there are linear layers in GPT-2's and BERT's forms`,
      )
    const name = rule.theirs.replace('#', number).replace(/\.weight$/, '')
    joined.set(name, [...(joined.get(name) ?? []), { rule, update }])
  }
  return [...joined].map(([name, members]): Module => {
    const rank = members.reduce((sum, { update }) => sum + update.rank, 0)
    // scales differ only where two recipes met: they go into B then
    const scale = members[0]!.update.alpha / members[0]!.update.rank
    const inputs = members[0]!.update.a.length / members[0]!.update.rank
    const parts = members[0]!.rule.parts ?? 1
    const outputs = parts === 1 ? members[0]!.update.b.length / members[0]!.update.rank : parts * hidden
    const a = new Float32Array(rank * inputs)
    const b = new Float32Array(outputs * rank)
    let at = 0
    for (const { rule, update } of members) {
      a.set(transpose(update.a, inputs, update.rank), at * inputs)
      const factor = update.alpha / update.rank / scale
      const width = outputs / parts
      for (let r = 0; r < update.rank; r++)
        for (let o = 0; o < width; o++) b[((rule.part ?? 0) * width + o) * rank + at + r] = factor * update.b[r * width + o]!
      at += update.rank
    }
    return { name, rank, alpha: scale * rank, a, b }
  })
}

/**
 * Reads low-rank updates that PEFT saved for a model of this form, whichever class of transformers it was trained in.
 *
 * @throws for settings that are more than A·B (DoRA, biases), and for modules that the model does not have.
 */
export async function readPeft(folder: string, config: TransformerConfig): Promise<{ updates: Map<string, LowRankUpdate>; base?: string }> {
  const where = join(folder, files.config)
  const raw = asObject(JSON.parse(await readFile(where, 'utf8')), where)
  refuse(raw, 'peft_type', ['LORA'], where)
  refuse(raw, 'bias', ['none'], where)
  for (const key of ['use_dora', 'lora_bias']) refuse(raw, key, [false], where)
  const { prefix, rules } = tables[layoutOf(config)]
  await using file = await readSafetensors(join(folder, files.weights))
  const updates = new Map<string, LowRankUpdate>()
  for (const [tensor, { shape }] of file.entries) {
    const module = /^base_model\.model\.(.*)\.lora_A\.weight$/.exec(tensor)?.[1]
    if (module === undefined) continue
    const plain = prefix && module.startsWith(prefix) ? module.slice(prefix.length) : module
    const [pattern, number] = numberOut(`${plain}.weight`)
    const found = rules.filter(({ theirs }) => theirs === pattern)
    if (found.length === 0 || Number(number) >= config.layers)
      throw new Error(
        `${file.path}: ${module} is no module of this model (${config.layers} layers × ${config.hidden}); the adapter belongs to another one`,
      )
    const [rank, inputs] = shape as [number, number]
    const a = transpose((await file.read(tensor)) as Float32Array, rank, inputs)
    const whole = (await file.read(tensor.replace('lora_A', 'lora_B'))) as Float32Array
    const b = transpose(whole, whole.length / rank, rank) // [rank, out]
    const alpha = scaleOf(raw, plain, rank, where) * rank
    for (const rule of found) {
      const part = rule.parts ? takeColumns(b, rank, rule.part!, rule.parts) : b
      updates.set(rule.ours.replace('#', number), { a, b: part, rank, alpha })
    }
  }
  if (updates.size === 0) throw new Error(`${file.path}: no low-rank updates (tensors named …lora_A.weight)`)
  const base = field(raw, 'base_model_name_or_path')
  return { updates, ...(typeof base === 'string' ? { base } : {}) }
}

/** The factor of A·B: alpha / rank, or alpha / √rank where rank-stabilised (Kalajdzievski 2023). */
function scaleOf(raw: Json, module: string, rank: number, where: string): number {
  const patterns = Object.entries(asObject(field(raw, 'alpha_pattern') ?? {}, `${where}: alpha_pattern`))
  const special = patterns.find(([key]) => new RegExp(`^(.*\\.)?(${key})$`).test(module))
  const alpha = special ? Number(special[1]) : numberField(raw, 'lora_alpha', where)
  return alpha / (field(raw, 'use_rslora') === true ? Math.sqrt(rank) : rank)
}
