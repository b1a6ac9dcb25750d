// Several labels of one text: a list in JSONL; in a table's cell separated by a character, which is found out or named.

/** A comma separates labels only where no cell holds one of the others: it stands in names too. */
const [surest, last] = [['|', ';'], ','] as const

/**
 * The character that separates labels in these cells; undefined where each holds one label.
 *
 * @throws where two characters could be it.
 */
export function findLabelSeparator(cells: readonly string[], source: string): string | undefined {
  const found = surest.filter((separator) => cells.some((cell) => cell.includes(separator)))
  if (found.length > 1)
    throw new Error(
      `${source}: the labels hold ${found.join(' and ')}: it is not clear which of them separates labels; name it with --label-separator`,
    )
  return found[0] ?? (cells.some((cell) => cell.includes(last)) ? last : undefined)
}

/**
 * The labels in a cell or a list, each once. A list without any, or a cell with the separator alone, says that no label fits.
 *
 * @throws at a label that is empty, or no text.
 */
export function labelList(given: string | readonly unknown[], separator: string | undefined, where: string): string[] {
  if (typeof given === 'string' && given.trim() === separator) return []
  const parts: readonly unknown[] = typeof given !== 'string' ? given : separator === undefined ? [given] : given.split(separator)
  const labels = parts.map((part) => {
    if (typeof part === 'object' && part !== null)
      throw new Error(`${where}: expected a list of texts as labels, found ${Array.isArray(part) ? 'a list' : 'an object'} in it`)
    const label = String(part ?? '').trim()
    if (label !== '') return label
    const none = typeof given === 'string' ? `${separator} alone` : '[]'
    throw new Error(`${where}: an empty label in ${JSON.stringify(given)}; fill it in or take it out (${none} says that no label fits)`)
  })
  return [...new Set(labels)]
}
