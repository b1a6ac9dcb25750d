// How near a task's text is to the text a model was pretrained on. Where both are alike, a frozen model may do as well as a tuned one, and where they are not,
// tuning pays (Peters, Ruder & Smith 2019).

export interface Nearness {
  /** Jensen–Shannon divergence of the two distributions of words, in bits: 0 for equal ones, 1 where no word is in both (Lin 1991; Ruder & Plank 2017). */
  jensenShannon: number
  /** Share of the task's most frequent words (at most 10,000) that are among as many of the pretraining text's (Gururangan et al. 2020, section 2.1). */
  vocabularyOverlap: number
  /** Share of the task's running words that the pretraining text has at all. */
  knownWords: number
}

const most = 10_000

/** How often each word occurs: runs of letters or digits, in lower case. */
export function wordCounts(texts: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const text of texts) for (const [word] of text.toLowerCase().matchAll(/[\p{L}\p{M}]+|\p{N}+/gu)) counts.set(word, (counts.get(word) ?? 0) + 1)
  return counts
}

/**
 * Compares a task's texts with pretraining text by their words.
 *
 *     nearness(['Who wrote Hamlet?'], ['who wrote what']).vocabularyOverlap   // 0.667
 *
 * @throws where one of them has no words.
 */
export function nearness(task: Iterable<string>, pretraining: Iterable<string>): Nearness {
  const [p, q] = [wordCounts(task), wordCounts(pretraining)]
  const total = (counts: Map<string, number>) => [...counts.values()].reduce((sum, n) => sum + n, 0)
  const [pTotal, qTotal] = [total(p), total(q)]
  if (pTotal === 0 || qTotal === 0) throw new Error(`nearness: the ${pTotal === 0 ? "task's" : 'pretraining'} text has no words`)
  let bits = 0
  for (const word of new Set([...p.keys(), ...q.keys()])) {
    const [a, b] = [(p.get(word) ?? 0) / pTotal, (q.get(word) ?? 0) / qTotal]
    const mean = (a + b) / 2
    if (a > 0) bits += (a / 2) * Math.log2(a / mean)
    if (b > 0) bits += (b / 2) * Math.log2(b / mean)
  }
  const frequent = (counts: Map<string, number>) =>
    [...counts]
      .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
      .slice(0, most)
      .map(([word]) => word)
  const known = new Set(frequent(q))
  const words = frequent(p)
  const inBoth = [...p].reduce((sum, [word, n]) => sum + (q.has(word) ? n : 0), 0)
  return { jensenShannon: bits, vocabularyOverlap: words.filter((word) => known.has(word)).length / words.length, knownWords: inBoth / pTotal }
}
