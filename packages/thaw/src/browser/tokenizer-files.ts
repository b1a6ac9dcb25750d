// Tokenizers in a page: read from an address instead of a folder (see text/tokenizer/load.ts), and not written.

import { checkTokenizerJson } from '../text/tokenizer/json.js'
import type * as files from '../text/tokenizer/load.js'
import type * as saving from '../text/tokenizer/save.js'
import { createTokenizer } from '../text/tokenizer/tokenizer.js'
import { addressOf, fetchFile, fetchOptional } from './files.js'

/** Fetches a tokenizer: tokenizer.json under an address, and tokenizer_config.json where there is one. */
export const loadTokenizer: typeof files.loadTokenizer = async (address) => {
  const file = addressOf(address, 'tokenizer.json')
  const [json, config] = await Promise.all([fetchFile(file), fetchOptional(addressOf(address, 'tokenizer_config.json'))])
  const parsed: unknown = await json.json().catch((cause: unknown) => {
    throw new Error(`${file}: expected JSON: ${(cause as Error).message}.`, { cause })
  })
  return createTokenizer(checkTokenizerJson(parsed, file), (await config?.json()) ?? {})
}

/** @throws always. */
export const saveTokenizer: typeof saving.saveTokenizer = async (folder) => {
  throw new Error(`${folder}: a page has no folders, so a tokenizer cannot be written here; save it in Node`)
}
