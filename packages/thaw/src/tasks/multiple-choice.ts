// One of several candidates: each is read with the context as a pair, a linear head gives it a score, and the scores compete in a softmax (GPT: Radford et
// al. 2018, section 3.3, "Question answering and commonsense reasoning"; BERT: Devlin et al. 2019, section 4.4, on SWAG).

import { type Dim, ops, type Tensor } from '@thaw/tensor'
import type { TransformerConfig } from '../models/config.js'
import { dropout, linear } from '../nn/layers.js'
import type { Scope } from '../nn/scope.js'

export interface MultipleChoiceTask {
  readonly kind: 'multiple-choice'
  /** Candidates of each example. */
  readonly choices: number
}

/** A task of choosing one of so many candidates. @throws for fewer than two. */
export function multipleChoice({ choices }: { choices: number }): MultipleChoiceTask {
  if (!Number.isInteger(choices) || choices < 2) throw new Error(`multipleChoice: ${choices} choices: expected a whole number of at least 2`)
  return { kind: 'multiple-choice', choices }
}

/** Which candidate a label means: its text, or its place counted from 0. @throws where it is neither. */
export function choiceIndex(choices: readonly string[], label: string | undefined): number {
  const same = label === undefined ? -1 : choices.indexOf(label)
  if (same >= 0) return same
  const index = label !== undefined && /^\d+$/.test(label.trim()) ? Number(label) : -1
  if (index >= 0 && index < choices.length) return index
  throw new Error(`label ${JSON.stringify(label)}: expected the text of a candidate, or its place from 0 to ${choices.length - 1}`)
}

/** Scores [batch, choices] from `pooled` [batch·choices, hidden]. */
export function choiceLogits(scope: Scope, config: TransformerConfig, pooled: Tensor, { choices }: { choices: Dim }, rate: number): Tensor {
  const path = 'heads.choice'
  const scores = linear(scope, path, dropout(scope, `${path}.dropout`, scope.site(`${path}.input`, pooled), rate), config.hidden, 1)
  return ops.reshape(scores, [-1, choices])
}
