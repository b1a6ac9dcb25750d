// The loop around a trainer: rates, validation, saving, stopping. It knows neither models nor tasks; what it does at step n depends on n alone,
// so that a resumed run goes on exactly where the saved state stood.

import type { Feed } from '@thaw/tensor'
import type { Trainer } from './trainer.js'

export interface StepReport {
  /** Steps done, this one included. */
  step: number
  loss: number
  gradientNorm: number
  rate: number
  outputs: Record<string, number>
}

export interface LoopOptions {
  trainer: Trainer
  /** Steps in all, and those done by an earlier run. */
  total: number
  from?: number
  seed: number
  /** Rate of a step, counted from 0. */
  rate(step: number): number
  /** The batches of a step, one a microstep, in order from `from` on. */
  batches: AsyncIterator<readonly Readonly<Record<string, Feed>>[]>
  onStep?(report: StepReport): void
  /** Called after every `every` steps, and by `thaw` before saving. What gives `'stop'` ends the run. */
  validate?: { every: number; run(step: number): Promise<unknown> }
  /** Called when `seconds` have passed since the last save, when stopped, and at the end. */
  save?: { seconds: number; run(step: number): Promise<void> }
  /** Stops after the current step. */
  signal?: AbortSignal
}

/** A loss or gradient that is no longer a number. */
export class DivergedError extends Error {
  override name = 'DivergedError'
}

/** Runs steps until the total or a stop. Returns the steps done. @throws DivergedError naming the step and the largest gradient's path. */
export async function runLoop(options: LoopOptions): Promise<{ step: number; stopped: boolean }> {
  const { trainer, total, from = 0, seed, rate, batches, onStep, validate, save, signal } = options
  let saved = performance.now()
  let step = from
  let ended = false
  while (step < total && !ended && !signal?.aborted) {
    const next = await batches.next()
    if (next.done) throw new Error(`the data ended at step ${step}, but ${total} steps were planned`)
    const current = rate(step)
    const result = await trainer.step(next.value, { rate: current, seed, step })
    if (!Number.isFinite(result.loss) || !Number.isFinite(result.gradientNorm)) {
      const { path, value } = await trainer.largestGradient()
      throw new DivergedError(
        `the loss is ${result.loss} at step ${step + 1}; the largest gradient is that of ${path} (${value}). The parameters are those before this step. Lower the rate (now ${current.toPrecision(3)}), lengthen the warm-up, or clip gradients`,
      )
    }
    step++
    onStep?.({ step, loss: result.loss, gradientNorm: result.gradientNorm, rate: current, outputs: result.outputs })
    if (validate && (step % validate.every === 0 || step === total)) ended = (await validate.run(step)) === 'stop'
    if (save && step < total && performance.now() - saved > save.seconds * 1000) {
      await save.run(step)
      saved = performance.now()
    }
  }
  if (save && step > from) await save.run(step)
  return { step, stopped: step < total && !ended }
}
