// Which columns (CSV, TSV) or fields (JSONL) hold the text and the label: as told, or guessed from their names.

/** What the caller named. */
export interface WantedColumns {
  text?: readonly string[]
  pair?: string
  /** Candidates of multiple choice: a column each, or one field of JSONL with a list. */
  choices?: readonly string[]
  /** False: leave labels unread. */
  label?: string | false
}

/** What was chosen. */
export interface ChosenColumns {
  text: string[]
  pair: string | undefined
  choices?: string[]
  label: string | undefined
}

const textNames = [
  'text',
  'sentence',
  'question',
  'body',
  'content',
  'review',
  'comment',
  'message',
  'description',
  'tweet',
  'utterance',
  'query',
  'document',
  'sentence1',
  'premise',
  'title',
  'subject',
]
const labelNames = [
  'label',
  'class',
  'category',
  'intent',
  'queue',
  'target',
  'labels',
  'sentiment',
  'topic',
  'tag',
  'tags',
  'topics',
  'categories',
  'genres',
  'gold_label',
]

/**
 * Chooses columns. Named ones must exist; unnamed ones are the first of the known names (case is ignored). A lone column is the text, and of two of which
 * one is the label the other is the text.
 *
 * @throws with the columns there are.
 */
export function chooseColumns(columns: readonly string[], wanted: WantedColumns, where: string, kind: 'column' | 'field'): ChosenColumns {
  const there = `${kind}s here: ${columns.map((column) => JSON.stringify(column)).join(', ')}`
  const noHeader = kind === 'column' ? '; a file without a header line is read by column numbers, for example --text 2,3 --label 1' : ''
  const choices = wanted.choices ? { choices: [...wanted.choices] } : {}
  for (const name of namedColumns(wanted))
    if (!columns.includes(name)) throw new Error(`${where}: no ${kind} ${JSON.stringify(name)}; ${there}${noHeader}`)
  const known = (names: readonly string[], taken: readonly (string | undefined)[]): string | undefined => {
    for (const name of names) {
      const found = columns.find((column) => column.trim().toLowerCase() === name && !taken.includes(column))
      if (found !== undefined) return found
    }
    return undefined
  }
  const label =
    wanted.label === false ? undefined : (wanted.label ?? known(labelNames, [...(wanted.text ?? []), wanted.pair, ...(wanted.choices ?? [])]))
  if (wanted.text && wanted.text.length > 0) return { text: [...wanted.text], pair: wanted.pair, ...choices, label }
  const others = columns.filter((column) => column !== label && column !== wanted.pair && !wanted.choices?.includes(column))
  const text = known(textNames, [label, wanted.pair, ...(wanted.choices ?? [])]) ?? (others.length === 1 ? others[0] : undefined)
  if (text === undefined) throw new Error(`${where}: which ${kind} is the text? Name it with --text; ${there}${noHeader}`)
  return { text: [text], pair: wanted.pair, ...choices, label }
}

/** All columns that the caller named. */
export const namedColumns = ({ text = [], pair, choices = [], label }: WantedColumns): string[] => [
  ...text,
  ...(pair === undefined ? [] : [pair]),
  ...choices,
  ...(label ? [label] : []),
]
