// TF-IDF over word n-grams: Salton & Buckley, "Term-weighting approaches in automatic text retrieval" (1988). A text becomes a sparse unit vector.
import type { SparseRows } from './logistic.js'

export type TfidfOptions = {
  /** Longest n-gram, in words (2: single words and pairs). */
  ngrams?: number
  /** An n-gram must occur in this many training texts (1). */
  minDocumentFrequency?: number
  /** 1 + ln(count) instead of the count (false). */
  sublinear?: boolean
}

export type Tfidf = {
  /** How many n-grams the vectors know. */
  width: number
  /** The sparse unit vector of one text; n-grams unknown to the training texts are left out. */
  vector(text: string): { columns: number[]; values: number[] }
}

/** Lower-cased words: runs of letters, digits and accents; every other visible character is a word of its own (a `?` tells something). */
export const words = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{M}\p{N}_]+|[^\s\p{Cc}]/gu) ?? []

/**
 * Counts the n-grams of the training texts and returns the vectorizer: count × (ln((1 + texts) / (1 + texts with it)) + 1), scaled to unit length.
 *
 * ```ts
 * fitTfidf(['a cat', 'a dog'], { ngrams: 1 }).width   // 3
 * ```
 */
export function fitTfidf(texts: readonly string[], options: TfidfOptions = {}): Tfidf {
  const { ngrams = 2, minDocumentFrequency = 1, sublinear = false } = options
  if (!Number.isInteger(ngrams) || ngrams < 1) throw new RangeError(`tfidfClassifier: ngrams is ${ngrams}, expected a whole number of words from 1`)
  const frequency = new Map<string, number>()
  for (const text of texts) {
    for (const gram of new Set(grams(text, ngrams))) frequency.set(gram, (frequency.get(gram) ?? 0) + 1)
  }
  const ids = new Map<string, number>()
  const weight: number[] = []
  for (const [gram, documents] of frequency) {
    if (documents < minDocumentFrequency) continue
    ids.set(gram, weight.length)
    weight.push(Math.log((1 + texts.length) / (1 + documents)) + 1)
  }
  const vector = (text: string) => {
    const counts = new Map<number, number>()
    for (const gram of grams(text, ngrams)) {
      const id = ids.get(gram)
      if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1)
    }
    const columns = [...counts.keys()]
    const values = columns.map((id) => (sublinear ? 1 + Math.log(counts.get(id)!) : counts.get(id)!) * weight[id]!)
    const length = Math.sqrt(values.reduce((total, value) => total + value * value, 0))
    return { columns, values: values.map((value) => value / length) }
  }
  return { width: weight.length, vector }
}

/** The vectors of many texts as sparse rows. */
export function tfidfRows(tfidf: Tfidf, texts: readonly string[]): SparseRows {
  const vectors = texts.map((text) => tfidf.vector(text))
  const starts = new Int32Array(texts.length + 1)
  vectors.forEach((vector, row) => {
    starts[row + 1] = starts[row]! + vector.columns.length
  })
  const columns = new Int32Array(starts[texts.length]!)
  const values = new Float64Array(columns.length)
  vectors.forEach((vector, row) => {
    columns.set(vector.columns, starts[row]!)
    values.set(vector.values, starts[row]!)
  })
  return { rows: texts.length, width: tfidf.width, starts, columns, values }
}

function grams(text: string, longest: number): string[] {
  const single = words(text)
  const all = single.slice()
  for (let n = 2; n <= longest; n++) {
    for (let i = 0; i + n <= single.length; i++) all.push(single.slice(i, i + n).join(' '))
  }
  return all
}
