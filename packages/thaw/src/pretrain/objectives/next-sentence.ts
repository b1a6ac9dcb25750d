// BERT's two objectives at once (Devlin et al. 2019): masked tokens, and whether the second of two segments follows the first, told from [CLS] by the
// pooler and a binary head. The loss is the sum of both.

import { dim, type Executor, input, ops, type Store, type Tensor } from '@thaw/tensor'
import type { TransformerConfig } from '../../models/config.js'
import { languageHeadShapes } from '../../models/language-head.js'
import { parameterShapes } from '../../models/shapes.js'
import { linear } from '../../nn/layers.js'
import { Scope } from '../../nn/scope.js'
import { pool } from '../../tasks/pooling.js'
import { hash, type Random, random } from '../../text/random.js'
import type { Tokenizer } from '../../text/tokenizer/index.js'
import { evaluationSeed, maskedEvaluation, maskedRules } from './masked.js'
import { maskedFeeds, maskedGraph } from './masked-graph.js'
import { type MaskingRules, maskTokens, placeCount } from './masking.js'
import type { Evaluator, Feeds, Objective, ObjectiveContext } from './objective.js'
import { findDocuments, type Pair, sentenceEnds, sentencePairs } from './sentence-pairs.js'
import { placeRandom } from './windows.js'

/** The head's two outputs: 0, the second segment follows; 1, it comes from elsewhere. */
export const nextSentenceShapes = ({ hidden }: TransformerConfig): [string, number[]][] => [
  ['heads.nsp.weight', [hidden, 2]],
  ['heads.nsp.bias', [2]],
]

export interface NextSentenceGraph {
  masked: { loss: Tensor; sum: Tensor; count: Tensor }
  nextSentence: Tensor
  /** Pairs that are told rightly. */
  right: Tensor
}

/** Feeds: those of the masked objective, and visible, bool, and segments, i32, both [batch, time]; strange, i32 [batch], 1 where the second segment comes from elsewhere. */
export function nextSentenceGraph(scope: Scope, config: TransformerConfig, transform: boolean): NextSentenceGraph {
  const shape = [dim('batch'), dim('time')]
  const visible = input('visible', shape, 'bool')
  const { hidden, ...masked } = maskedGraph(scope, config, transform, { visible, segments: input('segments', shape, 'i32') })
  const pooled = ops.tanh(linear(scope, 'pooler', pool('first', hidden, visible), config.hidden, config.hidden))
  const logits = linear(scope, 'heads.nsp', pooled, config.hidden, 2)
  const strange = input('strange', [dim('batch')], 'i32')
  const right = ops.sum(ops.where(ops.equal(ops.argmax(logits), strange), 1, 0))
  return { masked, nextSentence: ops.crossEntropy(logits, strange), right }
}

/** Pairs as rows [CLS] first [SEP] second [SEP], padded on the right, masked. */
function pairFeeds(pairs: readonly Pair[], time: number, tokenizer: Tokenizer, rules: MaskingRules, draw: Random): Feeds {
  const { cls, sep } = tokenizer.special
  const ids = new Int32Array(pairs.length * time).fill(-1)
  const segments = new Int32Array(pairs.length * time)
  pairs.forEach(({ first, second }, row) => {
    ids.set([cls!.id, ...first, sep!.id, ...second, sep!.id], row * time)
    segments.fill(1, row * time + first.length + 2, row * time + first.length + second.length + 3)
  })
  const shape: [number, number] = [pairs.length, time]
  return {
    ...maskedFeeds(maskTokens(ids, time, placeCount(ids.length, rules.share), rules, draw), shape),
    visible: { data: Uint8Array.from(ids, (id) => (id < 0 ? 0 : 1)), shape },
    segments: { data: segments, shape },
    strange: { data: Int32Array.from(pairs, ({ follows }) => (follows ? 0 : 1)), shape: [pairs.length] },
  }
}

export function nextSentenceObjective({ settings, config, tokenizer }: ObjectiveContext): Objective {
  const { batch, time, seed, headTransform = true } = settings
  const { cls, sep } = tokenizer.special
  if (!cls || !sep) throw new Error('next-sentence prediction: the tokenizer has no [CLS] and [SEP]; take a WordPiece tokenizer, or train without it')
  if (!config.pooler || config.segments < 2)
    throw new Error('next-sentence prediction: the model needs a pooler and two segments (pooler: true, segments: 2)')
  const rules = maskedRules(settings, tokenizer)
  const ends = sentenceEnds(tokenizer)
  const room = time - 3
  const shapes = new Map([...parameterShapes(config), ...(headTransform ? languageHeadShapes(config) : []), ...nextSentenceShapes(config)])
  return {
    shapes,
    saved: [...shapes.keys()],
    sizes: { batch, time, places: placeCount(batch * time, rules.share) },
    graph(scope) {
      const { masked, nextSentence, right } = nextSentenceGraph(scope, config, headTransform)
      return {
        loss: ops.add(masked.loss, nextSentence),
        outputs: { maskedLoss: masked.loss, nextSentenceLoss: nextSentence, nextSentenceAccuracy: ops.div(right, batch) },
      }
    },
    async batches(cache, range) {
      const pairs = sentencePairs(cache, await findDocuments(cache, range), { room, ends, seed })
      const count = Math.floor(pairs.count / batch)
      return {
        count,
        async *epoch(epoch, start) {
          for (let index = start; index < count; index++) {
            const rows = await Promise.all(Array.from({ length: batch }, (_, row) => pairs.read(epoch, index * batch + row)))
            yield { index, feeds: (place) => pairFeeds(rows, time, tokenizer, rules, placeRandom(seed, place)) }
          }
        },
      }
    },
    evaluator: (executor, params) => evaluator(executor, params, { settings, config, tokenizer }, rules, ends),
  }
}

/** The loss at masked places and the share of pairs that are told rightly, over pairs that are always the same. */
async function evaluator(
  executor: Executor,
  params: Store,
  { settings, config, tokenizer }: ObjectiveContext,
  rules: MaskingRules,
  ends: Uint8Array,
): Promise<Evaluator> {
  const { batch, time, headTransform = true } = settings
  const { masked, right } = nextSentenceGraph(new Scope(), config, headTransform)
  const places = placeCount(batch * time, rules.share)
  const program = await executor.compile({ outputs: { loss: masked.sum, tokens: masked.count, right } }, { shapes: [{ batch, time, places }] })
  return {
    async evaluate(cache, { from = 0, to = cache.tokens, words = cache.words } = {}) {
      const documents = await findDocuments(cache, { from, to })
      const pairs = sentencePairs(cache, documents, { room: time - 3, ends, seed: evaluationSeed, shuffle: false })
      const totals = { loss: 0, tokens: 0, right: 0 }
      for (let at = 0; at < pairs.count; at += batch) {
        const rows = await Promise.all(Array.from({ length: Math.min(batch, pairs.count - at) }, (_, row) => pairs.read(0, at + row)))
        const { outputs } = await program.bind({ params }).run({ feeds: pairFeeds(rows, time, tokenizer, rules, random(hash(evaluationSeed, at))) })
        for (const name of ['loss', 'tokens', 'right'] as const) totals[name] += Number(outputs[name]!.data[0])
      }
      return { ...maskedEvaluation(totals, words / (to - from)), others: { nextSentenceAccuracy: totals.right / pairs.count } }
    },
    dispose: () => program.dispose(),
  }
}
