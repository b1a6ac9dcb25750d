// The options by which commands are told how to read labelled data, and one line that says how a file was understood.

import { basename } from 'node:path'
import { type Command, Option } from 'commander'
import { type ReadExamples, type ReadExamplesOptions, readExamples } from '../data/index.js'
import { separatorName } from '../data/table.js'
import { counted, count as number } from '../log/format.js'
import { names } from './values.js'

export interface DataOptions {
  text?: string[]
  pair?: string
  choices?: string[]
  label?: string
  multiLabel?: boolean
  labelSeparator?: string
  format?: ReadExamplesOptions['format']
  encoding?: string
  onlyLabelled?: boolean
}

/** Adds the options to a command. */
export function addDataOptions(command: Command): Command {
  return command
    .optionsGroup('How data are read (found out where nothing is said):')
    .option('--text <columns>', 'columns (CSV, TSV) or fields (JSONL) with the text, joined by a space: subject,body', names)
    .option('--pair <column>', 'column with the second text of a pair')
    .option('--choices <columns>', 'columns with the candidates of multiple choice, or one field of JSONL with a list', names)
    .option('--label <column>', 'column with the label (TREC: coarse or fine)')
    .option('--label-separator <character>', 'where texts have several labels: what separates them in a cell; default: | or ; or a comma, as found')
    .addOption(new Option('--format <name>', 'of the files').choices(['jsonl', 'csv', 'tsv', 'trec']))
    .option('--encoding <name>', 'like utf-8, latin1, windows-1252, utf-16le, or mixed (each line by itself); default: utf-8, latin1 for TREC')
    .option('--only-labelled', 'leave out rows without a label')
}

/** Takes the data options out of all options of a command. */
export function dataOptionsOf({ text, pair, choices, label, multiLabel, labelSeparator, format, encoding, onlyLabelled }: DataOptions): DataOptions {
  const given = { text, pair, choices, label, multiLabel, labelSeparator, format, encoding, onlyLabelled }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

/** Reads labelled data; every example must have a label, rows without a text are left out. */
export async function readLabelled(file: string, options: DataOptions): Promise<ReadExamples> {
  if (options.labelSeparator !== undefined && !options.multiLabel)
    throw new Error('--label-separator: a text has one label here; leave it out, or adapt with --multi-label')
  const read = await readExamples(file, { ...(options as ReadExamplesOptions), skipEmpty: true })
  if (read.understood.label === undefined) {
    const there = read.understood.columns?.map((column) => JSON.stringify(column)).join(', ')
    throw new Error(`${file}: no column with the label was found; name it with --label; columns here: ${there}`)
  }
  return read
}

/** The separator that a format is named after. */
const usual: Partial<Record<string, string>> = { csv: ',', tsv: '\t' }

/** `train.csv: 5,000 rows, csv with ;, text from subject + body, label from queue`. */
export function describeReading(file: string, { examples, understood }: ReadExamples): string {
  const { format, separator, text, pair, choices, label, labelSeparator, encoding, rows, emptyLines = [] } = understood
  const unlabelled = rows - examples.length - emptyLines.length
  const parts = [
    counted(rows, 'row'),
    ...(unlabelled > 0 ? [`${number(unlabelled)} without label left out`] : []),
    ...(emptyLines.length > 0
      ? [`${number(emptyLines.length)} without text left out (line ${emptyLines.slice(0, 3).join(', ')}${emptyLines.length > 3 ? ', …' : ''})`]
      : []),
    `${format}${separator === undefined || separator === usual[format] ? '' : ` with ${separatorName(separator)}`}${encoding === 'utf-8' ? '' : `, ${encoding}`}`,
    `text from ${text.join(' + ')}${pair === undefined ? '' : ` and ${pair}`}`,
    ...(choices ? [`candidates from ${choices.join(', ')}`] : []),
    ...(label === undefined
      ? []
      : [
          labelSeparator === undefined
            ? `label from ${label}`
            : `labels from ${label}, separated by ${labelSeparator === ',' ? 'commas' : labelSeparator}`,
        ]),
  ]
  return `${basename(file)}: ${parts.join(', ')}`
}
