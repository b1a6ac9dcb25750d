// Which peak rate an adaptation can bear: the learning-rate range test (train/rate-range-test.ts) on its own network, data and recipe.

import { createExecutor } from '@thaw/tensor'
import type { Task } from '../tasks/task.js'
import { type RangeTest, rateRangeTest } from '../train/rate-range-test.js'
import type { LabelledText } from './adapt.js'
import type { Backbone } from './backbone.js'
import { trainingBatches } from './batches.js'
import { setUp } from './set-up.js'
import { type AdaptSettings, adaptationSettings } from './settings.js'

export interface FindRateOptions extends Partial<AdaptSettings> {
  train: readonly LabelledText[]
  threads?: number
  fisher?: ReadonlyMap<string, Float32Array>
  /** Default 100, with rates from 1e-6 to 1. */
  steps?: number
  from?: number
  to?: number
}

/**
 * Lets the rate grow from step to step and watches the loss (Smith 2017, section 3.3). Everything trains at once that any stage of a recipe trains; the model
 * itself stays as it was.
 *
 * ```ts
 * const { suggestion } = await findRate(backbone, classification({ labels }), { train })
 * ```
 */
export async function findRate(backbone: Backbone, task: Task, options: FindRateOptions): Promise<RangeTest> {
  const { train, threads, fisher, steps, from, to, ...given } = options
  if (train.length === 0) throw new Error('train: no examples')
  const settings = adaptationSettings(given, backbone.config, train.length)
  await using executor = await createExecutor(threads === undefined ? {} : { threads })
  const { params, trainer, encoded, feeds } = await setUp(executor, backbone, task, settings, {
    train,
    together: true,
    ...(fisher ? { fisher } : {}),
  })
  const copy = await executor.store('copy')
  await copy.declare(await params.describe())
  return await rateRangeTest({
    ...{ trainer, params, copy, seed: settings.seed },
    batches: trainingBatches(encoded.rows, settings, 0, await feeds(0), () => {}),
    ...(steps === undefined ? {} : { steps }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  })
}
