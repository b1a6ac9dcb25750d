// The language model's part in an adaptation (recipe/signals.ts): its graph beside the task's, and what it is fed with. A causal model predicts from the
// activations that the task has computed anyway; a masked one reads the texts a second time, with some tokens hidden, so that the task sees them whole.

import { dim, input, ops, type Tensor } from '@thaw/tensor'
import type { TransformerConfig } from '../models/config.js'
import { languageHead, languageHeadLoss } from '../models/language-head.js'
import { type TransformerInputs, transformer } from '../models/transformer.js'
import { Scope } from '../nn/scope.js'
import { type MaskingRules, maskingRules, maskTokens, placeCount } from '../pretrain/objectives/masking.js'
import { ignored } from '../pretrain/objectives/objective.js'
import { hash, random } from '../text/random.js'
import type { Tokenizer } from '../text/tokenizer/index.js'
import type { Backbone } from './backbone.js'
import type { FeedsOf } from './batches.js'
import type { Recipe } from './recipe/recipe.js'
import { type SignalIngredient, weightAt } from './recipe/signals.js'

export const signalsOf = (recipe: Recipe | undefined): SignalIngredient[] =>
  (recipe?.ingredients ?? []).filter((x): x is SignalIngredient => x.kind === 'signal')

/** Names of the losses, as steps report them. */
const lossNames = { 'language-model': 'languageLoss', 'old-predictions': 'oldPredictionsLoss' } as const

/** @throws where a checkpoint cannot give the signal, saying why. */
export function checkSignals(signals: readonly SignalIngredient[], backbone: Backbone): void {
  for (const { name } of signals) {
    if (backbone.config.causal) continue
    if (!backbone.tokenizer.special.mask)
      throw new Error(`recipe: ${name} hides tokens of a bidirectional model, and the tokenizer of ${backbone.source} has no mask token`)
    if (name === 'old-predictions' && !backbone.parameters.has('heads.mlm.bias'))
      throw new Error(
        `recipe: ${name} needs the language model's own head (heads.mlm.…), which ${backbone.source} has not; l2-sp pulls towards the pretrained values instead`,
      )
  }
}

export interface LanguagePart {
  /** Of each signal, unweighted. */
  losses: Readonly<Record<string, Tensor>>
  /** The sum, each times the weight that is fed. */
  weighted: Tensor
  /** What the network was before: states in the namespace `anchor`. */
  old: ReadonlyMap<string, Tensor>
}

/** Cross-entropy of softmax(student / T) to softmax(teacher / T), the mean over rows; logits [rows, classes]. No gradient reaches the teacher. */
export function softCrossEntropy(teacher: Tensor, student: Tensor, temperature: number): Tensor {
  const wanted = ops.stopGradient(ops.softmax(ops.mul(teacher, 1 / temperature)))
  return ops.neg(ops.mean(ops.sum(ops.mul(wanted, ops.logSoftmax(ops.mul(student, 1 / temperature))), -1)))
}

/** The signals' graph. `scope` has built the task's network, over the same inputs. */
export function languagePart(scope: Scope, config: TransformerConfig, inputs: TransformerInputs, signals: readonly SignalIngredient[]): LanguagePart {
  const { causal } = config
  const seen = causal ? inputs : { ...inputs, ids: input('language.ids', inputs.ids.shape, 'i32') }
  const reading = causal ? scope : scope.again('language')
  const hidden = causal ? scope.tap('hidden') : transformer(reading, config, seen).hidden // [batch·time, hidden]
  const places = input('language.places', [dim('places')], 'i32')
  const teacher = new Scope({ namespaceOf: () => 'anchor' })
  const losses: Record<string, Tensor> = {}
  const weighted: Tensor[] = []
  for (const { name, temperature = 1 } of signals) {
    let loss: Tensor
    if (name === 'language-model') {
      const targets = input('language.targets', causal ? inputs.ids.shape : [dim('places')], 'i32')
      const rows = causal ? hidden : ops.gather(hidden, places)
      loss = languageHeadLoss(languageHead(reading, config, rows, !causal), ops.reshape(targets, [-1]), ignored).loss
    } else {
      const logits = (from: Scope, all: Tensor) => {
        const { rows, table, bias } = languageHead(from, config, ops.gather(all, places), !causal)
        const products = ops.matmul(rows, table, { transB: true }) // [places, vocabulary]
        return bias ? ops.add(products, bias) : products
      }
      loss = softCrossEntropy(logits(teacher, transformer(teacher, config, seen).hidden), logits(reading, hidden), temperature)
    }
    losses[lossNames[name]] = loss
    weighted.push(ops.mul(loss, ops.reshape(input(`${name}.weight`, [1]), [])))
  }
  return { losses, weighted: weighted.reduce((a, b) => ops.add(a, b)), old: teacher.parameters }
}

/** Tokens of a batch whose old predictions are kept, of a causal model: logits over the vocabulary of all would be large. */
const keptPlaces = 256

export interface LanguageFeedOptions {
  signals: readonly SignalIngredient[]
  tokenizer: Tokenizer
  causal: boolean
  seed: number
  /** Of the training. */
  steps: number
  /** The added token, which is no text and is not predicted. */
  clf: number | undefined
}

/** Adds what the signals need to a batch's feeds: a function of (seed, step), as all that is random. */
export function languageFeeds(feedsOf: FeedsOf, options: LanguageFeedOptions): FeedsOf {
  const { signals, tokenizer, causal, seed, steps, clf } = options
  if (signals.length === 0) return feedsOf
  const rules = causal ? undefined : maskingRules(tokenizer, { share: signals[0]!.maskShare, wholeWords: false })
  const names = new Set(signals.map(({ name }) => name))
  return (batch, step) => {
    const feeds = feedsOf(batch, step)
    const { ids, visible } = feeds as unknown as { ids: { data: Int32Array; shape: readonly number[] }; visible: { data: Uint8Array } }
    const generator = random(hash(seed, step, 0x1a2b))
    const more = rules
      ? maskedPart(ids.data, visible.data, ids.shape, rules, generator)
      : causalPart(ids.data, visible.data, ids.shape, clf, names.has('old-predictions') ? generator : undefined)
    if (!names.has('language-model')) delete (more as Record<string, unknown>)['language.targets']
    const weights = signals.map((signal) => [`${signal.name}.weight`, { data: Float32Array.of(weightAt(signal, step, steps)), shape: [1] }])
    return { ...feeds, ...more, ...Object.fromEntries(weights) }
  }
}

function maskedPart(ids: Int32Array, visible: Uint8Array, shape: readonly number[], rules: MaskingRules, generator: ReturnType<typeof random>) {
  const rows = ids.map((id, i) => (visible[i] ? id : -1))
  const tokens = visible.reduce((sum, x) => sum + x, 0)
  const masked = maskTokens(rows, shape.at(-1)!, placeCount(tokens, rules.share), rules, generator)
  const chosen = Math.max(1, masked.targets.filter((target) => target !== ignored).length)
  const hidden = ids.map((id, i) => (visible[i] ? masked.ids[i]! : id))
  return {
    'language.ids': { data: hidden, shape },
    'language.places': { data: masked.places.subarray(0, chosen), shape: [chosen] },
    'language.targets': { data: masked.targets.subarray(0, chosen), shape: [chosen] },
  }
}

function causalPart(
  ids: Int32Array,
  visible: Uint8Array,
  shape: readonly number[],
  clf: number | undefined,
  generator: ReturnType<typeof random> | undefined,
) {
  const time = shape.at(-1)!
  const targets = ids.map((_, i) => ((i + 1) % time !== 0 && visible[i] && visible[i + 1] && ids[i + 1] !== clf ? ids[i + 1]! : ignored))
  if (!generator) return { 'language.targets': { data: targets, shape } }
  const predicting = [...targets.keys()].filter((i) => targets[i] !== ignored)
  const chosen = generator.shuffle(predicting.length > 0 ? predicting : [0]).slice(0, keptPlaces)
  return { 'language.targets': { data: targets, shape }, 'language.places': { data: Int32Array.from(chosen), shape: [chosen.length] } }
}
