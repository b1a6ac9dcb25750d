// Learning merges (Sennrich, Haddow & Birch 2016): join the most frequent pair of neighbours, again and again.
// Counts of pairs are kept up to date with the positions where each pair stands, so a merge costs its occurrences and not the corpus.
import { heap } from '../heap.js'

interface Pair {
  left: number
  right: number
  count: number
  positions: number[]
}

interface Entry {
  pair: Pair
  count: number
}

export interface MergeRequest {
  /** The symbols there are to begin with, in the order of their ids. */
  symbols: string[]
  /** Each distinct word as symbol ids. */
  words: number[][]
  counts: number[]
  /** Stop at so many symbols. */
  size: number
  /** Stop where the best pair is rarer. */
  minFrequency: number
  /** The spelling of two symbols joined. */
  join: (left: string, right: string) => string
}

const shift = 2 ** 26

/**
 * Returns the pairs in the order they were joined, and appends the new symbols to `symbols`. Ties go to the pair of lower ids, so the result
 * depends on nothing but the counts.
 */
export function learnMerges({ symbols, words, counts, size, minFrequency, join }: MergeRequest): [string, string][] {
  const total = words.reduce((sum, word) => sum + word.length, 0)
  const symbol = new Int32Array(total) // -1 where a symbol was joined to the one before it
  const next = new Int32Array(total).fill(-1)
  const previous = new Int32Array(total).fill(-1)
  const weight = new Float64Array(total)
  const pairs = new Map<number, Pair>()
  const queue = heap<Entry>(
    (a, b) =>
      a.count > b.count || (a.count === b.count && (a.pair.left < b.pair.left || (a.pair.left === b.pair.left && a.pair.right < b.pair.right))),
  )
  const pairAt = (left: number, right: number): Pair => {
    const key = left * shift + right
    let pair = pairs.get(key)
    if (!pair) pairs.set(key, (pair = { left, right, count: 0, positions: [] }))
    return pair
  }
  let at = 0
  words.forEach((word, index) => {
    word.forEach((id, i) => {
      symbol[at] = id
      weight[at] = counts[index]!
      if (i > 0) {
        previous[at] = at - 1
        next[at - 1] = at
        const pair = pairAt(word[i - 1]!, id)
        pair.count += counts[index]!
        pair.positions.push(at - 1)
      }
      at++
    })
  })
  for (const pair of pairs.values()) queue.push({ pair, count: pair.count })

  const ids = new Map(symbols.map((name, id) => [name, id]))
  const merges: [string, string][] = []
  const merged = new Set<number>()
  while (symbols.length < size) {
    const entry = queue.pop()
    if (!entry || entry.count < minFrequency) break
    const { pair } = entry
    const { left, right } = pair
    const key = left * shift + right
    if (pairs.get(key) !== pair) continue // joined already
    if (entry.count !== pair.count) {
      if (entry.count > pair.count && pair.count > 0) queue.push({ pair, count: pair.count })
      continue
    }
    const name = join(symbols[left]!, symbols[right]!)
    let id = ids.get(name)
    if (id === undefined) {
      id = symbols.push(name) - 1
      ids.set(name, id)
    }
    // A symbol may be reached by two ways; the pair may then come back, and is joined under the rule it has.
    if (!merged.has(key)) merges.push([symbols[left]!, symbols[right]!])
    merged.add(key)
    pairs.delete(key)
    const grown = new Set<Pair>()
    const grow = (a: number, b: number, position: number, count: number) => {
      const made = pairAt(a, b)
      made.count += count
      made.positions.push(position)
      grown.add(made)
    }
    const shrink = (a: number, b: number, count: number) => {
      const old = pairs.get(a * shift + b)
      if (old) old.count -= count
    }
    const positions = left === right ? pair.positions.sort((a, b) => a - b) : pair.positions // 'aaa' is joined from the left
    for (const here of positions) {
      const after = next[here]!
      if (symbol[here] !== left || after < 0 || symbol[after] !== right) continue
      const count = weight[here]!
      const before = previous[here]!
      const beyond = next[after]!
      symbol[here] = id
      symbol[after] = -1
      next[here] = beyond
      if (before >= 0) {
        shrink(symbol[before]!, left, count)
        grow(symbol[before]!, id, before, count)
      }
      if (beyond >= 0) {
        previous[beyond] = here
        shrink(right, symbol[beyond]!, count)
        grow(id, symbol[beyond]!, here, count)
      }
    }
    for (const made of grown) if (made.count > 0) queue.push({ pair: made, count: made.count })
  }
  return merges
}
