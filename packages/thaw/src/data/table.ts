// Rows of fields from CSV (through csv-parse) and TSV, each with the line it starts on, for errors that name it.
import { parse } from 'csv-parse/sync'

/** One row and the line where it starts, from 1. */
export interface Row {
  fields: string[]
  line: number
}

const separators = [',', ';', '\t', '|']

/** How a separator is called in errors. */
export function separatorName(separator: string): string {
  return separator === '\t' ? 'tab' : separator
}

/**
 * Finds the separator: among those in the first record, the one by which most of the first 50 records have as many fields as it; the
 * larger number of fields at a tie. Undefined when none occurs (a single column).
 */
export function findSeparator(text: string): string | undefined {
  let best: { separator: string; share: number; fields: number } | undefined
  for (const separator of separators) {
    const counts = sample(text, separator)
    const fields = counts[0] ?? 0
    if (fields < 2) continue
    const share = counts.filter((count) => count === fields).length / counts.length
    if (!best || share > best.share || (share === best.share && fields > best.fields)) best = { separator, share, fields }
  }
  return best?.separator
}

function sample(text: string, delimiter: string): number[] {
  const quote = delimiter === '\t' ? null : '"'
  try {
    const records: string[][] = parse(text, {
      delimiter,
      quote,
      to: 50,
      skip_empty_lines: true,
      relax_column_count: true,
      relax_quotes: true,
      bom: true,
    })
    return records.map((record) => record.length)
  } catch {
    // Quotes that do not close, told by `csvRows`: the first line has to do, and counts for less than a sample without faults.
    return [text.slice(0, `${text}\n`.indexOf('\n')).split(delimiter).length, 0]
  }
}

/** Rows of a CSV text: fields may be in double quotes, and hold separators, doubled quotes and line ends (read as `\n`) there. Empty lines are left out. */
export function csvRows(text: string, source: string, separator: string): Row[] {
  try {
    const records = parse(text.replace(/\r\n?/g, '\n'), {
      delimiter: separator,
      info: true,
      raw: true,
      bom: true,
      skip_empty_lines: true,
      relax_column_count: true,
    }) as unknown as { record: string[]; raw: string; info: { lines: number } }[]
    let end = 0 // lines before this record
    return records.map(({ record, raw }) => {
      const leading = /^\n*/.exec(raw)![0]
      const line = end + lineEnds(leading) + 1
      end += lineEnds(raw)
      return { fields: record, line }
    })
  } catch (error) {
    const { code, lines } = error as { code?: string; lines?: number }
    const what: Record<string, string> = {
      CSV_INVALID_CLOSING_QUOTE: 'a quoted field goes on after its closing quote; write a quote inside a quoted field twice ("")',
      CSV_QUOTE_NOT_CLOSED: 'a quote is opened and never closed; close it, or write a quote inside a quoted field twice ("")',
      INVALID_OPENING_QUOTE:
        'a quote stands inside a field that does not begin with one; put the whole field in quotes and write the inner quote twice ("")',
    }
    throw new Error(`${source}:${lines ?? 1}: not valid CSV: ${what[code ?? ''] ?? (error as Error).message}`)
  }
}

/**
 * Rows of a TSV text. The format has no quoting and GLUE's files hold bare quotes; spreadsheets quote all the same. So a quote is a plain
 * character unless every field that begins with one also ends with one, with those inside doubled, or fields hold line ends.
 */
export function tsvRows(text: string, source: string): Row[] {
  const rows: Row[] = []
  let quoted = false
  let proper = true
  let uneven = false
  const lines = (text.charCodeAt(0) === 0xfeff ? text.slice(1) : text).split('\n')
  for (const [i, raw] of lines.entries()) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
    if (line === '') continue
    const fields = line.split('\t')
    for (const field of fields) {
      if (!field.startsWith('"')) continue
      quoted = true
      if (!/^"(?:[^"]|"")*"$/.test(field)) proper = false
    }
    rows.push({ fields, line: i + 1 })
    if (fields.length !== rows[0]!.fields.length) uneven = true
  }
  if (!quoted || (!proper && !uneven)) return rows
  if (proper) return csvRows(text, source, '\t')
  try {
    const read = csvRows(text, source, '\t')
    if (read.every((row) => row.fields.length === read[0]!.fields.length)) return read
  } catch {
    // quotes are plain characters here
  }
  return rows
}

function lineEnds(text: string): number {
  let count = 0
  for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) count++
  return count
}

/** One line of CSV without its end: fields in quotes where they need them (RFC 4180). */
export const csvLine = (fields: readonly string[], separator: string): string =>
  fields
    .map((field) => (/["\r\n]/.test(field) || field.includes(separator) || field !== field.trim() ? `"${field.replaceAll('"', '""')}"` : field))
    .join(separator)
