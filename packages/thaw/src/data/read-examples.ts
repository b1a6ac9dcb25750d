// Labelled data from a file as people have it: JSONL, CSV, TSV, TREC's `COARSE:fine question`. What is not told is found out and reported in
// `understood`, to be shown before a training starts; what is wrong is named with file and line, and the way out.
import { readBytes, sourceName } from '../text/corpus/files.js'
import { decodeText } from '../text/encoding.js'
import { type ChosenColumns, chooseColumns, namedColumns, type WantedColumns } from './columns.js'
import { type Example, labelsOf } from './example.js'
import { findLabelSeparator, labelList } from './label-lists.js'
import { csvRows, findSeparator, type Row, separatorName, tsvRows } from './table.js'

/** Formats of labelled data. */
export type DataFormat = 'jsonl' | 'csv' | 'tsv' | 'trec'

/** Options of `readExamples`; all are found out when left away. */
export interface ReadExamplesOptions extends WantedColumns {
  format?: DataFormat
  /** UTF-8 unless told or marked as UTF-16; latin1 for TREC. */
  encoding?: string
  /** A text may have several labels, or none: a list (JSONL), or a cell in which a character separates them. Examples then have `labels`. */
  multiLabel?: boolean
  /** That character; found out (`|`, `;`, else a comma) unless told. */
  labelSeparator?: string
  /** Leave out rows without a label instead of failing on them. */
  onlyLabelled?: boolean
  /** Keep rows without a text, as examples with an empty one, instead of failing on them. */
  keepEmpty?: boolean
  /** Leave out rows without a text (or without the second one of a pair) instead of failing on them. */
  skipEmpty?: boolean
}

/** How a file was read. */
export interface Understood {
  format: DataFormat
  separator?: string
  /** The columns or fields there are. */
  columns?: string[]
  /** The first row of a table holds values, not names: its columns are called by number. */
  byNumber?: boolean
  text: string[]
  pair?: string
  choices?: string[]
  label: string | undefined
  /** What separates several labels in a cell. */
  labelSeparator?: string
  encoding: string
  /** Rows in the file, with those left out for want of a label or a text. */
  rows: number
  /** Lines of rows that were left out because they have no text; absent where there is none. */
  emptyLines?: number[]
}

/** What a row of the file held: a JSON object, or the fields of a table. */
export type DataRecord = Readonly<Record<string, unknown>> | readonly string[]

/** Examples of a file, and how it was understood. */
export interface ReadExamples {
  examples: Example[]
  /** Where each example came from, whole. */
  records: DataRecord[]
  /** Distinct labels, sorted by code point. */
  labels: string[]
  understood: Understood
}

interface Field {
  text: string[]
  pair?: string | undefined
  choices?: string[] | undefined
  label?: string | readonly unknown[] | undefined
  line: number
  record: DataRecord
}

/**
 * Reads labelled texts (`.gz` and `.br` are unpacked, `-` is standard input).
 *
 * Columns are names, or numbers from 1 for a file without a header line. Several text columns are joined by a space.
 *
 * @throws on a missing column, a bad JSON line, a row with too many or few fields, an empty text, a missing label, a wrong encoding.
 * @example
 * const { examples, labels, understood } = await readExamples('tickets.csv', { text: ['subject', 'body'], label: 'queue' })
 */
export async function readExamples(path: string, options: ReadExamplesOptions = {}): Promise<ReadExamples> {
  const bytes = await wholeFile(path)
  const source = sourceName(path)
  const guessed = options.format ?? formatByEnding(path)
  const trecLabels = guessed === 'trec' || (guessed === undefined && looksLikeTrec(bytes.toString('latin1', 0, 4096)))
  const { text, encoding } = decodeText(bytes, source, options.encoding ?? (trecLabels ? 'latin1' : undefined))
  const format = trecLabels ? 'trec' : (guessed ?? formatByContent(text, source))
  if (text.trim() === '') throw new Error(`${source}: the file is empty; expected labelled texts`)
  const read = { jsonl: readJsonl, csv: readTable, tsv: readTable, trec: readTrecLines }[format](text, source, format, options)
  return check(read.fields, { ...read.understood, format, encoding, rows: read.fields.length }, source, options)
}

type Reader = (
  text: string,
  source: string,
  format: DataFormat,
  options: ReadExamplesOptions,
) => { fields: Field[]; understood: Pick<Understood, 'separator' | 'columns' | 'byNumber' | 'text' | 'pair' | 'choices' | 'label'> }

/** The format that a file's ending says. */
export function formatByEnding(path: string): DataFormat | undefined {
  const ending = /\.([a-z0-9]+)(?:\.gz|\.br)?$/i.exec(path)?.[1]?.toLowerCase() ?? ''
  return ({ jsonl: 'jsonl', ndjson: 'jsonl', csv: 'csv', tsv: 'tsv', tab: 'tsv', label: 'trec' } as Record<string, DataFormat>)[ending]
}

function looksLikeTrec(start: string): boolean {
  const lines = start.split('\n').slice(0, 20)
  if (lines.length > 1) lines.pop() // may be cut
  return lines.length > 0 && lines.every((line) => /^[A-Z]+:[a-z]+ \S/.test(line))
}

function formatByContent(text: string, source: string): DataFormat {
  const start = text.trimStart()
  if (start.startsWith('{')) return 'jsonl'
  if (start.startsWith('[')) throw new Error(`${source}: this is a JSON array; expected one JSON object a line (JSONL)`)
  const separator = findSeparator(text)
  if (separator === undefined)
    throw new Error(`${source}: the format is not clear from the name or the content; name it with --format jsonl, csv, tsv or trec`)
  return separator === '\t' ? 'tsv' : 'csv'
}

const readJsonl: Reader = (text, source, _format, options) => {
  const objects: { value: Record<string, unknown>; line: number }[] = []
  const columns = new Set<string>()
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    let value: unknown
    try {
      value = JSON.parse(line)
    } catch {
      // told below
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      const shown = line.trim().length > 60 ? `${line.trim().slice(0, 60)}…` : line.trim()
      throw new Error(`${source}:${i + 1}: expected one JSON object a line, like {"text": "…", "label": "…"}; found ${shown}`)
    }
    objects.push({ value: value as Record<string, unknown>, line: i + 1 })
    for (const key of Object.keys(value)) columns.add(key)
  }
  const chosen = chooseColumns([...columns], options, source, 'field')
  const fields = objects.map(({ value, line }) => {
    const get = (name: string): string => {
      const field = value[name]
      if (field === undefined || field === null) return ''
      if (typeof field === 'object')
        throw new Error(`${source}:${line}: field ${JSON.stringify(name)}: expected a text, found ${Array.isArray(field) ? 'an array' : 'an object'}`)
      return String(field)
    }
    const labels = chosen.label === undefined ? undefined : value[chosen.label]
    if (Array.isArray(labels) && !options.multiLabel)
      throw new Error(
        `${source}:${line}: field ${JSON.stringify(chosen.label)}: expected one label, found a list; where texts have several, adapt with --multi-label`,
      )
    const listed = chosen.choices?.length === 1 ? value[chosen.choices[0]!] : undefined
    const lists = { ...(Array.isArray(listed) ? { choices: listed.map(String) } : {}), ...(Array.isArray(labels) ? { label: labels } : {}) }
    const plain = { ...chosen, ...(lists.choices ? { choices: [] } : {}), ...(lists.label ? { label: undefined } : {}) }
    return { ...pick(plain, get, line, value), ...lists }
  })
  return { fields, understood: { columns: [...columns], ...chosen } }
}

const readTable: Reader = (text, source, format, options) => {
  const separator = format === 'tsv' ? '\t' : (findSeparator(text) ?? ',')
  const rows = format === 'tsv' ? tsvRows(text, source) : csvRows(text, source, separator)
  const first = rows[0]!
  const named = namedColumns(options)
  const byNumber = named.length > 0 && named.every((name) => /^[1-9]\d*$/.test(name)) && !named.every((name) => first.fields.includes(name))
  const columns = byNumber ? first.fields.map((_, i) => String(i + 1)) : first.fields
  const chosen = chooseColumns(columns, options, `${source}:${first.line}`, 'column')
  const fields = (byNumber ? rows : rows.slice(1)).map((row) => {
    checkFields(row, columns, source, separator)
    return pick(chosen, (name) => row.fields[columns.indexOf(name)]!, row.line, row.fields)
  })
  return { fields, understood: { separator, columns, ...(byNumber ? { byNumber } : {}), ...chosen } }
}

function checkFields(row: Row, columns: readonly string[], source: string, separator: string): void {
  if (row.fields.length === columns.length) return
  throw new Error(
    `${source}:${row.line}: expected ${columns.length} fields separated by ${separatorName(separator)} (${columns.join(', ')}), found ${row.fields.length}; put a field that holds the separator in double quotes`,
  )
}

function pick(chosen: ChosenColumns, get: (name: string) => string, line: number, record: DataRecord): Field {
  return {
    text: chosen.text.map(get),
    pair: chosen.pair === undefined ? undefined : get(chosen.pair),
    ...(chosen.choices ? { choices: chosen.choices.map(get) } : {}),
    label: chosen.label === undefined ? undefined : get(chosen.label),
    line,
    record,
  }
}

const readTrecLines: Reader = (text, source, _format, options) => {
  const fields: Field[] = []
  for (const [i, raw] of text.split('\n').entries()) {
    if (raw.trim() === '') continue
    const match = /^([^\s:]+):(\S+)\s+(.*)$/.exec(raw.trim())
    if (!match)
      throw new Error(
        `${source}:${i + 1}: expected COARSE:fine and a question, like "HUM:ind Who wrote Hamlet ?"; found "${raw.trim().slice(0, 60)}"`,
      )
    fields.push({
      text: [match[3]!],
      label: options.label === false ? undefined : options.label === 'fine' ? `${match[1]}:${match[2]}` : match[1],
      line: i + 1,
      record: [`${match[1]}:${match[2]}`, match[3]!],
    })
  }
  return { fields, understood: { text: ['question'], label: options.label === false ? undefined : options.label === 'fine' ? 'fine' : 'coarse' } }
}

/** Joins texts and checks that nothing is missing. */
function check(
  fields: readonly Field[],
  understood: Understood,
  source: string,
  { onlyLabelled, keepEmpty, skipEmpty, multiLabel, labelSeparator }: ReadExamplesOptions,
): ReadExamples {
  const examples: Example[] = []
  const records: DataRecord[] = []
  const labels = new Set<string>()
  const emptyLines: number[] = []
  const cells = multiLabel ? fields.flatMap(({ label }) => (typeof label === 'string' ? [label] : [])) : []
  const separator = multiLabel ? (labelSeparator ?? findLabelSeparator(cells, source)) : undefined
  const named = understood.text.map((name) => JSON.stringify(name)).join(', ')
  for (const { text, pair, choices, label: raw, line, record } of fields) {
    const joined = text
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .join(' ')
    const lacking =
      joined === '' ? `the text is empty (${named})` : pair?.trim() === '' ? `the second text is empty (${JSON.stringify(understood.pair)})` : ''
    if (lacking !== '' && skipEmpty) {
      emptyLines.push(line)
      continue
    }
    const label = typeof raw === 'string' ? raw.trim() : raw
    if (label === '') {
      if (onlyLabelled) continue
      const none = multiLabel ? `, or write ${understood.format === 'jsonl' ? '[]' : `${separator ?? '|'} alone`} where no label fits` : ''
      throw new Error(
        `${source}:${line}: the label is missing (${JSON.stringify(understood.label)} is empty); fill it in, or leave such rows out with --only-labelled${none}`,
      )
    }
    if (lacking !== '' && !keepEmpty) throw new Error(`${source}:${line}: ${lacking}; fill it in or remove the line`)
    const own =
      label === undefined
        ? {}
        : multiLabel
          ? { labels: labelList(label, separator, `${source}:${line}: ${JSON.stringify(understood.label)}`) }
          : { label: String(label) }
    for (const name of labelsOf(own)) labels.add(name)
    examples.push({
      text: joined,
      ...(pair === undefined ? {} : { pair: pair.trim() }),
      ...(choices ? { choices: choices.map((choice) => choice.trim()) } : {}),
      ...own,
      line,
    })
    records.push(record)
  }
  if (examples.length === 0) throw new Error(`${source}: ${nothingFound(understood, emptyLines, named)}`)
  const found = { ...understood, ...(separator === undefined ? {} : { labelSeparator: separator }), ...(emptyLines.length > 0 ? { emptyLines } : {}) }
  return { examples, records, labels: [...labels].sort(), understood: found }
}

function nothingFound({ rows, label, columns, pair }: Understood, emptyLines: readonly number[], named: string): string {
  if (rows === 0) return 'no examples found after the header line'
  if (emptyLines.length === rows) {
    const what = pair === undefined ? named : `${named} or ${JSON.stringify(pair)}`
    const there = columns ? `; columns here: ${columns.map((column) => JSON.stringify(column)).join(', ')}` : ''
    return `there is no text in any of ${rows} rows (${what} is empty); name the column with the text by --text${there}`
  }
  return `no examples found in ${rows} rows: none has a label (${JSON.stringify(label)})`
}

/** A text a line, empty lines included: what `predict` reads where a file says nothing else. */
export async function readLines(path: string, encoding?: string): Promise<Example[]> {
  const source = sourceName(path)
  const lines = decodeText(await wholeFile(path), source, encoding)
    .text.replace(/^\ufeff/, '')
    .split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines.map((text, i) => ({ text: text.trim(), line: i + 1 }))
}

async function wholeFile(path: string): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of readBytes(path)) pieces.push(piece)
  return Buffer.concat(pieces)
}
