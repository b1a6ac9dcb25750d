// Losses beside the task's, computed on the task's own texts: the language modelling loss goes on (multi-task fine-tuning), or the language model's old
// predictions are kept (learning without forgetting).

export interface SignalIngredient {
  readonly kind: 'signal'
  readonly name: 'language-model' | 'old-predictions'
  /** Factor of the loss at the first step; the task's loss has 1. */
  readonly weight: number
  /** Factor of `weight` at the last step, reached exponentially. */
  readonly final: number
  /** Of old predictions: what logits are divided by. */
  readonly temperature?: number
  /** Of masked models: the share of tokens that is guessed. */
  readonly maskShare: number
}

const above = (name: string, settings: Readonly<Record<string, number>>) => {
  for (const [key, value] of Object.entries(settings))
    if (!(value > 0 && Number.isFinite(value))) throw new Error(`${name}: ${key} ${value}: expected a number above 0`)
}

const masked = (name: string, share: number) => {
  if (!(share > 0 && share < 1)) throw new Error(`${name}: mask share ${share}: expected between 0 and 1`)
}

/**
 * Adds the language modelling loss on the task's texts, times `weight`: causal, or masked with a tied head, which is new where the checkpoint has none
 * (Radford et al. 2018, equation 5, where it is 0.5; the NAACL 2019 tutorial's hands-on 6). With `final` below 1 the weight decays exponentially to
 * `final` of itself (Chronopoulou et al. 2019, section 3.1).
 */
export function languageModelling({
  weight = 0.5,
  final = 1,
  maskShare = 0.15,
}: {
  weight?: number
  final?: number
  maskShare?: number
} = {}): SignalIngredient {
  above('language modelling', { weight, final })
  masked('language modelling', maskShare)
  return { kind: 'signal', name: 'language-model', weight, final, maskShare }
}

/**
 * Adds the cross-entropy of the language model's predictions to those it made before the adaptation, on the task's texts, both softened by a temperature
 * (learning without forgetting: Li & Hoiem 2016, equation 2, with their temperature 2). The checkpoint must have its language model's head.
 */
export function oldPredictions({
  weight = 1,
  temperature = 2,
  maskShare = 0.15,
}: {
  weight?: number
  temperature?: number
  maskShare?: number
} = {}): SignalIngredient {
  above('old predictions', { weight, temperature })
  masked('old predictions', maskShare)
  return { kind: 'signal', name: 'old-predictions', weight, final: 1, temperature, maskShare }
}

/** A signal's weight at a step of a training of so many. */
export const weightAt = ({ weight, final }: SignalIngredient, step: number, steps: number): number =>
  weight * (final === 1 ? 1 : final ** (step / Math.max(1, steps - 1)))
