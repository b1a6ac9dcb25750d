// Perplexity over text that was held out, per token and per word. Windows do not overlap: each token is predicted from those before it in its
// window, the first of a window from the last of the window before (or the end-of-text token), so that every token is counted once.

import type { Executor, Store } from '@thaw/tensor'
import { perplexity, wordPerplexity } from '../metrics/perplexity.js'
import type { TransformerConfig } from '../models/config.js'
import { Scope } from '../nn/scope.js'
import { causalGraph } from './objectives/causal-graph.js'
import { type Evaluation, type Evaluator, ignored } from './objectives/objective.js'

export type PerplexityReport = Evaluation

/** Compiles the evaluation of a causal model whose parameters are in a store. */
export async function perplexityEvaluator(
  executor: Executor,
  config: TransformerConfig,
  params: Store,
  shape: { batch: number; time: number },
): Promise<Evaluator> {
  const { sum, count } = causalGraph(new Scope(), config)
  const program = await executor.compile({ outputs: { sum, count } }, { shapes: [shape] })
  const { batch, time } = shape
  return {
    async evaluate(cache, { from = 0, to = cache.tokens, words = cache.words, first = 0 } = {}) {
      let loss = 0
      let tokens = 0
      for (let at = from; at < to; at += batch * time) {
        const length = Math.min(batch * time, to - at)
        const text = await cache.read(at, length)
        const before = at === from ? first : (await cache.read(at - 1, 1))[0]!
        const ids = new Int32Array(batch * time)
        const targets = new Int32Array(batch * time).fill(ignored)
        ids[0] = before
        ids.set(text.subarray(0, length - 1), 1)
        targets.set(text)
        const feed = (data: Int32Array) => ({ data, shape: [batch, time] })
        const { outputs } = await program.bind({ params }).run({ feeds: { ids: feed(ids), targets: feed(targets) } })
        loss += Number(outputs.sum!.data[0])
        tokens += Number(outputs.count!.data[0])
      }
      return { loss, tokens, words, perToken: perplexity(loss, tokens), perWord: wordPerplexity(loss, words) }
    },
    dispose: () => program.dispose(),
  }
}
