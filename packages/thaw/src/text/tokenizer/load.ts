// Reads a tokenizer from disk, whichever of the published layouts it has.
import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fromGpt2, fromVocabTxt } from './convert.js'
import { checkTokenizerJson } from './json.js'
import { createTokenizer } from './tokenizer.js'
import type { Tokenizer } from './types.js'

const isFile = async (path: string) =>
  stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  )

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8')
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''))
  } catch (error) {
    throw new Error(`${path}: expected JSON: ${(error as Error).message}.`)
  }
}

/** The two names under which byte-level BPE was published: GPT-2's own, and Hugging Face's. */
const bpePairs: [string, string][] = [
  ['encoder.json', 'vocab.bpe'],
  ['vocab.json', 'merges.txt'],
]

async function readBpe(vocab: string, merges: string, config: Record<string, unknown>): Promise<Tokenizer> {
  if (!(await isFile(merges))) throw new Error(`${vocab}: expected its merges in ${merges}: no such file.`)
  return createTokenizer(fromGpt2(await readJson(vocab), await readFile(merges, 'utf8'), { vocab, merges }), config)
}

/**
 * Loads a tokenizer from a folder or a file: `tokenizer.json` (WordPiece, BPE, Unigram, WordLevel), else BERT's `vocab.txt`, else
 * GPT-2's `encoder.json` + `vocab.bpe` or `vocab.json` + `merges.txt`; `tokenizer_config.json` beside it names the special tokens.
 * Throws where nothing of the kind is there or a file is malformed, naming file and key.
 *
 *     const tokenizer = await loadTokenizer('all-MiniLM-L6-v2')
 *     tokenizer.encode('Hello!').tokens // ['[CLS]', 'hello', '!', '[SEP]']
 */
export async function loadTokenizer(path: string): Promise<Tokenizer> {
  const entry = await stat(path).catch(() => undefined)
  if (!entry) throw new Error(`${path}: no such file or folder; expected a tokenizer.json, a vocab.txt or a folder with one.`)
  const folder = entry.isDirectory() ? path : dirname(path)
  const file = entry.isDirectory() ? await choose(path) : path
  const configPath = join(folder, 'tokenizer_config.json')
  const config = (await isFile(configPath)) ? await readJson(configPath) : {}
  if (typeof config !== 'object' || config === null || Array.isArray(config)) throw new Error(`${configPath}: expected an object.`)
  const settings = config as Record<string, unknown>
  if (file.endsWith('.txt')) {
    const lowercase = typeof settings.do_lower_case === 'boolean' ? settings.do_lower_case : undefined
    return createTokenizer(fromVocabTxt(await readFile(file, 'utf8'), file, lowercase), settings)
  }
  const pair = bpePairs.find(([vocab]) => vocab === basename(file))
  if (pair) return readBpe(file, join(folder, pair[1]), settings)
  return createTokenizer(checkTokenizerJson(await readJson(file), file), settings)
}

async function choose(folder: string): Promise<string> {
  for (const name of ['tokenizer.json', 'vocab.txt', ...bpePairs.map(([vocab]) => vocab)]) {
    if (await isFile(join(folder, name))) return join(folder, name)
  }
  throw new Error(`${folder}: no tokenizer in this folder; expected tokenizer.json, vocab.txt, encoder.json + vocab.bpe or vocab.json + merges.txt.`)
}
