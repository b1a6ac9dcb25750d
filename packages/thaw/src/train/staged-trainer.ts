// A trainer whose trainable set changes at given steps: one program a stage, compiled when the stage begins, over the same parameters and the same
// optimizer state, so that what trained before goes on where it was (DESIGN E3).

import { type Executor, type Feed, type Tensor, trainingStep } from '@thaw/tensor'
import { createTrainer, type StepResult, type Trainer, type TrainerOptions } from './trainer.js'

/** What trains in the steps from `from` up to, not including, `to`. */
export interface TrainingStage {
  from: number
  to: number
  loss: Tensor
  trainable: readonly Tensor[]
  /** More scalars to give back, in the place of the trainer's. */
  outputs?: Readonly<Record<string, Tensor>>
}

export interface StagedTrainerOptions extends Omit<TrainerOptions, 'loss' | 'trainable' | 'optimizerState'> {
  /** In order, without gaps. */
  stages: readonly TrainingStage[]
}

/** A trainer for stages. @throws where the stages have gaps, and for a step beyond the last. */
export async function createStagedTrainer(executor: Executor, options: StagedTrainerOptions): Promise<Trainer> {
  const { stages, ...common } = options
  stages.forEach(({ from, to }, i) => {
    const before = i === 0 ? 0 : stages[i - 1]!.to
    if (from !== before || to <= from) throw new Error(`training stages: stage ${i + 1} is ${from} to ${to}: expected it to begin at ${before}`)
  })
  const optimizerState = await executor.store('optimizer')
  let current: { stage: TrainingStage; trainer: Trainer } | undefined
  const trainerFor = async (stage: TrainingStage): Promise<Trainer> => {
    if (current?.stage !== stage) {
      await current?.trainer.dispose()
      const { loss, trainable, outputs = common.outputs ?? {} } = stage
      current = { stage, trainer: await createTrainer(executor, { ...common, loss, trainable, outputs, optimizerState }) }
    }
    return current.trainer
  }
  const stageOf = (step: number): TrainingStage => {
    const stage = stages.find(({ to }) => step < to)
    if (!stage) throw new Error(`step ${step}: the last stage ends at ${stages.at(-1)?.to ?? 0}`)
    return stage
  }
  // every stage's state exists from the start, so that a saved run can be read back whatever stage it stands in
  for (const { loss, trainable } of stages)
    await optimizerState.declare(trainingStep({ loss, parameters: trainable, optimizer: common.optimizer }).states.optimizer)
  return {
    optimizer: optimizerState,
    async step(batches: readonly Readonly<Record<string, Feed>>[], at): Promise<StepResult> {
      return (await trainerFor(stageOf(at.step))).step(batches, at)
    },
    rehearse: async (batch) => (await trainerFor(stages[0]!)).rehearse(batch),
    largestGradient: async () => (await trainerFor(current?.stage ?? stages[0]!)).largestGradient(),
    async dispose() {
      await current?.trainer.dispose()
      await optimizerState.dispose()
    },
  }
}
