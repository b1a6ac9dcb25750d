// What a pretrained model knows a parameter by: the diagonal of the Fisher information of its pretraining loss, from gradients of single windows of
// pretraining text (Kirkpatrick et al. 2017, section 2.1). Elastic weight consolidation pulls each parameter back by as much.

import { adam, createExecutor, input, ops, state, trainingStep } from '@thaw/tensor'
import { languageHeadShapes } from '../models/language-head.js'
import { Scope } from '../nn/scope.js'
import { causalGraph } from '../pretrain/objectives/causal-graph.js'
import { maskedGraph } from '../pretrain/objectives/masked-graph.js'
import { random } from '../text/random.js'
import type { Backbone } from './backbone.js'
import { fillStore } from './classifier.js'
import { pretrainingWindows } from './pretraining-windows.js'

export interface FisherOptions {
  /** Windows of text that gradients are taken of, chosen among all by the seed. Default 256. */
  examples?: number
  /** Tokens of a window. Default 64, or as many as the model has positions. */
  time?: number
  /** Of the choice of windows, and of the masks. Default 1. */
  seed?: number
  threads?: number
  signal?: AbortSignal
  onExample?: (done: number, of: number) => void
}

/**
 * The Fisher information that one predicted token carries about each parameter: the mean over windows of (∂ Σ −ln p / ∂θ)² / tokens, the sum over a
 * window's tokens. Scores of different tokens are uncorrelated under the model, so that a window of T tokens carries T times as much. The loss is the
 * checkpoint's: causal, or masked (15 % of the tokens) with its own head. Dropout is off. The values are squares of nats per unit of the parameter.
 *
 * ```ts
 * const fisher = await fisherInformation(backbone, [await readFile('wiki.txt', 'utf8')], { examples: 200 })
 * await adapt(backbone, task, { train, valid, recipe: recipe(ewc()), fisher })
 * ```
 *
 * @throws where the text is shorter than a window, or a bidirectional checkpoint has no language model's head.
 */
export async function fisherInformation(
  backbone: Backbone,
  texts: readonly string[],
  options: FisherOptions = {},
): Promise<Map<string, Float32Array>> {
  const { config, source } = backbone
  const { examples = 256, seed = 1, threads, signal, onExample } = options
  const time = options.time ?? Math.min(64, config.positions)
  if (!Number.isInteger(examples) || examples < 1) throw new Error(`fisher information: ${examples} examples: expected a whole number of at least 1`)
  if (time < 3 || time > config.positions) throw new Error(`fisher information: windows of ${time} tokens: expected 3 to ${config.positions}`)
  if (!config.causal && !languageHeadShapes(config).every(([path]) => backbone.parameters.has(path)))
    throw new Error(
      `fisher information: ${source} has no language model's head (heads.mlm.…), so its pretraining loss cannot be computed; l2-sp pulls all parameters alike and needs none`,
    )
  const windows = pretrainingWindows('fisher information', backbone, texts, { time, seed })
  const chosen = random(seed)
    .shuffle([...Array(windows.count).keys()])
    .slice(0, examples)

  await using executor = await createExecutor(threads === undefined ? {} : { threads })
  const scope = new Scope()
  const { sum, count } = config.causal ? causalGraph(scope, config) : maskedGraph(scope, config, true)
  const parameters = [...scope.parameters.values()]
  const { gradients, states } = trainingStep({ loss: sum, outputs: { count }, parameters, optimizer: adam() })
  const stores = {
    params: await fillStore(executor, backbone.parameters),
    gradients: await executor.store('gradients'),
    fisher: await executor.store('fisher'),
  }
  await stores.gradients.declare(states.gradients)
  await stores.fisher.declare(parameters)
  // beside the gradients rather than after them in one graph: rows of gathered tables are added up when the graph has run
  const share = input('share', [1])
  const updates = states.gradients.map((gradient) => {
    const { path } = gradient.node.attributes as { path: string }
    const sofar = state('fisher', path, gradient.shape as number[])
    return { kind: 'replace' as const, state: sofar, value: ops.add(sofar, ops.mul(ops.square(gradient), share)) }
  })
  const [backward, squares] = [await executor.compile(gradients), await executor.compile({ outputs: {}, updates })]
  for (const [done, index] of chosen.entries()) {
    signal?.throwIfAborted()
    const { outputs } = await backward.bind(stores).run({ feeds: windows.feeds(index) })
    const tokens = Number(outputs.count!.data[0])
    await squares.bind(stores).run({ feeds: { share: { data: Float32Array.of(1 / (chosen.length * Math.max(1, tokens))), shape: [1] } } })
    onExample?.(done + 1, chosen.length)
  }
  const fisher = new Map<string, Float32Array>()
  for (const path of scope.parameters.keys()) fisher.set(path, Float32Array.from((await stores.fisher.read(path)) as Float32Array))
  return fisher
}
