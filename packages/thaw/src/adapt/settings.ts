// How a backbone is adapted, as one plain value: kept in the checkpoint, printed before the run.

import { type Pooling, poolings } from '../tasks/pooling.js'
import type { ClassWeights } from './class-weights.js'
import type { Recipe } from './recipe/recipe.js'

export const schemes = ['full', 'frozen', 'scratch'] as const

/**
 * full: everything is trained. scratch: as full, from random values (the control). frozen: the backbone stays as it is; trained is the head on a learned
 * mix of all layers' means or, with pooling `clf`, the head and the row of the [CLF] token.
 */
export type Scheme = (typeof schemes)[number]

export const keeps = ['best', 'last'] as const

/** Which epoch's weights a run ends with: the best on the validation examples, or the last (settings that validation has chosen, trained on all examples). */
export type Keep = (typeof keeps)[number]

export interface AdaptSettings {
  scheme: Scheme
  /** What trains when, at which rate, pulled towards what, with what put into the network; only with the scheme `full`. */
  recipe?: Recipe
  pooling: Pooling
  epochs: number
  batch: number
  /** Peak rate of Adam. */
  rate: number
  /** Factor on the head's rate. */
  headFactor: number
  /** Steps of linear warm-up; then linear to 0. */
  warmup: number
  dropout: number
  clip: number
  weightDecay: number
  maxLength: number
  seed: number
  /** Default best. */
  keep?: Keep
  /** Ends the training when so many epochs have not been better on the validation examples. */
  patience?: number
  /** Weights of the labels in the loss. */
  classWeights?: ClassWeights
  /**
   * Decide by thresholds that are best on the validation examples (macro-F1), not by the largest probability or, where a text may have several labels, by
   * a half; those are chosen unless this is false.
   */
  thresholds?: boolean
}

/**
 * The tutorial's settings (hands-on 3): [CLF] token, 3 epochs, batch 32, rate 6.5e-5 with 10 steps of warm-up, then linear to 0.
 * For a model of 50 M parameters and 5,452 questions.
 */
export const tutorialSettings: Omit<AdaptSettings, 'maxLength' | 'seed'> = {
  scheme: 'full',
  pooling: 'clf',
  epochs: 3,
  batch: 32,
  rate: 6.5e-5,
  headFactor: 1,
  warmup: 10,
  dropout: 0.1,
  clip: 1,
  weightDecay: 0,
}

/** Fewer updates than this do not adapt a model, however small the data. */
export const enoughSteps = 300

/** Longer texts are cut unless a run asks for more: time and memory grow with the square of a text's length, what is learnt from its end seldom does. */
export const enoughTokens = 256

/** Epochs at least: few where the data are large, for each already is thousands of steps. */
const fewestEpochs = (scheme: Scheme, examples: number): number => {
  if (scheme === 'scratch') return 12
  if (scheme === 'frozen') return 30
  return examples > 100_000 ? 1 : examples > 20_000 ? 2 : 4
}

/**
 * What is used where nothing is said: enough steps rather than a number of epochs, a rate that suits the model's size (small models want
 * larger ones), and a pooling that suits its kind.
 */
export function adaptationSettings(
  given: Partial<AdaptSettings>,
  model: { hidden: number; positions: number; causal: boolean },
  examples: number,
): AdaptSettings {
  const scheme = given.scheme ?? 'full'
  const batch = given.batch ?? Math.min(32, Math.max(8, 2 ** Math.floor(Math.log2(Math.max(8, examples / 16)))))
  const perEpoch = Math.ceil(examples / batch)
  const epochs = given.epochs ?? Math.min(60, Math.max(fewestEpochs(scheme, examples), Math.ceil(enoughSteps / perEpoch)))
  const width = model.hidden <= 512 ? 3e-4 : 5e-5
  const settings: AdaptSettings = {
    scheme,
    pooling: scheme === 'frozen' ? 'mean' : model.causal ? 'max' : 'mean',
    epochs,
    batch,
    rate: scheme === 'frozen' ? 1e-2 : scheme === 'scratch' ? 1e-3 : width,
    headFactor: 1,
    warmup: Math.max(1, Math.round(perEpoch * epochs * 0.06)),
    dropout: 0.1,
    clip: 1,
    weightDecay: 0.01,
    maxLength: Math.min(model.positions, enoughTokens),
    seed: 1,
    ...given,
  }
  check(settings, model.positions)
  return settings
}

function check(settings: AdaptSettings, positions: number): void {
  if (!schemes.includes(settings.scheme)) throw new Error(`scheme ${JSON.stringify(settings.scheme)}: expected one of ${schemes.join(', ')}`)
  if (!poolings.includes(settings.pooling)) throw new Error(`pooling ${JSON.stringify(settings.pooling)}: expected one of ${poolings.join(', ')}`)
  if (settings.recipe && settings.scheme !== 'full')
    throw new Error(`scheme ${settings.scheme}: a recipe says itself what trains; leave the scheme out, or the recipe`)
  if (settings.scheme === 'frozen' && settings.pooling !== 'mean' && settings.pooling !== 'clf')
    throw new Error(
      `pooling ${settings.pooling}: a frozen backbone is pooled by the mean (a mix of its layers) or by clf (a trained token); take one of these, or the scheme full`,
    )
  for (const name of ['epochs', 'batch', 'maxLength'] as const)
    if (!Number.isInteger(settings[name]) || settings[name] < 1) throw new Error(`${name} ${settings[name]}: expected a whole number of at least 1`)
  if (settings.maxLength > positions) throw new Error(`max length ${settings.maxLength}: the model has ${positions} positions`)
  if (settings.keep !== undefined && !keeps.includes(settings.keep))
    throw new Error(`keep ${JSON.stringify(settings.keep)}: expected one of ${keeps.join(', ')}`)
  if (settings.patience !== undefined && !(Number.isInteger(settings.patience) && settings.patience >= 1))
    throw new Error(`patience ${settings.patience}: expected a whole number of at least 1`)
  if (!(settings.rate > 0)) throw new Error(`rate ${settings.rate}: expected a number above 0`)
  if (!(settings.dropout >= 0 && settings.dropout < 1)) throw new Error(`dropout ${settings.dropout}: expected at least 0 and below 1`)
}
