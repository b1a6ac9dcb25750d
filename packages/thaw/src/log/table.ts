// Text tables for the terminal: columns aligned by what a cell takes on the screen (wide CJK characters and emoji count two, accents none),
// so that a table of user texts does not fall apart.
import stringWidth from 'string-width'

export type Column = {
  title: string
  /** Without it, a column whose cells all look like numbers is right-aligned, any other left-aligned. */
  align?: 'left' | 'right'
  /** Widest the column may get, in screen columns; longer cells are cut with `…`. */
  width?: number
}

export type Cell = string | number | undefined

/**
 * An aligned text table: a line of titles, a rule, one line a row; no trailing blanks, no final newline.
 *
 * Columns of numbers (also `87.4 ± 0.6`, `12,345`, `5.2 M`, `3m12s`, `91 %`, `·`) are aligned right. Numbers print as they are: format them first. A missing
 * cell (`undefined` or '') stays blank. Line breaks inside a cell become blanks.
 *
 * ```ts
 * console.log(table([['frozen', 81.2], ['full', 87.4]], ['scheme', 'accuracy']))
 * // scheme  accuracy
 * // ──────  ────────
 * // frozen      81.2
 * // full        87.4
 * ```
 */
export function table(rows: readonly (readonly Cell[])[], columns: readonly (string | Column)[]): string {
  const specs = columns.map((column) => (typeof column === 'string' ? { title: column } : column) as Column)
  const tooLong = rows.findIndex((row) => row.length > specs.length)
  if (tooLong >= 0) {
    throw new RangeError(`table: row ${tooLong + 1} has ${rows[tooLong]!.length} cells, but there are ${specs.length} columns; name the others`)
  }
  const body = rows.map((row) => specs.map((spec, k) => fit(printable(row[k]), spec.width)))
  const head = specs.map((spec) => fit(printable(spec.title), spec.width))
  const widths = specs.map((_, k) => Math.max(stringWidth(head[k]!), ...body.map((row) => stringWidth(row[k]!))))
  const right = specs.map((spec, k) => {
    const cells = body.map((row) => row[k]!).filter((cell) => cell !== '')
    return spec.align ? spec.align === 'right' : cells.length > 0 && cells.every((cell) => numeric.test(cell))
  })
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, k) => pad(cell, widths[k]!, right[k]!))
      .join('  ')
      .trimEnd()
  return [line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...body.map(line)].join('\n')
}

/** `text` cut to at most `width` screen columns, the last of them `…` where something was cut. */
export function fit(text: string, width = Number.POSITIVE_INFINITY): string {
  if (stringWidth(text) <= width) return text
  let cut = ''
  let used = 0
  for (const { segment } of graphemes.segment(text)) {
    used += stringWidth(segment)
    if (used > width - 1) break
    cut += segment
  }
  return width < 1 ? '' : `${cut}…`
}

const pad = (cell: string, width: number, right: boolean): string => {
  const blanks = ' '.repeat(Math.max(0, width - stringWidth(cell)))
  return right ? blanks + cell : cell + blanks
}

// Control characters (a user's text may hold escape sequences) must not reach the terminal.
const printable = (cell: Cell): string =>
  String(cell ?? '')
    .replace(/\s+/g, ' ')
    .replace(/\p{Cc}/gu, '�')

const numeric = /^(?:·|–|-|\?|NaN|[+\-−]?(?:∞|\d[\d,]*(?:\.\d+)?)(?:e[+-]?\d+)?(?:\s?±\s?\d[\d,.]*)?(?:\s?[%kMGT×x]|\s?ms|\s?[dhms](?:\d+[hms]?)*)?)$/
const graphemes = new Intl.Segmenter()
