// Which token plays which role. tokenizer_config.json says it; without that file the usual names are looked up.
import type { SpecialName, SpecialToken } from './types.js'

const usual: Record<SpecialName, string[]> = {
  pad: ['[PAD]', '<pad>', '<|pad|>'],
  unk: ['[UNK]', '<unk>'],
  cls: ['[CLS]'],
  sep: ['[SEP]'],
  mask: ['[MASK]', '<mask>'],
  bos: ['<bos>', '[BOS]', '<s>', '<|endoftext|>'],
  eos: ['<eos>', '[EOS]', '</s>', '<|endoftext|>'],
}

export const specialNames = Object.keys(usual) as SpecialName[]

/** The token named by a configuration's entry: a string, or an object with `content`. */
export function configToken(entry: unknown): string | undefined {
  if (typeof entry === 'string') return entry
  const content = typeof entry === 'object' && entry !== null && 'content' in entry ? entry.content : undefined
  return typeof content === 'string' ? content : undefined
}

/** Roles to tokens; `config` is a parsed tokenizer_config.json (or `{}`), `unk` the model's own unknown token. */
export function findSpecial(
  config: Record<string, unknown>,
  unk: string | undefined,
  idOf: (token: string) => number | undefined,
): Partial<Record<SpecialName, SpecialToken>> {
  const found: Partial<Record<SpecialName, SpecialToken>> = {}
  for (const name of specialNames) {
    const named = configToken(config[`${name}_token`])
    const candidates = named !== undefined ? [named] : [...(name === 'unk' && unk !== undefined ? [unk] : []), ...usual[name]]
    const token = candidates.find((candidate) => idOf(candidate) !== undefined)
    if (token !== undefined) found[name] = { token, id: idOf(token)! }
  }
  return found
}
