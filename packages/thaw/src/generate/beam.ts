// Beam search: the continuations that are best as a whole, not token by token. Hypotheses of different lengths are compared by their
// log-probability over Wu et al.'s length penalty, lp(n) = ((5 + n) / 6)^α (Wu et al. 2016, equation 14, without the coverage term, which is
// for translation).

import type { Continuation } from './continuation.js'
import { argmax, heaviest, logProbabilities } from './sample.js'

export interface BeamOptions {
  beams: number
  /** α: 0 compares plain log-probabilities, which prefers short texts. */
  lengthPenalty: number
  /** Tokens at most. */
  tokens: number
  /** Ids that end a text. */
  stops: ReadonlySet<number>
}

export interface Hypothesis {
  /** The new tokens, with the stop token where it ended with one. */
  ids: number[]
  /** Σ ln p of the new tokens. */
  logProbability: number
  /** logProbability / lp(length). */
  score: number
  ended: boolean
}

export const lengthPenalty = (length: number, alpha: number): number => ((5 + length) / 6) ** alpha

interface Candidate {
  row: number
  token: number
  logProbability: number
}

/** One text's beams: rows from `first` on are its own. */
interface Beam {
  first: number
  live: { ids: number[]; logProbability: number }[]
  finished: Hypothesis[]
}

/**
 * The best continuations of each text, the best first. The continuation must hold each text `beams` times, one copy after the other.
 *
 * A text is done when no live hypothesis can still beat the worst of its finished ones, or at the last token.
 */
export async function beamSearch(continuation: Continuation, options: BeamOptions): Promise<Hypothesis[][]> {
  const { beams, lengthPenalty: alpha, tokens } = options
  const hypothesis = (ids: number[], logProbability: number, ended: boolean): Hypothesis => ({
    ids,
    logProbability,
    ended,
    score: logProbability / lengthPenalty(ids.length, alpha),
  })
  // all copies of a text are equal at first, so that one of them is enough
  const states: Beam[] = Array.from({ length: continuation.texts.length / beams }, (_, i) => ({
    first: i * beams,
    live: [{ ids: [], logProbability: 0 }],
    finished: [],
  }))
  for (let length = 1; length <= tokens; length++) {
    const rows = continuation.texts.map((_, row) => row)
    const next: number[] = rows.map(() => 0)
    for (const beam of states) {
      const live: Beam['live'] = []
      for (const { row, token, logProbability } of best(beam, continuation, beams * (1 + options.stops.size))) {
        const ids = [...beam.live[row]!.ids, token]
        if (options.stops.has(token)) beam.finished.push(hypothesis(ids, logProbability, true))
        else if (live.length < beams) {
          rows[beam.first + live.length] = beam.first + row
          next[beam.first + live.length] = token
          live.push({ ids, logProbability })
        }
      }
      beam.finished.sort((a, b) => b.score - a.score).splice(beams)
      const reachable = Math.max(...live.map((x) => x.logProbability)) / lengthPenalty(tokens, alpha)
      beam.live = beam.finished.length === beams && beam.finished.at(-1)!.score >= reachable ? [] : live
    }
    if (length === tokens || states.every(({ live }) => live.length === 0)) break
    await continuation.push(next, rows)
  }
  return states.map(({ live, finished }) =>
    [...finished, ...live.map((x) => hypothesis(x.ids, x.logProbability, false))].sort((a, b) => b.score - a.score).slice(0, beams),
  )
}

/** The best next steps of a beam's hypotheses, the best first. */
function best({ first, live }: Beam, { logits }: Continuation, count: number): Candidate[] {
  const found: Candidate[] = []
  live.forEach((hypothesis, row) => {
    const own = logProbabilities(logits[first + row]!)
    const top = own[argmax(logits[first + row]!)]!
    const weights = own.map((value) => Math.exp(value - top))
    for (const token of heaviest(weights, count).subarray(0, count))
      found.push({ row, token, logProbability: hypothesis.logProbability + own[token]! })
  })
  return found.sort((a, b) => b.logProbability - a.logProbability || a.row - b.row || a.token - b.token).slice(0, count)
}
