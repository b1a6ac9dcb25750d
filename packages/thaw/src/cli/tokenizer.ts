// `thaw tokenizer train`: a vocabulary from text, as tokenizer.json.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { duration, count as number } from '../log/format.js'
import { statusLine } from '../log/status.js'
import { documentKinds } from '../pretrain/settings.js'
import { type DocumentKind, readDocuments } from '../text/corpus/index.js'
import { type Tokenizer, trainByteLevelBpe, trainWordLevel, trainWordPiece } from '../text/tokenizer/index.js'
import { tokenizerNames } from './pretrain-screen.js'
import { named, namedResult, print } from './screen.js'
import { count } from './values.js'

const kinds = ['bpe', 'wordpiece', 'word'] as const

interface Options {
  text: string[]
  kind: (typeof kinds)[number]
  vocabulary: number
  documents?: DocumentKind
  encoding?: string
  lowercase?: boolean
  minFrequency?: number
  out: string
  overwrite?: boolean
}

/** Registers `thaw tokenizer train`. */
export function registerTokenizer(program: Command): void {
  program
    .command('tokenizer')
    .summary('train a tokenizer on text')
    .description('Tokenizers: tokenizer.json files as Hugging Face has them.')
    .command('train')
    .description('Trains a tokenizer on text; thaw pretrain takes it with --tokenizer, Python tokenizers loads it.')
    .requiredOption('--text <files...>', 'text files, globs (.gz and .br are unpacked), or - for standard input')
    .requiredOption('-o, --out <folder>', 'folder to write tokenizer.json to')
    .addOption(new Option('--kind <name>', 'byte-level BPE (GPT-2), WordPiece (BERT) or whole words').choices(kinds).default('bpe'))
    .option('--vocabulary <n>', 'entries in all', count, 8000)
    .option('--lowercase', 'lower-case the text; WordPiece does unless told --no-lowercase')
    .option('--no-lowercase', 'keep upper case')
    .option('--min-frequency <n>', 'a word or pair must occur so often; default 2', count)
    .addOption(new Option('--documents <kind>', 'where a document ends').choices(documentKinds))
    .option('--encoding <name>', 'like utf-8, latin1')
    .option('--overwrite', 'replace the tokenizer that is in the folder')
    .action(train)
}

async function train({ text, kind, out, overwrite, documents, encoding, ...given }: Options): Promise<void> {
  if (!overwrite && existsSync(join(out, 'tokenizer.json')))
    throw new Error(`--out ${out}: there is a tokenizer in this folder; replace it with --overwrite, or name another folder`)
  if (kind === 'bpe' && given.lowercase) throw new Error('--lowercase: byte-level BPE keeps text as it is; take --kind wordpiece or word')
  const started = performance.now()
  const status = statusLine(process.stderr)
  async function* texts() {
    const onProgress = (bytes: number, total: number | undefined) =>
      status.show(
        named(
          'tokenizer',
          total === undefined ? `${number(bytes / 1e6)} MB read` : `${Math.round((100 * bytes) / Math.max(1, total))} % of the text read`,
          {},
        ),
      )
    const options = { onProgress, ...(documents ? { documents } : {}), ...(encoding ? { encoding } : {}) }
    for await (const document of readDocuments(text, options)) yield document.text
  }
  const trained: Tokenizer = await { bpe: trainByteLevelBpe, wordpiece: trainWordPiece, word: trainWordLevel }[kind](texts(), given)
  await trained.save(out)
  status.clear()
  const fewer = trained.size < given.vocabulary ? ` (the text has no more than these)` : ''
  print(
    namedResult(
      'tokenizer',
      `${tokenizerNames[trained.kind]}, ${number(trained.size)} entries${fewer} in ${duration((performance.now() - started) / 1000)}: ${out}`,
    ),
  )
}
