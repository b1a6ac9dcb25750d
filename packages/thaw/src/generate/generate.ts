// Text that goes on: a causal model's continuation of a prompt, by greedy choice, sampling or beam search.

import { createExecutor } from '@thaw/tensor'
import type { Backbone } from '../adapt/backbone.js'
import { fillStore } from '../adapt/classifier.js'
import { hash, random } from '../text/random.js'
import type { Tokenizer } from '../text/tokenizer/index.js'
import { beamSearch, type Hypothesis } from './beam.js'
import { continueTexts } from './continuation.js'
import { createDecoder, type Decoder } from './decoder.js'
import { candidates, draw, logProbabilities, penalizeRepetition } from './sample.js'
import { type GenerateOptions, type GenerateSettings, generateSettings } from './settings.js'

export interface Generated {
  prompt: string
  /** What follows the prompt, without the token that ended it. */
  text: string
  /** The new tokens. */
  ids: number[]
  /** Σ ln p of the new tokens under the model (before temperature, cuts and penalties). */
  logProbability: number
  /** True where the model ended the text itself, false where it reached the number of tokens. */
  ended: boolean
}

export interface Generator {
  /** Continues each prompt; prompts of different lengths run as one batch. The same seed gives the same texts. */
  generate(prompts: readonly string[], options?: GenerateOptions): Promise<Generated[]>
  generate(prompt: string, options?: GenerateOptions): Promise<Generated>
  dispose(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Compiles a causal model for generation. @throws where the model is not causal.
 *
 * ```ts
 * await using writer = await generator(await load('./checkpoints/wiki-lm'))
 * await writer.generate('The river', { tokens: 20, topP: 0.9, seed: 1 })   // { text: ' flows …', … }
 * ```
 */
export async function generator(backbone: Backbone, options: { threads?: number } = {}): Promise<Generator> {
  const { config, tokenizer, parameters } = backbone
  const executor = await createExecutor(options)
  const dispose = () => executor[Symbol.asyncDispose]()
  try {
    const params = await fillStore(executor, parameters)
    const decoder = await createDecoder(executor, config, params)
    // the program has its own copy
    await params.dispose()
    return {
      generate: (async (prompts: string | readonly string[], options?: GenerateOptions) => {
        const results = await generateBatch(decoder, tokenizer, [prompts].flat(), generateSettings(options))
        return typeof prompts === 'string' ? results[0] : results
      }) as Generator['generate'],
      dispose,
      [Symbol.asyncDispose]: dispose,
    }
  } catch (error) {
    await dispose()
    throw error
  }
}

/** Continues one prompt: {@link generator} for a single use. */
export async function generate(backbone: Backbone, prompt: string, options: GenerateOptions & { threads?: number } = {}): Promise<Generated> {
  const { threads, ...rest } = options
  await using writer = await generator(backbone, threads === undefined ? {} : { threads })
  return await writer.generate(prompt, rest)
}

async function generateBatch(decoder: Decoder, tokenizer: Tokenizer, prompts: readonly string[], settings: GenerateSettings): Promise<Generated[]> {
  const given = prompts.map((prompt) => promptIds(tokenizer, prompt))
  const end = tokenizer.special.eos ?? tokenizer.special.sep
  const stops = new Set(settings.stop && end ? [end.id] : [])
  const results = settings.beams > 1 ? await search(decoder, given, settings, stops) : await sample(decoder, tokenizer, given, settings, stops)
  return results.map(({ ids, logProbability, ended }, i) => {
    const shown = ended ? ids.slice(0, -1) : ids
    return { prompt: prompts[i]!, text: continuationText(tokenizer, given[i]!, shown), ids, logProbability, ended }
  })
}

/** The tokens of a prompt; an empty one is a text's beginning, which models learn as what follows the end of another. */
function promptIds(tokenizer: Tokenizer, prompt: string): number[] {
  const ids = [...tokenizer.ids(prompt)]
  const start = tokenizer.special.bos ?? tokenizer.special.eos ?? tokenizer.special.cls
  if (ids.length > 0) return ids
  if (!start) throw new Error('generation: the prompt has no tokens, and the tokenizer none that begins a text; give a prompt')
  return [start.id]
}

/** The text of new tokens: what is longer in the whole than in the prompt, because how a token is written may depend on the one before it. */
function continuationText(tokenizer: Tokenizer, prompt: readonly number[], ids: readonly number[]): string {
  const before = tokenizer.decode(prompt)
  const whole = tokenizer.decode([...prompt, ...ids])
  return whole.startsWith(before) ? whole.slice(before.length) : tokenizer.decode(ids)
}

/** The text of tokens as they come. How a token is written may depend on the one before it, so each is decoded together with the last ones. */
function textStream(tokenizer: Tokenizer, prompt: readonly number[]): (token: number | undefined, last: boolean) => string {
  let before = prompt.slice(-4)
  let fresh: number[] = []
  return (token, last) => {
    if (token !== undefined) fresh.push(token)
    const known = tokenizer.decode(before)
    const text = tokenizer.decode([...before, ...fresh])
    // a character of several bytes may be half there
    if (text.length <= known.length || (text.endsWith('\ufffd') && !last)) return ''
    before = fresh
    fresh = []
    return text.slice(known.length)
  }
}

async function search(decoder: Decoder, given: readonly number[][], settings: GenerateSettings, stops: ReadonlySet<number>): Promise<Hypothesis[]> {
  const copies = given.flatMap((ids) => Array.from({ length: settings.beams }, () => ids))
  const found = await beamSearch(await continueTexts(decoder, copies, settings.tokens), { ...settings, stops })
  return found.map((hypotheses) => hypotheses[0]!)
}

async function sample(
  decoder: Decoder,
  tokenizer: Tokenizer,
  given: readonly number[][],
  settings: GenerateSettings,
  stops: ReadonlySet<number>,
): Promise<Omit<Hypothesis, 'score'>[]> {
  const texts = await continueTexts(decoder, given, settings.tokens)
  const generators = given.map((_, row) => random(hash(settings.seed, row)))
  const results = given.map(() => ({ ids: [] as number[], logProbability: 0, ended: false }))
  const streams = given.map((ids) => textStream(tokenizer, ids))
  for (let length = 1; length <= settings.tokens; length++) {
    const next = results.map((result, row) => {
      if (result.ended) return 0
      const logits = texts.logits[row]!
      const chosen = draw(candidates(penalizeRepetition(logits, texts.texts[row]!, settings.repetitionPenalty), settings), generators[row]!)
      result.ids.push(chosen)
      result.logProbability += logProbabilities(logits)[chosen]!
      result.ended = stops.has(chosen)
      return chosen
    })
    const last = length === settings.tokens || results.every((result) => result.ended)
    if (settings.onText)
      next.forEach((token, row) => {
        const text = streams[row]!(results[row]!.ended ? undefined : token, last)
        if (text) settings.onText!(text, row)
      })
    if (last) break
    await texts.push(next)
  }
  return results
}
