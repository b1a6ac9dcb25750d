// Beam search against exhaustive search, over made-up language models that need no network: a table of next-token probabilities.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { random } from '../text/random.js'
import { beamSearch, type Hypothesis, lengthPenalty } from './beam.js'
import type { Continuation } from './continuation.js'

type Model = (text: readonly number[]) => number[]

/** A continuation that looks probabilities up. */
function lookUp(model: Model, prompts: readonly (readonly number[])[], beams: number): Continuation {
  let texts = prompts.flatMap((prompt) => Array.from({ length: beams }, () => [...prompt]))
  const logitsOf = () => texts.map((text) => Float32Array.from(model(text), Math.log))
  let logits = logitsOf()
  return {
    get texts() {
      return texts
    },
    get logits() {
      return logits
    },
    async push(tokens, rows = texts.map((_, i) => i)) {
      texts = rows.map((row, i) => [...texts[row]!, tokens[i]!])
      logits = logitsOf()
    },
  }
}

/** All continuations, scored. */
function exhaustive(model: Model, prompt: readonly number[], { tokens, alpha, stop }: { tokens: number; alpha: number; stop: number }): Hypothesis[] {
  const all: Hypothesis[] = []
  const walk = (ids: number[], logProbability: number) => {
    const ended = ids.at(-1) === stop
    if (ended || ids.length === tokens) all.push({ ids, logProbability, ended, score: logProbability / lengthPenalty(ids.length, alpha) })
    else for (const [token, p] of model([...prompt, ...ids]).entries()) walk([...ids, token], logProbability + Math.log(p))
  }
  walk([], 0)
  return all.sort((a, b) => b.score - a.score)
}

/** Random probabilities that depend on the whole text. */
const randomModel =
  (seed: number, vocabulary: number): Model =>
  (text) => {
    const { next } = random(text.reduce((state, id) => (state * 31 + id + 7) % 1_000_003, seed))
    const weights = Array.from({ length: vocabulary }, () => next() ** 2 + 0.01)
    const sum = weights.reduce((a, b) => a + b, 0)
    return weights.map((weight) => weight / sum)
  }

const near = (actual: number, expected: number) => assert.ok(Math.abs(actual - expected) < 1e-5, `${actual} instead of ${expected}`)

describe('beam search', () => {
  test('finds a better text than greedy choice', async () => {
    // the likelier first token (0.6) leads to evenly spread second ones (0.25), the other (0.4) to a sure one
    const model: Model = ([first, second]) =>
      second !== undefined || first === undefined ? [0.6, 0.4, 1e-9, 1e-9] : first === 0 ? [0.25, 0.25, 0.25, 0.25] : [0.97, 0.01, 0.01, 0.01]
    const options = { lengthPenalty: 0, tokens: 2, stops: new Set<number>() }
    const [greedy] = await beamSearch(lookUp(model, [[]], 1), { ...options, beams: 1 })
    const [best] = await beamSearch(lookUp(model, [[]], 2), { ...options, beams: 2 })
    assert.deepEqual(greedy![0]!.ids, [0, 0])
    assert.deepEqual(best![0]!.ids, [1, 0])
    near(Math.exp(greedy![0]!.logProbability), 0.15)
    near(Math.exp(best![0]!.logProbability), 0.388)
  })

  for (const alpha of [0, 0.6, 1])
    test(`as many beams as texts are the exhaustive search (α ${alpha})`, async () => {
      for (let seed = 1; seed <= 10; seed++) {
        const model = randomModel(seed, 3)
        const given = { beams: 90, lengthPenalty: alpha, tokens: 4, stops: new Set([2]) }
        const [found] = await beamSearch(lookUp(model, [[1]], given.beams), given)
        const expected = exhaustive(model, [1], { tokens: 4, alpha, stop: 2 })
        assert.ok(found!.length <= expected.length)
        found!.slice(0, 5).forEach((hypothesis, i) => {
          assert.deepEqual(hypothesis.ids, expected[i]!.ids)
          assert.equal(hypothesis.ended, expected[i]!.ended)
          near(hypothesis.score, expected[i]!.score)
        })
      }
    })

  test('scores are those of the texts, the best first', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const model = randomModel(seed, 4)
      const [found] = await beamSearch(lookUp(model, [[]], 3), { beams: 3, lengthPenalty: 0.6, tokens: 12, stops: new Set([0]) })
      for (const { ids, logProbability, score } of found!) {
        const sum = ids.reduce((total, id, i) => total + Math.log(model(ids.slice(0, i))[id]!), 0)
        near(logProbability, sum)
        near(score, sum / lengthPenalty(ids.length, 0.6))
      }
      assert.deepEqual(
        [...found!].sort((a, b) => b.score - a.score),
        found,
      )
    }
  })

  test('a batch of prompts gives what each gives alone', async () => {
    const model = randomModel(3, 5)
    const options = { beams: 4, lengthPenalty: 0.6, tokens: 6, stops: new Set([1]) }
    const prompts = [[0], [2, 3], [4, 4, 4]]
    const together = await beamSearch(lookUp(model, prompts, 4), options)
    for (const [i, prompt] of prompts.entries()) assert.deepEqual(together[i], (await beamSearch(lookUp(model, [prompt], 4), options))[0])
  })

  test("Wu et al.'s length penalty", () => {
    assert.equal(lengthPenalty(1, 0.6), 1)
    assert.equal(lengthPenalty(7, 1), 2)
    assert.equal(lengthPenalty(100, 0), 1)
  })
})
