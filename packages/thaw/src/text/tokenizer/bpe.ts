// Byte-pair encoding of one word (Sennrich et al. 2016): merge the pair of lowest rank, leftmost first, until no pair has a rank.
import { byteRanges, toByteChars } from './bytes.js'
import { heap } from './heap.js'
import type { ModelJson } from './json.js'
import { byteTokens, type Model, type WordTokens } from './model.js'

interface Candidate {
  rank: number
  at: number
  left: number
  right: number
}

interface Merge {
  rank: number
  id: number
}

const shift = 2 ** 26

/** Merges as pairs: written `["a", "b"]`, or in older files `"a b"`. */
export function mergePairs(merges: readonly unknown[]): [string, string][] {
  return merges.map((merge, index) => {
    const pair = typeof merge === 'string' ? merge.split(' ') : merge
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw new Error(`tokenizer.json: model.merges[${index}]: expected two tokens, got ${JSON.stringify(merge)}.`)
    }
    return [String(pair[0]), String(pair[1])]
  })
}

/** A BPE model; `bytes` says that words are spelt in bytes first. */
export function bpe(config: ModelJson, vocab: Map<string, number>, bytes: boolean): Model {
  const prefix = String(config.continuing_subword_prefix ?? '')
  const suffix = String(config.end_of_word_suffix ?? '')
  const unk = typeof config.unk_token === 'string' ? config.unk_token : undefined
  const unkId = unk === undefined ? undefined : vocab.get(unk)
  const merges = new Map<number, Merge>()
  mergePairs(config.merges as unknown[]).forEach(([left, right], rank) => {
    const joined = left + (prefix !== '' && right.startsWith(prefix) ? right.slice(prefix.length) : right)
    const [a, b, id] = [vocab.get(left), vocab.get(right), vocab.get(joined)]
    if (a === undefined || b === undefined || id === undefined) {
      const missing = a === undefined ? left : b === undefined ? right : joined
      throw new Error(`tokenizer.json: model.merges[${rank}] (${left} ${right}): ${JSON.stringify(missing)} is not in model.vocab.`)
    }
    merges.set(a * shift + b, { rank, id })
  })
  const encoder = new TextEncoder()

  /** The word's characters as ids with their ranges, before any merge. */
  function symbols(word: string): WordTokens {
    const result: WordTokens = { ids: [], starts: [], ends: [] }
    const spelt = bytes ? toByteChars(word) : word
    const ranges = bytes ? byteRanges(word) : undefined
    let index = 0
    let unknown = false
    const push = (id: number, start: number, end: number) => {
      result.ids.push(id)
      result.starts.push(ranges ? ranges.starts[start]! : start)
      result.ends.push(ranges ? ranges.ends[end - 1]! : end)
    }
    for (const char of spelt) {
      const end = index + char.length
      const token = (index > 0 ? prefix : '') + char + (end === spelt.length ? suffix : '')
      const id = vocab.get(token)
      const fallback = id === undefined && config.byte_fallback === true ? byteTokens(encoder.encode(token), vocab) : undefined
      if (id !== undefined) push(id, index, end)
      else if (fallback) for (const byte of fallback) push(byte, index, end)
      else if (unknown && config.fuse_unk === true) result.ends[result.ends.length - 1] = ranges ? ranges.ends[end - 1]! : end
      else if (unkId !== undefined) push(unkId, index, end)
      unknown = id === undefined && fallback === undefined && unkId !== undefined
      index = end
    }
    return result
  }

  function tokenize(word: string): WordTokens {
    if (config.ignore_merges === true) {
      const id = vocab.get(bytes ? toByteChars(word) : word)
      if (id !== undefined) return { ids: [id], starts: [0], ends: [word.length] }
    }
    const { ids, starts, ends } = symbols(word)
    const next = ids.map((_, i) => i + 1)
    const previous = ids.map((_, i) => i - 1)
    const queue = heap<Candidate>((a, b) => a.rank < b.rank || (a.rank === b.rank && a.at < b.at))
    const offer = (at: number) => {
      const after = next[at]!
      if (at < 0 || after >= ids.length) return
      const merge = merges.get(ids[at]! * shift + ids[after]!)
      if (merge) queue.push({ rank: merge.rank, at, left: ids[at]!, right: ids[after]! })
    }
    for (let i = 0; i < ids.length; i++) offer(i)
    for (let best = queue.pop(); best; best = queue.pop()) {
      const { at, left, right } = best
      const after = next[at]!
      if (ids[at] !== left || after >= ids.length || ids[after] !== right) continue
      ids[at] = merges.get(left * shift + right)!.id
      ids[after] = -1
      ends[at] = ends[after]!
      next[at] = next[after]!
      if (next[at]! < ids.length) previous[next[at]!] = at
      if (previous[at]! >= 0) offer(previous[at]!)
      offer(at)
    }
    const alive = (_: number, i: number) => ids[i] !== -1
    return { ids: ids.filter((id) => id !== -1), starts: starts.filter(alive), ends: ends.filter(alive) }
  }

  return { kind: 'bpe', vocab, unk, tokenize }
}
