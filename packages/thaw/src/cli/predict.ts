// `thaw predict`: labels for texts from the command line, a file or standard input. A table or JSONL comes back as it came, with label and score added.

import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { Command } from 'commander'
import { Option } from 'commander'
import { type DataRecord, type ReadExamplesOptions, readExamples, readLines } from '../data/index.js'
import { formatByEnding } from '../data/read-examples.js'
import { csvLine } from '../data/table.js'
import { counted, count as number } from '../log/format.js'
import { progress } from '../log/progress.js'
import type { TextLike } from '../tasks/form.js'
import { type Answer, type Answers, answers, givenExamples, refuseMissingColumns } from './answers.js'
import { addHubOptions, type HubFlags, takeHubOptions } from './hub-options.js'
import { openModel } from './open-model.js'
import { say } from './screen.js'
import { count, names } from './values.js'

interface Options extends HubFlags {
  file?: string
  out?: string
  top: number
  text?: string[]
  pair?: string
  choices?: string[]
  format?: NonNullable<ReadExamplesOptions['format']> | 'lines'
  encoding?: string
  base?: string
  threads?: number
}

const examples = `
Examples:
  thaw predict trec "Who wrote Hamlet?"
  thaw predict tickets --file new.csv --text subject,body --out labelled.csv
  thaw predict sts "A man plays the guitar." "Someone makes music."
  cat questions.txt | thaw predict trec`

/** Registers `thaw predict`. */
export function registerPredict(program: Command): void {
  const command = program
    .command('predict')
    .summary('ask an adapted model: labels, numbers, choices')
    .description(
      'Labels texts: those given, those of a file, or a line each from standard input. CSV, TSV and JSONL come back with columns label and score, other texts as label, score, text. A model with several labels a text gives those that reach their thresholds, joined by | (JSONL: lists). A model of similarity gives a score alone, for two texts; one of multiple choice takes a text and its candidates.',
    )
    .argument('<model>', 'folder that thaw adapt wrote, or thaw export --to adapter; or the name of one on a hub')
    .argument('[texts...]', 'texts to label; a pair; or a text and its candidates')
    .option('--file <file>', 'file of texts: .csv, .tsv, .jsonl, otherwise a text a line')
    .option('-o, --out <file>', 'file to write; default: standard output')
    .option('--top <n>', 'how many labels to show for a single text', count, 5)
    .option('--text <columns>', 'columns or fields with the text', names)
    .option('--pair <column>', 'column with the second text of a pair')
    .option('--choices <columns>', 'columns with the candidates of multiple choice, or one field of JSONL with a list', names)
    .addOption(new Option('--format <name>', 'of the file or standard input').choices(['lines', 'jsonl', 'csv', 'tsv', 'trec']))
    .option('--encoding <name>', 'like utf-8, latin1, windows-1252')
    .option('--base <checkpoint>', 'of an adapter: where the checkpoint it was trained on is now')
    .option('--threads <n>', 'default: all cores, at most 8', count)
  addHubOptions(command).addHelpText('after', examples).action(predict)
}

async function predict(folder: string, texts: string[], options: Options): Promise<void> {
  if (texts.length > 0 && options.file !== undefined) throw new Error('a text and --file: give one of them, not both')
  if (texts.length === 0 && options.file === undefined && process.stdin.isTTY)
    throw new Error(`no text: give one (thaw predict ${folder} "…"), a --file, or lines on standard input`)
  const { task, model, pairs } = await openModel(folder, { ...options, hub: takeHubOptions(options).hub })
  await using _ = model
  const asked = answers(task, model)
  const given = texts.length > 0 ? givenExamples(task, pairs, texts) : undefined
  if (!given) refuseMissingColumns(options.file ?? 'standard input', task, pairs, options)
  if (given?.length === 1 && options.out === undefined) {
    process.stdout.write(`${await asked.explain(given[0]!, options.top)}\n`)
    return
  }
  const input = given ? givenTexts(given) : await readInput(options.file ?? '-', options, asked)
  const out = options.out === undefined ? process.stdout : createWriteStream(options.out)
  await write(out, input, asked)
  if (out !== process.stdout) {
    out.end()
    await once(out, 'finish')
    say(`${counted(input.examples.length, 'text')}: ${options.out}`)
  }
}

/** A cell of an answer: several labels, and their scores, joined as --multi-label reads them; empty where there is none. */
const cell = (value: Answer['label']): string => (typeof value === 'string' ? value : (value ?? []).join('|'))

interface Input {
  examples: readonly TextLike[]
  /** What comes before the first line. */
  head?: string
  /** The line of an example with its prediction; undefined for an empty text. */
  line(index: number, answer: Answer | undefined): string
}

function givenTexts(examples: readonly TextLike[]): Input {
  return {
    examples: examples.map((example) => ({ ...example, text: example.text.trim() })),
    line: (i, answer) => `${cell(answer?.label)}\t${cell(answer?.score)}\t${examples[i]!.text.replace(/\s+/g, ' ')}`,
  }
}

async function readInput(
  file: string,
  { text, pair, choices, encoding, format = formatByEnding(file) ?? 'lines' }: Options,
  asked: Answers,
): Promise<Input> {
  if (format === 'lines') {
    if (text || pair !== undefined || choices)
      throw new Error('--text and --pair name columns, but the input is a text a line; name its --format: csv, tsv or jsonl')
    return givenTexts(await readLines(file, encoding))
  }
  const wanted = {
    format,
    label: false,
    keepEmpty: true,
    ...(text ? { text } : {}),
    ...(pair === undefined ? {} : { pair }),
    ...(choices ? { choices } : {}),
    ...(encoding ? { encoding } : {}),
  } as const
  const { examples, records, understood } = await readExamples(file, wanted)
  const columns = understood.columns ?? ['label', 'question']
  const taken = asked.columns.some((name) => columns.includes(name))
  if (!text && columns.length > 1) say(`text from ${understood.text.join(' + ')}; columns here: ${columns.join(', ')}; --text names others`)
  const added = taken ? asked.columns.map((name) => `predicted_${name}`) : asked.columns
  if (taken) say(`the input has a column ${asked.columns.join(' or ')} already: predictions are in ${added.join(' and ')}`)
  const cells = (answer: Answer | undefined) => asked.columns.map((name) => answer?.[name])
  if (format === 'jsonl')
    return {
      examples,
      line: (i, answer) => {
        const values = cells(answer).map((value, k) => {
          if (value === undefined) return null
          if (asked.columns[k] !== 'score') return value
          return typeof value === 'string' ? Number(value) : value.map(Number)
        })
        return JSON.stringify({ ...(records[i] as object), ...Object.fromEntries(added.map((name, k) => [name, values[k]])) })
      },
    }
  const separator = understood.separator ?? '\t'
  const fields = (record: DataRecord) => record as readonly string[]
  return {
    examples,
    ...(understood.byNumber || format === 'trec' ? {} : { head: csvLine([...columns, ...added], separator) }),
    line: (i, answer) => csvLine([...fields(records[i]!), ...cells(answer).map(cell)], separator),
  }
}

/** So many texts are held and sorted by length at once; results appear after each such piece. */
const piece = 2048

async function write(out: NodeJS.WritableStream, { examples, head, line }: Input, asked: Answers): Promise<void> {
  const many = examples.length > piece
  const bar = many ? progress(process.stderr, { label: 'predict', total: examples.length, unit: 'text', interval: 10 }) : undefined
  const put = async (text: string) => {
    if (!out.write(text)) await once(out, 'drain')
  }
  if (head !== undefined) await put(`${head}\n`)
  for (let at = 0; at < examples.length; at += piece) {
    const part = examples.slice(at, at + piece)
    const full = part.filter(({ text }) => text !== '')
    const found = await asked.ask(full)
    let next = 0
    const lines = part.map(({ text }, i) => line(at + i, text === '' ? undefined : found[next++]))
    await put(`${lines.join('\n')}\n`)
    bar?.update(at + part.length)
  }
  bar?.done()
  const empty = examples.filter(({ text }) => text === '').length
  if (empty > 0) say(`${number(empty)} ${empty === 1 ? 'row has no text and gets' : 'rows have no text and get'} no label`)
}
