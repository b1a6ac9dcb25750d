// Between our dotted paths and the tensors of a file. A layout's table of rules is read in both directions;
// what no rule knows keeps its name, so that adapters and other heads live beside Hugging Face's tensors.
import type { TransformerConfig } from '../models/config.js'
import { bertNames } from './bert.js'
import { joinColumns, takeColumns, transpose } from './columns.js'
import { distilbertNames } from './distilbert.js'
import type { Dtype } from './dtypes.js'
import { electraNames } from './electra.js'
import { gpt2Names } from './gpt2.js'
import { robertaNames } from './roberta.js'
import type { TensorToWrite } from './safetensors-write.js'

/** One parameter of ours and where Hugging Face keeps it; `#` is a layer's number. */
export interface Rule {
  ours: string
  theirs: string
  transpose?: boolean
  /** Which of `parts` equal blocks of columns. */
  part?: number
  parts?: number
  /** Rows at the start of their table that have no counterpart in ours (only read). */
  skipRows?: number
  /** Whether the name stands outside the backbone's prefix (heads). */
  outside?: boolean
}

export interface NameTable {
  /** What the backbone's names begin with in a model that has a head. */
  prefix: string
  rules: Rule[]
  /** Buffers that hold no parameter. */
  ignored: string[]
  /** Copies of a tied table: ignored, unless the config says they are not tied. */
  tied: string[]
}

/** Whose names a model is stored with: Hugging Face's for these shapes, our own paths for every other. A RoBERTa is read as what it is, and saved as a BERT. */
export type Layout = 'gpt2' | 'bert' | 'roberta' | 'distilbert' | 'electra' | 'thaw'

export function layoutOf(config: TransformerConfig): Layout {
  const { block, causal, positionKind, segments, pooler } = config
  if (positionKind !== 'learned') return 'thaw'
  if (block === 'pre' && causal && segments === 0 && !pooler) return 'gpt2'
  if (block !== 'post' || causal) return 'thaw'
  if (segments === 0) return pooler || config.embedding ? 'thaw' : 'distilbert'
  return config.embedding ? (pooler ? 'thaw' : 'electra') : 'bert'
}

/** The names of each layout. */
export const tables: Readonly<Record<Layout, NameTable>> = {
  gpt2: gpt2Names,
  bert: bertNames,
  roberta: robertaNames,
  distilbert: distilbertNames,
  electra: electraNames,
  thaw: { prefix: '', rules: [], ignored: [], tied: [] },
}

/** A path's place: the tensor `name` of the file and what to do with its values. */
export interface Place {
  path: string
  shape: number[]
  name: string
  rule?: Rule
}

/**
 * The parameters behind the tensors of a file. Old names (`LayerNorm.gamma`) and names with or without the prefix are known.
 * Throws where two tensors stand for one path, or a tensor's rank or width contradicts its name.
 */
export function toOurs(
  layout: Layout,
  tensors: Iterable<{ name: string; shape: readonly number[] }>,
  tied: boolean,
  where: string,
): { places: Place[]; ignored: string[] } {
  const table = tables[layout]
  const byName = new Map<string, Rule[]>()
  for (const rule of table.rules) byName.set(rule.theirs, [...(byName.get(rule.theirs) ?? []), rule])
  const skipped = new Set(tied ? [...table.ignored, ...table.tied] : table.ignored)
  const places = new Map<string, Place>()
  const ignored: string[] = []
  for (const { name, shape } of tensors) {
    const [pattern, number] = numberOut(modernName(layout, stripPrefix(name, table.prefix)))
    if (skipped.has(pattern)) {
      ignored.push(name)
      continue
    }
    for (const rule of byName.get(pattern) ?? [undefined]) {
      const path = rule ? rule.ours.replace('#', number) : name
      const clash = places.get(path)
      if (clash) throw new Error(`${where}: tensors '${clash.name}' and '${name}' both stand for ${path}; remove one`)
      places.set(path, { path, name, shape: rule ? ourShape(rule, shape, `${where}: tensor '${name}'`) : [...shape], ...(rule && { rule }) })
    }
  }
  return { places: [...places.values()], ignored }
}

/** The parameter's values from the values of its tensor. */
export function takeOurs({ rule, shape }: Place, values: Float32Array): Float32Array {
  if (rule?.skipRows) return values.slice(rule.skipRows * shape[1]!)
  if (rule?.transpose) return transpose(values, shape[1]!, shape[0]!)
  if (rule?.parts) return takeColumns(values, shape.length === 2 ? shape[0]! : 1, rule.part!, rule.parts)
  return values
}

export interface Parameter {
  path: string
  shape: readonly number[]
  data: Float32Array
}

/**
 * The tensors to write for parameters of ours, and the paths that have no Hugging Face name and keep their own (none are said to in the layout 'thaw').
 * Values are rearranged only when their turn comes. `prefixed` puts the backbone's names under its prefix, as models with heads have them.
 */
export function toTheirs(
  layout: Layout,
  parameters: ReadonlyMap<string, Parameter>,
  dtype: Dtype,
  prefixed: boolean,
): { tensors: TensorToWrite[]; ownNames: string[] } {
  const table = tables[layout]
  const byPath = new Map(table.rules.map((rule) => [rule.ours, rule]))
  const tensors: TensorToWrite[] = []
  const ownNames: string[] = []
  for (const { path, shape, data } of parameters.values()) {
    const [pattern, number] = numberOut(path)
    const rule = byPath.get(pattern)
    if (!rule) {
      tensors.push({ name: path, dtype, shape, data })
      if (layout !== 'thaw') ownNames.push(path)
      continue
    }
    const name = (prefixed && !rule.outside ? table.prefix : '') + rule.theirs.replace('#', number)
    if (rule.transpose) tensors.push({ name, dtype, shape: shape.toReversed(), data: () => transpose(data, shape[0]!, shape[1]!) })
    else if (!rule.parts) tensors.push({ name, dtype, shape, data })
    else if (rule.part === 0) {
      const siblings = table.rules
        .filter((other) => other.theirs === rule.theirs)
        .map((other) => parameters.get(other.ours.replace('#', number))!.data)
      const rows = shape.length === 2 ? shape[0]! : 1
      tensors.push({ name, dtype, shape: [...shape.slice(0, -1), shape.at(-1)! * rule.parts], data: () => joinColumns(siblings, rows) })
    }
  }
  return { tensors, ownNames }
}

function stripPrefix(name: string, prefix: string): string {
  return prefix && name.startsWith(prefix) ? name.slice(prefix.length) : name
}

/** The first checkpoints of BERT called a norm's weight and bias gamma and beta. */
function modernName(layout: Layout, name: string): string {
  if (layout === 'gpt2' || layout === 'thaw') return name
  return name.replace(/LayerNorm\.gamma$/, 'LayerNorm.weight').replace(/LayerNorm\.beta$/, 'LayerNorm.bias')
}

/** `h.11.ln_1.bias` to [`h.#.ln_1.bias`, `11`]. */
export function numberOut(name: string): [string, string] {
  const found = /^((?:layers|h|encoder\.layer|transformer\.layer)\.)(0|[1-9]\d*)(\..*)$/.exec(name)
  return found ? [`${found[1]}#${found[3]}`, found[2]!] : [name, '']
}

function ourShape(rule: Rule, shape: readonly number[], where: string): number[] {
  if (rule.skipRows) {
    if (shape.length !== 2 || shape[0]! <= rule.skipRows)
      throw new Error(`${where}: shape [${shape}] is no table with more than ${rule.skipRows} rows; the file does not fit its model_type`)
    return [shape[0]! - rule.skipRows, shape[1]!]
  }
  if (rule.transpose) {
    if (shape.length !== 2) throw new Error(`${where}: shape [${shape}] is no matrix, which ${rule.ours} is; the file does not fit its model_type`)
    return shape.toReversed()
  }
  if (rule.parts) {
    const width = shape.at(-1)! / rule.parts
    if (shape.length === 0 || shape.length > 2 || !Number.isInteger(width)) {
      throw new Error(
        `${where}: shape [${shape}] cannot be cut into ${rule.parts} equal blocks of columns for ${rule.ours}; the file does not fit its model_type`,
      )
    }
    return [...shape.slice(0, -1), width]
  }
  return [...shape]
}
