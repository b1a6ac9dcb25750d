// A model in training: its stores, its compiled programs, and one step of it. Pretraining and adaptation both stand on this.

import type { Executor, Feed, Program, Store, Tensor, TrainingStepOptions } from '@thaw/tensor'
import { trainingStep } from '@thaw/tensor'

export interface TrainerOptions {
  loss: Tensor
  /** More scalars to give back at each step. */
  outputs?: Readonly<Record<string, Tensor>>
  trainable: readonly Tensor[]
  optimizer: TrainingStepOptions['optimizer']
  /** Holds the parameters, trainable and frozen, declared and filled. */
  params: Store
  rateOf?: (path: string) => number
  decays?: (path: string, parameter: Tensor) => boolean
  /** Sizes to compile for; others work too, a little slower. */
  shapes?: readonly Readonly<Record<string, number>>[]
  microsteps?: number
  /** Pulls parameters to the values in `anchor` (DESIGN D2b): strengths by path. */
  pullOf?: TrainingStepOptions['pullOf']
  /** More stores by namespace: `anchor`, `fisher`, a task's own parameters. */
  stores?: Readonly<Record<string, Store>>
  /** Optimizer state to go on with; without it a new store, which the trainer owns. */
  optimizerState?: Store
}

export interface StepResult {
  loss: number
  gradientNorm: number
  outputs: Record<string, number>
}

export interface Trainer {
  /** The optimizer's state: what a checkpoint keeps beside the parameters. */
  readonly optimizer: Store
  /** One update from one batch a microstep. The masks are a function of (seed, step). */
  step(batches: readonly Readonly<Record<string, Feed>>[], at: { rate: number; seed: number; step: number }): Promise<StepResult>
  /** Computes gradients without changing anything: for timing. */
  rehearse(batch: Readonly<Record<string, Feed>>): Promise<void>
  /** The path of the largest gradient of the last step. */
  largestGradient(): Promise<{ path: string; value: number }>
  dispose(): Promise<void>
}

/** Compiles a training step and makes room for its state. */
export async function createTrainer(executor: Executor, options: TrainerOptions): Promise<Trainer> {
  const { params, microsteps = 1 } = options
  const programs = trainingStep({
    loss: options.loss,
    parameters: options.trainable,
    optimizer: options.optimizer,
    ...(options.outputs ? { outputs: options.outputs } : {}),
    ...(options.rateOf ? { rateOf: options.rateOf } : {}),
    ...(options.decays ? { decays: options.decays } : {}),
    ...(options.pullOf ? { pullOf: options.pullOf } : {}),
  })
  const optimizer = options.optimizerState ?? (await executor.store('optimizer'))
  const gradients = await executor.store('gradients')
  const stores = { ...options.stores, params, optimizer, gradients }
  const owned = options.optimizerState ? [gradients] : [optimizer, gradients]
  await optimizer.declare(programs.states.optimizer)
  await gradients.declare(programs.states.gradients)
  const compile = (program: Program) => executor.compile(program, options.shapes ? { shapes: options.shapes } : {})
  const scalars = (outputs: Record<string, { data: ArrayLike<number | bigint> }>) =>
    Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, Number(data[0])]))

  if (microsteps === 1) {
    const [step, rehearsal] = [await compile(programs.step), await compile(programs.gradients)]
    return {
      optimizer,
      async step([feeds], { rate, seed, step: number }) {
        const { outputs, values } = await step.bind(stores).run({ feeds: feeds!, scalars: { rate }, seed, step: number })
        const { loss, gradientNorm, ...others } = scalars(outputs as never)
        return { loss: loss!, gradientNorm: values.gradientNorm ?? gradientNorm!, outputs: others }
      },
      async rehearse(feeds) {
        await rehearsal.bind(stores).run({ feeds })
      },
      largestGradient: () => gradients.largest(),
      async dispose() {
        for (const x of [step, rehearsal, ...owned]) await x.dispose()
      },
    }
  }

  const accumulated = await executor.store('accumulated')
  await accumulated.declare(programs.states.gradients)
  const all = { ...stores, accumulated }
  const compiled = {
    gradients: await compile(programs.gradients),
    accumulate: await compile(programs.accumulate),
    apply: await compile(programs.apply),
    clear: await compile(programs.clear),
  }
  return {
    optimizer,
    async step(batches, { rate, seed, step: number }) {
      await compiled.clear.bind(all).run()
      const sums: Record<string, number> = {}
      for (const [microstep, feeds] of batches.entries()) {
        const { outputs } = await compiled.gradients.bind(all).run({ feeds, seed, step: number, microstep })
        for (const [name, value] of Object.entries(scalars(outputs as never))) sums[name] = (sums[name] ?? 0) + value / batches.length
        await compiled.accumulate.bind(all).run()
      }
      // the accumulated gradients take the place of one batch's: the same program, bound to another store
      const applied = await compiled.apply.bind({ ...all, gradients: accumulated }).run({ scalars: { rate, divisor: batches.length } })
      const { loss, ...others } = sums
      const gradientNorm = applied.values.gradientNorm ?? scalars(applied.outputs as never).gradientNorm!
      return { loss: loss!, gradientNorm, outputs: others }
    },
    async rehearse(feeds) {
      for (let i = 0; i < microsteps; i++) await compiled.gradients.bind(all).run({ feeds })
    },
    largestGradient: () => accumulated.largest(),
    async dispose() {
      for (const x of [...Object.values(compiled), accumulated, ...owned]) await x.dispose()
    },
  }
}
