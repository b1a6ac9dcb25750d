// Writes a tokenizer as Hugging Face's two files. Each file is written beside its place and renamed, so that a reader never sees half a file.
import { randomUUID } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { TokenizerJson } from './json.js'
import type { SpecialName, SpecialToken } from './types.js'

async function writeAtomically(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`
  try {
    const file = await open(temporary, 'w')
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** `tokenizer.json` and `tokenizer_config.json` (the one that was read, with the roles of the special tokens) in a folder, made if absent. */
export async function saveTokenizer(
  folder: string,
  json: TokenizerJson,
  config: Record<string, unknown>,
  special: Partial<Record<SpecialName, SpecialToken>>,
): Promise<void> {
  await mkdir(folder, { recursive: true })
  const roles = Object.fromEntries(Object.entries(special).map(([name, { token }]) => [`${name}_token`, token]))
  const decoderKey = 'added_tokens_decoder'
  const listed = Object.fromEntries(json.added_tokens.map(({ id, ...token }) => [String(id), token]))
  const written = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    clean_up_tokenization_spaces: false,
    ...roles,
    ...config,
    ...(decoderKey in config ? { [decoderKey]: listed } : {}),
  }
  await writeAtomically(join(folder, 'tokenizer.json'), `${JSON.stringify({ version: '1.0', truncation: null, padding: null, ...json })}\n`)
  await writeAtomically(join(folder, 'tokenizer_config.json'), `${JSON.stringify(written, null, 2)}\n`)
}
