// Masked language modelling: some tokens are hidden, and each is guessed from both sides (BERT: Devlin et al. 2019). Logits are computed at the masked
// places only: their indices are fed, the same number in every batch, so that a step costs less than a causal one.

import type { Executor, Store } from '@thaw/tensor'
import { perplexity, wordPerplexity } from '../../metrics/perplexity.js'
import type { TransformerConfig } from '../../models/config.js'
import { languageHeadShapes } from '../../models/language-head.js'
import { parameterShapes } from '../../models/shapes.js'
import { Scope } from '../../nn/scope.js'
import { hash, random } from '../../text/random.js'
import { type Tokenizer, trainWordPiece } from '../../text/tokenizer/index.js'
import type { PretrainSettings } from '../settings.js'
import { distilledObjective } from './distilled.js'
import { framing, maskedFeeds, maskedGraph } from './masked-graph.js'
import { type MaskingRules, maskingRules, maskTokens, placeCount } from './masking.js'
import { nextSentenceObjective } from './next-sentence.js'
import type { Evaluation, Evaluator, Objective, ObjectiveContext, ObjectiveKind } from './objective.js'
import { evaluationWindows, pieces, placeRandom, windowBatches } from './windows.js'

export const masked: ObjectiveKind = {
  config: ({ size, nextSentence = false }) => (size === 'tutorial' ? { causal: false } : { ...bertForm, pooler: nextSentence }),
  trainTokenizer: (texts, vocabulary) => trainWordPiece(texts, { vocabulary }),
  addTokens: addMask,
  create(context) {
    if (context.settings.teacher) return distilledObjective(context)
    return context.settings.nextSentence ? nextSentenceObjective(context) : maskedObjective(context)
  },
}

/** BERT's form of the general sizes. */
export const bertForm: Partial<TransformerConfig> = { block: 'post', causal: false, activation: 'gelu-tanh', normEpsilon: 1e-12, segments: 2 }

/** Gives a tokenizer without a mask token one. */
export function addMask(tokenizer: Tokenizer): void {
  if (!tokenizer.special.mask) tokenizer.addTokens(['[MASK]'], { special: true })
}

const defaultShare = 0.15

export const maskedRules = ({ maskShare = defaultShare, wholeWords = false }: PretrainSettings, tokenizer: Tokenizer): MaskingRules =>
  maskingRules(tokenizer, { share: maskShare, wholeWords })

export function maskedObjective({ settings, config, tokenizer }: ObjectiveContext): Objective {
  const { batch, time, seed, headTransform = true } = settings
  const rules = maskedRules(settings, tokenizer)
  const frame = framing(tokenizer)
  const room = placeCount(batch * time, rules.share)
  const shapes = new Map([...parameterShapes(config), ...(headTransform ? languageHeadShapes(config) : [])])
  return {
    shapes,
    saved: [...shapes.keys()],
    sizes: { batch, time, places: room },
    graph: (scope) => ({ loss: maskedGraph(scope, config, headTransform).loss }),
    batches: async (cache, range) =>
      windowBatches(cache, range, { batch, time: time - frame.extra, seed }, ({ inputs }, place) => {
        const rows = frame.rows(pieces(inputs, time - frame.extra))
        return maskedFeeds(maskTokens(rows, time, room, rules, placeRandom(seed, place)), [batch, time])
      }),
    evaluator: (executor, params) => maskedEvaluator(executor, params, { config, tokenizer, batch, time, rules, transform: headTransform }),
  }
}

/** Evaluations of one corpus mask the same tokens, whatever the run's seed. */
export const evaluationSeed = 20_190_602

export interface MaskedEvaluatorOptions {
  config: TransformerConfig
  tokenizer: Tokenizer
  batch: number
  time: number
  rules: MaskingRules
  transform: boolean
}

/**
 * Compiles the evaluation of a masked model: the loss at masked places, all tokens of the range seen once.
 *
 * Per word it is what the tutorial reports: exp(mean loss · tokens / words), the mean over masked places, tokens and words those of the text.
 */
export async function maskedEvaluator(executor: Executor, params: Store, options: MaskedEvaluatorOptions): Promise<Evaluator> {
  const { config, tokenizer, batch, time, rules, transform } = options
  const frame = framing(tokenizer)
  const { sum, count } = maskedGraph(new Scope(), config, transform)
  const program = await executor.compile({ outputs: { sum, count } }, { shapes: [{ batch, time, places: placeCount(batch * time, rules.share) }] })
  return {
    async evaluate(cache, { from = 0, to = cache.tokens, words = cache.words } = {}) {
      const totals = { loss: 0, tokens: 0 }
      let batches = 0
      for await (const windows of evaluationWindows(cache, { from, to }, { batch, length: time - frame.extra })) {
        const ids = frame.rows(windows)
        const width = ids.length / windows.length
        const chosen = maskTokens(ids, width, placeCount(ids.length, rules.share), rules, random(hash(evaluationSeed, batches++)))
        const { outputs } = await program.bind({ params }).run({ feeds: maskedFeeds(chosen, [windows.length, width]) })
        totals.loss += Number(outputs.sum!.data[0])
        totals.tokens += Number(outputs.count!.data[0])
      }
      return maskedEvaluation(totals, words / (to - from))
    },
    dispose: () => program.dispose(),
  }
}

/** Perplexities over masked places, of a text with so many words a token. */
export function maskedEvaluation({ loss, tokens }: { loss: number; tokens: number }, wordsPerToken: number): Evaluation {
  const words = tokens * wordsPerToken
  return { loss, tokens, words, perToken: perplexity(loss, tokens), perWord: wordPerplexity(loss, words) }
}
