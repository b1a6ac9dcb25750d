// Causal language modelling as an objective: windows of text, each token a target of those before it; perplexity on held-out text.

import { parameterShapes } from '../../models/shapes.js'
import { trainByteLevelBpe } from '../../text/tokenizer/index.js'
import { perplexityEvaluator } from '../perplexity.js'
import { causalGraph } from './causal-graph.js'
import type { ObjectiveKind } from './objective.js'
import { windowBatches } from './windows.js'

export const causal: ObjectiveKind = {
  config: () => ({}),
  trainTokenizer: (texts, vocabulary) => trainByteLevelBpe(texts, { vocabulary }),
  create({ settings: { batch, time, seed }, config }) {
    const shapes = parameterShapes(config)
    const shape = [batch, time]
    return {
      shapes,
      saved: [...shapes.keys()],
      sizes: { batch, time },
      graph: (scope) => ({ loss: causalGraph(scope, config).loss }),
      batches: async (cache, range) =>
        windowBatches(cache, range, { batch, time, seed }, ({ inputs, targets }) => ({
          ids: { data: inputs, shape },
          targets: { data: targets, shape },
        })),
      evaluator: (executor, params) => perplexityEvaluator(executor, config, params, { batch, time }),
    }
  },
}
