// What an exported model's outputs mean, in the units of its task's predictions: numbers, or probabilities. Pages use it too: nothing of Node is in it.

import type { Task } from '../tasks/task.js'

/** The number that two embeddings of length 1 stand for. */
export const numberOf = ([low, high]: readonly [number, number], u: readonly number[], v: readonly number[]): number =>
  low + (high - low) * u.reduce((sum, x, i) => sum + x * v[i]!, 0)

/** What logits say. */
export function resultsOf(task: Task, logits: readonly (readonly number[])[]): number[][] {
  if (task.kind === 'regression') return logits.map((row) => [...row])
  return logits.map((row) => {
    const exps = row.map(Math.exp)
    const sum = exps.reduce((a, b) => a + b)
    return exps.map((x) => x / (task.kind === 'multi-label' ? 1 + x : sum))
  })
}
