// The learning-rate range test (Smith 2017, section 3.3): the rate grows from step to step, and the loss tells where learning is fastest and where it breaks.

import type { Feed, Store } from '@thaw/tensor'
import type { Trainer } from './trainer.js'

export interface RangeTestOptions {
  trainer: Trainer
  /** Holds what trains: put back as it was at the end. */
  params: Store
  /** A copy of `params` is kept here meanwhile: a store with the same tensors. */
  copy: Store
  batches: AsyncIterator<readonly Readonly<Record<string, Feed>>[]>
  /** Default 100. */
  steps?: number
  /** The first and the last rate. Default 1e-6 and 1. */
  from?: number
  to?: number
  seed: number
}

export interface RangeTest {
  /** Rate and smoothed loss of each step, up to where the loss broke away. */
  points: { rate: number; loss: number }[]
  /** Where the loss falls fastest; undefined where it never falls. */
  steepest: number | undefined
  /** A tenth of the rate of the lowest loss: a peak rate that is seldom too large. */
  suggestion: number | undefined
}

/** Exponential smoothing of the loss over about so many steps. */
const memory = 20

/** Runs the test. The trainer's optimizer state is used up: make a new one for the training itself. */
export async function rateRangeTest(options: RangeTestOptions): Promise<RangeTest> {
  const { trainer, params, copy, batches, steps = 100, from = 1e-6, to = 1, seed } = options
  if (!(from > 0 && to > from)) throw new Error(`range test: rates ${from} to ${to}: expected both above 0, and the last above the first`)
  if (!Number.isInteger(steps) || steps < 2) throw new Error(`range test: ${steps} steps: expected a whole number of at least 2`)
  await params.copyTo(copy)
  const points: RangeTest['points'] = []
  const keep = 1 - 1 / Math.min(memory, steps / 5)
  let [sum, weight, best] = [0, 0, Number.POSITIVE_INFINITY]
  for (let step = 0; step < steps; step++) {
    const rate = from * (to / from) ** (step / (steps - 1))
    const next = await batches.next()
    if (next.done) throw new Error(`range test: the data ended at step ${step}, but ${steps} steps were planned`)
    const { loss: raw } = await trainer.step(next.value, { rate, seed, step })
    if (!Number.isFinite(raw)) break
    sum = keep * sum + raw
    weight = keep * weight + 1
    const loss = sum / weight
    points.push({ rate, loss })
    best = Math.min(best, loss)
    if (loss > 4 * best) break
  }
  await copy.copyTo(params)
  return { points, ...suggest(points) }
}

function suggest(points: RangeTest['points']): Pick<RangeTest, 'steepest' | 'suggestion'> {
  let steepest: { rate: number; slope: number } | undefined
  for (let i = 1; i + 1 < points.length; i++) {
    const slope = (points[i + 1]!.loss - points[i - 1]!.loss) / Math.log(points[i + 1]!.rate / points[i - 1]!.rate)
    if (slope < 0 && (!steepest || slope < steepest.slope)) steepest = { rate: points[i]!.rate, slope }
  }
  const lowest = points.reduce<RangeTest['points'][number] | undefined>((low, point) => (!low || point.loss < low.loss ? point : low), undefined)
  return { steepest: steepest?.rate, suggestion: steepest && lowest ? lowest.rate / 10 : undefined }
}
