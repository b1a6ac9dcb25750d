// What a model still knows of its pretraining: the loss that it was pretrained with, on given text. After an adaptation it is higher by what was forgotten
// (McCloskey & Cohen 1989; Kirkpatrick et al. 2017).

import { createExecutor } from '@thaw/tensor'
import { languageHeadShapes } from '../../models/language-head.js'
import { Scope } from '../../nn/scope.js'
import { causalGraph } from '../../pretrain/objectives/causal-graph.js'
import { maskedGraph } from '../../pretrain/objectives/masked-graph.js'
import type { Backbone } from '../backbone.js'
import { type ClassifierDetails, fillStore } from '../classifier.js'
import { scopeOptionsOf } from '../network.js'
import { pretrainingWindows } from '../pretraining-windows.js'

export interface PretrainingLossOptions {
  /** At most so many windows, from the start of the text. Default 200. */
  windows?: number
  /** Tokens of a window. Default 64, or as many as the model has positions. */
  time?: number
  /** The language model's head, where an adapted model has lost it: the checkpoint it came from. */
  head?: Backbone
  threads?: number
}

/**
 * The mean loss in nats a predicted token, with what an adaptation put into the network in place. The same text and options give the same windows and masks for
 * every model with this tokenizer. Undefined for a bidirectional model without a language model's head.
 *
 * @throws where the text is shorter than a window.
 */
export async function pretrainingLoss(
  backbone: Backbone,
  texts: readonly string[],
  options: PretrainingLossOptions = {},
): Promise<number | undefined> {
  const { config } = backbone
  const { windows: most = 200, time = Math.min(64, config.positions), head, threads } = options
  const parameters = new Map(backbone.parameters)
  if (!config.causal)
    for (const [path] of languageHeadShapes(config)) {
      const values = parameters.get(path) ?? head?.parameters.get(path)
      if (!values) return undefined
      parameters.set(path, values)
    }
  const windows = pretrainingWindows('pretraining loss', backbone, texts, { time, seed: 1 })
  const { recipe } = (backbone.details.thaw ?? {}) as Partial<ClassifierDetails>
  const scope = new Scope(scopeOptionsOf(recipe, config))
  const { sum, count } = config.causal ? causalGraph(scope, config) : maskedGraph(scope, config, true)
  await using executor = await createExecutor(threads === undefined ? {} : { threads })
  const params = await fillStore(executor, new Map([...parameters].filter(([path]) => scope.parameters.has(path))))
  const program = await executor.compile({ outputs: { sum, count } }, { inference: true })
  let [loss, tokens] = [0, 0]
  for (let index = 0; index < Math.min(most, windows.count); index++) {
    const { outputs } = await program.bind({ params }).run({ feeds: windows.feeds(index) })
    loss += Number(outputs.sum!.data[0])
    tokens += Number(outputs.count!.data[0])
  }
  return loss / tokens
}
