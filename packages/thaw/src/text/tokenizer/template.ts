// Post-processors: where special tokens go around one text or two, and how much of each text is kept.
import type { Component } from './json.js'

export type TemplateItem = { ids: number[]; segment: number } | { sequence: 'A' | 'B'; segment: number }

export interface Template {
  single: TemplateItem[]
  pair: TemplateItem[]
  /** Offsets leave out the space that belongs to a byte-level token. */
  trim: boolean
}

const A = (segment: number): TemplateItem => ({ sequence: 'A', segment })
const B = (segment: number): TemplateItem => ({ sequence: 'B', segment })

interface TemplatePiece {
  SpecialToken?: { id: string; type_id: number }
  Sequence?: { id: 'A' | 'B'; type_id: number }
}

function items(config: Component, key: 'single' | 'pair'): TemplateItem[] {
  const special = (config.special_tokens ?? {}) as Record<string, { ids: number[] }>
  return ((config[key] ?? []) as TemplatePiece[]).map((piece, index) => {
    if (piece.Sequence) return { sequence: piece.Sequence.id, segment: piece.Sequence.type_id }
    const token = piece.SpecialToken
    const ids = token && special[token.id]?.ids
    if (!ids)
      throw new Error(`tokenizer.json: post_processor.${key}[${index}]: ${JSON.stringify(token?.id)} is not in post_processor.special_tokens.`)
    return { ids, segment: token.type_id }
  })
}

/** The template of a `post_processor` component (null: texts as they are). Throws for a type it does not know. */
export function createTemplate(config: Component | null): Template {
  const plain: Template = { single: [A(0)], pair: [A(0), B(1)], trim: false }
  switch (config?.type) {
    case undefined:
      return plain
    case 'TemplateProcessing':
      return { single: items(config!, 'single'), pair: items(config!, 'pair'), trim: false }
    case 'BertProcessing':
    case 'RobertaProcessing': {
      const token = (key: string, segment: number): TemplateItem => ({ ids: [(config![key] as [string, number])[1]], segment })
      const [cls, sep] = [token('cls', 0), token('sep', 0)]
      const single = [cls, A(0), sep]
      if (config!.type === 'BertProcessing') return { single, pair: [...single, B(1), token('sep', 1)], trim: false }
      return { single, pair: [...single, sep, B(0), sep], trim: config!.trim_offsets !== false }
    }
    case 'ByteLevel':
      return { ...plain, trim: config!.trim_offsets !== false }
    case 'Sequence': {
      const parts = (config!.processors as Component[]).map((part) => ({ part, template: createTemplate(part) }))
      const placing = parts.filter(({ part }) => part.type !== 'ByteLevel').at(-1)?.template ?? plain
      return { ...placing, trim: parts.some(({ template }) => template.trim) }
    }
    default:
      throw new Error(
        `tokenizer.json: post_processor.type: expected BertProcessing, ByteLevel, RobertaProcessing, Sequence or TemplateProcessing, got ${JSON.stringify(config!.type)}.`,
      )
  }
}

/** A `post_processor` that does the same and puts one token more at the end. `tokenOf` names the ids that are there already. */
export function withLastToken(config: Component | null, last: { token: string; id: number }, tokenOf: (id: number) => string | undefined): Component {
  const template = placing(config, tokenOf, last)
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
  return createTemplate(config).trim ? { type: 'Sequence', processors: [byteLevel, template] } : template
}

/** A `post_processor` of the type TemplateProcessing that puts texts and tokens where this one does. Offsets are not trimmed. */
export const asTemplate = (config: Component | null, tokenOf: (id: number) => string | undefined): Component => placing(config, tokenOf)

function placing(config: Component | null, tokenOf: (id: number) => string | undefined, last?: { token: string; id: number }): Component {
  const { single, pair } = createTemplate(config)
  const special_tokens: Record<string, { id: string; ids: number[]; tokens: string[] }> = {}
  const piece = (item: TemplateItem): TemplatePiece => {
    if ('sequence' in item) return { Sequence: { id: item.sequence, type_id: item.segment } }
    const tokens = item.ids.map((each) => tokenOf(each) ?? String(each))
    special_tokens[tokens[0]!] = { id: tokens[0]!, ids: item.ids, tokens }
    return { SpecialToken: { id: tokens[0]!, type_id: item.segment } }
  }
  const ended = (items: TemplateItem[]) => [
    ...items.map(piece),
    ...(last ? [{ SpecialToken: { id: last.token, type_id: items.at(-1)?.segment ?? 0 } }] : []),
  ]
  if (last) special_tokens[last.token] = { id: last.token, ids: [last.id], tokens: [last.token] }
  return { type: 'TemplateProcessing', single: ended(single), pair: ended(pair), special_tokens }
}

/** How many tokens of each text stay when `room` tokens are left for both: the longer is cut first (the library's longest_first). */
export function shares(first: number, second: number, room: number): [number, number] {
  if (first + second <= room) return [first, second]
  const [short, long] = first <= second ? [first, second] : [second, first]
  const half = Math.floor(room / 2)
  const [keptShort, keptLong] = short <= half ? [short, Math.min(long, room - short)] : [half, room - half]
  return first <= second ? [keptShort, keptLong] : [keptLong, keptShort]
}
