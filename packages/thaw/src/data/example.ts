// One labelled text, and when two of them are the same: what splits, samples and statistics work on.

/** A text, or a pair of texts, with its label. */
export interface Example {
  text: string
  pair?: string
  /** Candidates to choose from, of multiple choice. */
  choices?: string[]
  label?: string
  /** All labels that fit, where there may be several or none. */
  labels?: string[]
  /** Line of the file where it starts, from 1. */
  line: number
}

/**
 * What makes two examples duplicates: the same characters, whatever the case, the Unicode form and the white space.
 *
 * @example
 * sameText({ text: ' Who  wrote Hamlet?', line: 1 }) === sameText({ text: 'who wrote hamlet?', line: 2 })   // true
 */
export function sameText({ text, pair, choices = [] }: Pick<Example, 'text' | 'pair' | 'choices'>): string {
  return [text, ...(pair === undefined ? [] : [pair]), ...choices].map(normalise).join('\n')
}

function normalise(text: string): string {
  return text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim()
}

/** The labels of an example: its one, all of its several, or none. */
export const labelsOf = ({ label, labels }: Pick<Example, 'label' | 'labels'>): readonly string[] => labels ?? (label === undefined ? [] : [label])

/** Examples of the same text together, in order of first appearance. */
export function groupSame(examples: readonly Example[]): Example[][] {
  const groups = new Map<string, Example[]>()
  for (const example of examples) {
    const key = sameText(example)
    const group = groups.get(key)
    if (group) group.push(example)
    else groups.set(key, [example])
  }
  return [...groups.values()]
}
