// `thaw predict`: labels for texts from the command line, a file or standard input. A table or JSONL comes back as it came, with label and score added.

import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { Command } from 'commander'
import { Option } from 'commander'
import type { Classifier, Prediction } from '../adapt/index.js'
import { type DataRecord, type Example, type ReadExamplesOptions, readExamples, readLines } from '../data/index.js'
import { formatByEnding } from '../data/read-examples.js'
import { csvLine } from '../data/table.js'
import { count as number } from '../log/format.js'
import { progress } from '../log/progress.js'
import { table } from '../log/table.js'
import { decide } from '../metrics/thresholds.js'
import { openClassifier } from './open-classifier.js'
import { say } from './screen.js'
import { count, names } from './values.js'

interface Options {
  file?: string
  out?: string
  top: number
  text?: string[]
  pair?: string
  format?: NonNullable<ReadExamplesOptions['format']> | 'lines'
  encoding?: string
  base?: string
  threads?: number
}

const examples = `
Examples:
  thaw predict trec "Who wrote Hamlet?"
  thaw predict tickets --file new.csv --text subject,body --out labelled.csv
  cat questions.txt | thaw predict trec`

/** Registers `thaw predict`. */
export function registerPredict(program: Command): void {
  program
    .command('predict')
    .summary('label texts with a classifier')
    .description(
      'Labels texts: those given, those of a file, or a line each from standard input. CSV, TSV and JSONL come back with columns label and score, other texts as label, score, text.',
    )
    .argument('<classifier>', 'folder that thaw adapt wrote, or thaw export --to adapter')
    .argument('[texts...]', 'texts to label')
    .option('--file <file>', 'file of texts: .csv, .tsv, .jsonl, otherwise a text a line')
    .option('-o, --out <file>', 'file to write; default: standard output')
    .option('--top <n>', 'how many labels to show for a single text', count, 5)
    .option('--text <columns>', 'columns or fields with the text', names)
    .option('--pair <column>', 'column with the second text of a pair')
    .addOption(new Option('--format <name>', 'of the file or standard input').choices(['lines', 'jsonl', 'csv', 'tsv', 'trec']))
    .option('--encoding <name>', 'like utf-8, latin1, windows-1252')
    .option('--base <checkpoint>', 'of an adapter: where the checkpoint it was trained on is now')
    .option('--threads <n>', 'default: all cores, at most 8', count)
    .addHelpText('after', examples)
    .action(predict)
}

async function predict(folder: string, texts: string[], options: Options): Promise<void> {
  if (texts.length > 0 && options.file !== undefined) throw new Error('a text and --file: give one of them, not both')
  if (texts.length === 0 && options.file === undefined && process.stdin.isTTY)
    throw new Error(`no text: give one (thaw predict ${folder} "…"), a --file, or lines on standard input`)
  const input = texts.length > 0 ? givenTexts(texts) : await readInput(options.file ?? '-', options)
  await using model = await openClassifier(folder, options)
  if (texts.length === 1 && options.out === undefined) {
    const rows = (await model.predict(texts[0]!)).slice(0, options.top).map(({ label, score }) => [label, score.toFixed(4)])
    process.stdout.write(`${table(rows, [{ title: 'label' }, { title: 'score' }])}\n`)
    return
  }
  const out = options.out === undefined ? process.stdout : createWriteStream(options.out)
  const written = write(out, input, model)
  await written
  if (out !== process.stdout) {
    out.end()
    await once(out, 'finish')
    say(`${number(input.examples.length)} texts: ${options.out}`)
  }
}

interface Input {
  examples: readonly Pick<Example, 'text' | 'pair'>[]
  /** What comes before the first line. */
  head?: string
  /** The line of an example with its prediction; undefined for an empty text. */
  line(index: number, best: Prediction | undefined): string
}

const score = (best: Prediction | undefined): string => best?.score.toFixed(4) ?? ''

function givenTexts(texts: readonly string[]): Input {
  return {
    examples: texts.map((text) => ({ text: text.trim() })),
    line: (i, best) => `${best?.label ?? ''}\t${score(best)}\t${texts[i]!.replace(/\s+/g, ' ')}`,
  }
}

async function readInput(file: string, { text, pair, encoding, format = formatByEnding(file) ?? 'lines' }: Options): Promise<Input> {
  if (format === 'lines') {
    if (text || pair !== undefined)
      throw new Error('--text and --pair name columns, but the input is a text a line; name its --format: csv, tsv or jsonl')
    return givenTexts((await readLines(file, encoding)).map((example) => example.text))
  }
  const wanted = {
    format,
    label: false,
    keepEmpty: true,
    ...(text ? { text } : {}),
    ...(pair === undefined ? {} : { pair }),
    ...(encoding ? { encoding } : {}),
  } as const
  const { examples, records, understood } = await readExamples(file, wanted)
  const columns = understood.columns ?? ['label', 'question']
  const [labelName, scoreName] = columns.includes('label') || columns.includes('score') ? ['predicted_label', 'predicted_score'] : ['label', 'score']
  if (labelName !== 'label') say(`the input has a column label or score already: predictions are in ${labelName} and ${scoreName}`)
  if (format === 'jsonl')
    return {
      examples,
      line: (i, best) =>
        JSON.stringify({ ...(records[i] as object), [labelName!]: best?.label ?? null, [scoreName!]: best ? Number(score(best)) : null }),
    }
  const separator = understood.separator ?? '\t'
  const fields = (record: DataRecord) => record as readonly string[]
  return {
    examples,
    ...(understood.byNumber || format === 'trec' ? {} : { head: csvLine([...columns, labelName!, scoreName!], separator) }),
    line: (i, best) => csvLine([...fields(records[i]!), best?.label ?? '', score(best)], separator),
  }
}

/** So many texts are held and sorted by length at once; results appear after each such piece. */
const piece = 2048

async function write(out: NodeJS.WritableStream, { examples, head, line }: Input, model: Classifier): Promise<void> {
  const many = examples.length > piece
  const bar = many ? progress(process.stderr, { label: 'predict', total: examples.length, unit: 'text', interval: 10 }) : undefined
  const put = async (text: string) => {
    if (!out.write(text)) await once(out, 'drain')
  }
  if (head !== undefined) await put(`${head}\n`)
  for (let at = 0; at < examples.length; at += piece) {
    const part = examples.slice(at, at + piece)
    const full = part.filter(({ text }) => text !== '')
    const rows = await model.probabilities(full)
    let next = 0
    const lines = part.map(({ text }, i) => {
      if (text === '') return line(at + i, undefined)
      const row = rows[next++]!
      const best = decide(row, model.thresholds)
      return line(at + i, { label: model.labels[best]!, score: row[best]! })
    })
    await put(`${lines.join('\n')}\n`)
    bar?.update(at + part.length)
  }
  bar?.done()
  const empty = examples.filter(({ text }) => text === '').length
  if (empty > 0) say(`${number(empty)} ${empty === 1 ? 'row has no text and gets' : 'rows have no text and get'} no label`)
}
