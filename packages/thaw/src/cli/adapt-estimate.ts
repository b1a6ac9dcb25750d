// How long an adaptation will take, said before it begins: the operations of its matrix products, over the speed at which this machine multiplies matrices of
// the model's size, with a share for the rest. What a run really takes shows in its progress after the first steps; on a busy machine that is more.

import { createExecutor, ops, parameter } from '@thaw/tensor'
import type { AdaptSettings, Backbone } from '../adapt/index.js'
import type { TransformerConfig } from '../models/config.js'

/** Floating-point operations of the forward pass over a text of so many tokens, padding included: products with weights, and attention. */
function forwardOperations({ layers, hidden, inner }: TransformerConfig, tokens: number): number {
  return tokens * layers * (8 * hidden * hidden + 4 * hidden * inner + 4 * hidden * tokens)
}

/** Operations a second of this machine on products of the model's sizes: the fastest of those that fit into a fifth of a second. */
export async function measuredSpeed({ hidden, inner }: TransformerConfig, threads: number | undefined): Promise<number> {
  const rows = 512
  await using executor = await createExecutor(threads === undefined ? {} : { threads })
  const params = await executor.store('params')
  const [x, w] = [parameter('x', [rows, hidden]), parameter('w', [hidden, inner])]
  await params.declare([x, w])
  const program = await executor.compile({ outputs: { sum: ops.sum(ops.matmul(x, w)) } })
  const bound = program.bind({ params })
  await bound.run()
  const end = performance.now() + 200
  let fastest = Number.POSITIVE_INFINITY
  while (performance.now() < end) {
    const started = performance.now()
    await bound.run()
    fastest = Math.min(fastest, performance.now() - started)
  }
  return (2 * rows * hidden * inner) / (fastest / 1000)
}

/** Norms, activations, softmax and dropout take two fifths of the time of the matrix products: measured on a step of 6 × 384 with 32 texts of 14 tokens. */
const withTheRest = 1.4
/** What one parameter's update costs, in seconds: gradient norm, clipping, Adam. It is bound by memory, not by arithmetic. */
const secondsPerUpdate = 2e-9
/** What a step costs however small the model is: messages, feeds, the start of each node. */
const secondsPerStep = 4e-3

export interface EstimatedRun {
  settings: AdaptSettings
  backbone: Backbone
  /** Lengths in tokens: of training texts and validation texts, or of samples of them. */
  lengths: { train: readonly number[]; valid: readonly number[] }
  examples: { train: number; valid: number }
  /** Operations a second. */
  speed: number
}

/** Seconds of one run, for one seed: training and the validation after each epoch. */
export function estimatedSeconds({ settings, backbone, lengths, examples, speed }: EstimatedRun): number {
  const { config, parameters } = backbone
  const { epochs, batch, maxLength, scheme, pooling } = settings
  const mean = (some: readonly number[]) =>
    some.reduce((sum, length) => sum + forwardOperations(config, Math.min(length, maxLength)), 0) / Math.max(1, some.length)
  const [train, valid] = [mean(lengths.train) * examples.train, mean(lengths.valid) * examples.valid]
  // a frozen backbone behind a mix of layers reads each text once
  if (scheme === 'frozen' && pooling === 'mean') return (withTheRest * (train + valid)) / speed
  // backward is two products for each of the forward pass; a frozen one has its head's alone
  const passes = scheme === 'frozen' ? 1 : 3
  const trained = scheme === 'frozen' ? 0 : [...parameters.values()].reduce((sum, { data }) => sum + data.length, 0)
  const steps = epochs * Math.ceil(examples.train / batch)
  return (withTheRest * epochs * (passes * train + valid)) / speed + steps * (trained * secondsPerUpdate + secondsPerStep)
}
