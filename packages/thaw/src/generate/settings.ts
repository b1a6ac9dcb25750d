// How a text is continued, with defaults, checked before anything is computed.

export interface GenerateOptions {
  /** New tokens, at most. Default 50. */
  tokens?: number
  /** 0 takes the most probable token each time (the default where neither topK nor topP is given); 1 samples from the model's own distribution. */
  temperature?: number
  /** Sample from the k most probable tokens. */
  topK?: number
  /** Sample from the smallest set of tokens with this share of the probability (nucleus). */
  topP?: number
  /** Beam search with so many hypotheses. */
  beams?: number
  /** Beam search: α of Wu et al. 2016. Default 0.6. */
  lengthPenalty?: number
  /** Above 1 makes tokens that have occurred less likely (Keskar et al. 2019: 1.2). Default 1. */
  repetitionPenalty?: number
  /** Of the draws. Default 1. */
  seed?: number
  /** End a text where the model does. Default true. */
  stop?: boolean
  /** New text as it comes, and which prompt it belongs to; not in beam search, which may change its mind. */
  onText?: (text: string, prompt: number) => void
}

export type GenerateSettings = Required<Omit<GenerateOptions, 'topK' | 'topP' | 'onText'>> & Pick<GenerateOptions, 'topK' | 'topP' | 'onText'>

/** Fills in defaults and checks. @throws naming the option, what was expected and what came. */
export function generateSettings(options: GenerateOptions = {}): GenerateSettings {
  const sampled = options.topK !== undefined || options.topP !== undefined
  const settings = { tokens: 50, beams: 1, lengthPenalty: 0.6, repetitionPenalty: 1, seed: 1, stop: true, ...options }
  const result: GenerateSettings = { ...settings, temperature: options.temperature ?? (sampled ? 1 : 0) }
  const check = (name: keyof GenerateSettings, expected: string, fits: (value: number) => boolean) => {
    const value = result[name]
    if (value !== undefined && !(typeof value === 'number' && fits(value))) throw new Error(`${name}: expected ${expected}; got ${String(value)}`)
  }
  const count = (value: number) => Number.isSafeInteger(value) && value >= 1
  check('tokens', 'a whole number of at least 1', count)
  check('beams', 'a whole number of at least 1', count)
  check('topK', 'a whole number of at least 1', count)
  check('topP', 'a number above 0, at most 1', (value) => value > 0 && value <= 1)
  check('temperature', 'a number of at least 0', (value) => value >= 0 && value < Number.POSITIVE_INFINITY)
  check('lengthPenalty', 'a number of at least 0', (value) => value >= 0 && value < Number.POSITIVE_INFINITY)
  check('repetitionPenalty', 'a number above 0', (value) => value > 0 && value < Number.POSITIVE_INFINITY)
  check('seed', 'a whole number', Number.isSafeInteger)
  if (sampled && result.temperature === 0) throw new Error('temperature 0 always takes the most probable token: leave out topK and topP, or raise it')
  if (result.beams > 1) {
    const other = (['temperature', 'topK', 'topP', 'onText'] as const).find((name) => options[name] !== undefined)
    if (other) throw new Error(`beams ${result.beams} and ${other}: beam search does not sample and has no text before its end; give one of them`)
    if (result.repetitionPenalty !== 1)
      throw new Error(`beams ${result.beams} and repetitionPenalty: beam search compares true probabilities; give one of them`)
  }
  return result
}
