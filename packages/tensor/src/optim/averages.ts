// Averages of weights over training, in a store of their own: evaluate with them by binding that store in the place of `params` (DESIGN E1).

import type { Program } from '../executor/program.js'
import type { Tensor } from '../graph/tensor.js'
import { pathOf } from './trainable.js'

/**
 * A program that moves each average towards its parameter: average += share · (parameter − average). Stores: params, average; the scalar `share` says which average it is:
 *
 * - exponential moving average with decay β: share = 1 − β at each step, after the averages were copied from the parameters once;
 * - the mean since a trigger (ASGD: Polyak & Juditsky 1992; NT-ASGD: Merity et al. 2018): share = 1/n at the n-th step since it, from 1 on.
 */
export const averageWeights = (parameters: readonly Tensor[]): Program => ({
  outputs: {},
  steps: parameters.map((parameter) => ({
    kernel: 'average',
    states: { target: { namespace: 'average', path: pathOf(parameter) }, source: { namespace: 'params', path: pathOf(parameter) } },
    scalars: { share: 'share' },
  })),
})

/**
 * Whether averaging starts: the last loss is worse than the best of those more than `patience` validations ago (non-monotonic trigger of
 * NT-ASGD: Merity, Keskar & Socher 2018, algorithm 1, n = 5).
 *
 *     averagingStarts([5, 4, 3.9, 3.95, 4.2], 2)   // true: 4.2 > 3.9
 */
export const averagingStarts = (validationLosses: readonly number[], patience = 5): boolean =>
  validationLosses.length > patience && validationLosses.at(-1)! > Math.min(...validationLosses.slice(0, -patience))
