// How a pair of texts meets the encoder. A cross-encoder reads both as one text, so that each token of one attends to those of the other: the more accurate
// form. Two towers encode each text alone with the same weights and compare the vectors (Reimers & Gurevych, "Sentence-BERT", 2019): vectors can be kept,
// so that a million texts are searched with one run of the encoder instead of a million.

import { ops, type Tensor } from '@thaw/tensor'

export const forms = ['cross-encoder', 'two-tower'] as const
export type Form = (typeof forms)[number]

/** A text, a pair, or a text with candidates to choose from. */
export interface TextLike {
  text: string
  pair?: string
  choices?: readonly string[]
}

/** What a task's examples look like to the encoder. */
export interface RowsOf {
  readonly form?: Form | undefined
  /** Candidates of a multiple-choice task. */
  readonly choices?: number | undefined
}

/** How many rows of the encoder's batch an example takes. */
export const rowsPerExample = ({ form, choices }: RowsOf): number => choices ?? (form === 'two-tower' ? 2 : 1)

/** An example's rows. @throws where it lacks the second text or has another number of candidates than the task. */
export function exampleRows({ form, choices }: RowsOf, example: TextLike): { text: string; pair?: string }[] {
  const { text, pair } = example
  const shown = JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)
  if (choices !== undefined) {
    if (example.choices?.length !== choices)
      throw new Error(`${shown}: expected ${choices} candidates to choose from (choices), found ${example.choices?.length ?? 'none'}`)
    return example.choices.map((choice) => ({ text, pair: choice }))
  }
  if (form !== 'two-tower') return [pair === undefined ? { text } : { text, pair }]
  if (pair === undefined) throw new Error(`${shown}: expected a second text (pair): two towers compare two texts`)
  return [{ text }, { text: pair }]
}

/** The vectors of the two towers, u and v [batch, width], from rows [batch·2, width] that alternate between them. */
export function towers(rows: Tensor): [Tensor, Tensor] {
  const width = rows.shape[1]!
  const pairs = ops.reshape(rows, [-1, 2, width])
  return [0, 1].map((side) => ops.reshape(ops.slice(pairs, 1, side, side + 1), [-1, width])) as [Tensor, Tensor]
}

/** [u; v; |u − v|], what a classifier over two towers reads: [batch, 3·width]. */
export const comparison = (u: Tensor, v: Tensor): Tensor => ops.concat([u, v, ops.abs(ops.sub(u, v))], 1)

/** Vectors of length 1, whose products are cosines: [batch, width]. */
export const unit = (x: Tensor): Tensor => ops.div(x, length(x))

const length = (x: Tensor): Tensor => ops.sqrt(ops.add(ops.sum(ops.square(x), 1, true), 1e-12)) // [batch, 1]

/** The cosine of the angle between u and v: [batch, 1]. */
export function cosine(u: Tensor, v: Tensor): Tensor {
  return ops.div(ops.sum(ops.mul(u, v), 1, true), ops.mul(length(u), length(v)))
}
