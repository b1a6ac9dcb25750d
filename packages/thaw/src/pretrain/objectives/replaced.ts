// Replaced-token detection (ELECTRA: Clark et al. 2020): a small generator, trained as a masked model, writes tokens into masked places; the model itself
// tells for every token whether it is the text's own. It learns from all tokens, not from 15 %. The generator serves training only.

import { dim, type Executor, input, ops, type Store, type Tensor } from '@thaw/tensor'
import type { TransformerConfig } from '../../models/config.js'
import { languageHead, languageHeadLoss, languageHeadShapes } from '../../models/language-head.js'
import { parameterShapes } from '../../models/shapes.js'
import { transformer } from '../../models/transformer.js'
import { activations, linear } from '../../nn/layers.js'
import { Scope } from '../../nn/scope.js'
import { hash, type Random, random } from '../../text/random.js'
import { trainWordPiece } from '../../text/tokenizer/index.js'
import { addMask, bertForm, evaluationSeed, maskedEvaluation, maskedRules } from './masked.js'
import { framing, maskedFeeds } from './masked-graph.js'
import { type MaskingRules, maskTokens, placeCount } from './masking.js'
import { type Evaluator, type Feeds, ignored, type Objective, type ObjectiveContext, type ObjectiveKind } from './objective.js'
import { evaluationWindows, pieces, placeRandom, windowBatches } from './windows.js'

export const replaced: ObjectiveKind = {
  config: ({ size }) => (size === 'tutorial' ? { causal: false } : bertForm),
  trainTokenizer: (texts, vocabulary) => trainWordPiece(texts, { vocabulary }),
  addTokens: addMask,
  create: replacedObjective,
}

/** λ of the paper's equation: the discriminator's loss is small, a mean over two classes. */
const discriminatorWeight = 50
/** The generator's width as a share of the model's: a quarter does best for small models (the paper's figure 3). */
const generatorShare = 1 / 4

/** The generator: as deep, narrower, on the model's own embeddings. */
export function generatorConfig(config: TransformerConfig): TransformerConfig {
  const heads = Math.max(1, Math.round(config.heads * generatorShare))
  const hidden = (config.hidden / config.heads) * heads
  const { embedding = config.hidden } = config
  return { ...config, embedding, heads, hidden, inner: Math.round((config.inner * hidden) / config.hidden), pooler: false }
}

const prefix = 'generator'
/** Both networks have one table of tokens, positions and segments; each has its own way from there to its width. */
const shared = (path: string) => path.startsWith('embeddings.') && !path.startsWith('embeddings.project.')

/** The share of the probability that lies below a uniform number decides: row i gives the token at which the running sum passes uniforms[i]. */
export function sampleRows(probabilities: Tensor, uniforms: Tensor): Tensor {
  const below = ops.lessEqual(ops.cumulativeSum(probabilities), ops.unsqueeze(uniforms, 1)) // [rows, classes]
  const count = ops.sum(ops.where(below, 1, 0), 1)
  // rounding can leave the last sum below 1
  return ops.cast(ops.minimum(count, (probabilities.shape[1] as number) - 1), 'i32')
}

export interface ReplacedGraph {
  generator: { loss: Tensor; sum: Tensor; count: Tensor }
  /** Mean binary cross-entropy over all tokens. */
  detection: Tensor
  /** Tokens that are told rightly, and those that were replaced: counts. */
  right: Tensor
  changed: Tensor
  /** What the model sees, i32 [batch, time]. */
  seen: Tensor
}

/**
 * Feeds: ids (masked), originals, i32 [batch, time]; places and targets as the masked objective has them; uniforms, f32 [places]; sources, i32
 * [batch·time]: where each token comes from, its own index or batch·time plus its place's number.
 */
export function replacedGraph(scope: Scope, config: TransformerConfig): ReplacedGraph {
  const shape = [dim('batch'), dim('time')]
  const [ids, originals] = [input('ids', shape, 'i32'), input('originals', shape, 'i32')]
  const [places, targets] = [input('places', [dim('places')], 'i32'), input('targets', [dim('places')], 'i32')]
  const narrow = generatorConfig(config)
  const part = scope.within(prefix, shared)
  const head = languageHead(part, narrow, ops.gather(transformer(part, narrow, { ids }).hidden, places), true)
  const generator = languageHeadLoss(head, targets, ignored)

  const logits = ops.add(ops.matmul(head.rows, head.table, { transB: true }), head.bias!)
  const written = sampleRows(ops.softmax(logits), input('uniforms', [dim('places')]))
  const flat = ops.reshape(originals, [-1])
  const now = ops.gather(ops.concat([flat, written]), input('sources', flat.shape, 'i32')) // [batch·time]
  const seen = ops.reshape(now, shape)

  const { hidden } = transformer(scope, config, { ids: seen })
  const dense = activations[config.activation](linear(scope, 'heads.replaced.dense', hidden, config.hidden, config.hidden))
  const scores = ops.reshape(linear(scope, 'heads.replaced.output', dense, config.hidden, 1), [-1])
  const foreign = ops.where(ops.equal(now, flat), 0, 1) // a token that was written as it was is the text's own
  const detection = ops.mean(ops.sub(ops.softplus(scores), ops.mul(scores, foreign)))
  const right = ops.sum(ops.where(ops.greater(ops.mul(scores, ops.sub(ops.mul(foreign, 2), 1)), 0), 1, 0))
  return { generator, detection, right, changed: ops.sum(foreign), seen }
}

/** A batch as feeds: every chosen place is hidden from the generator. */
function replacedFeeds(rows: Int32Array, shape: readonly [number, number], rules: MaskingRules, draw: Random): Feeds {
  const chosen = maskTokens(rows, shape[1], placeCount(rows.length, rules.share), { ...rules, hide: 1, swap: 0 }, draw)
  const sources = Int32Array.from(rows.keys())
  chosen.places.forEach((place, i) => {
    if (chosen.targets[i] !== ignored) sources[place] = rows.length + i
  })
  return {
    ...maskedFeeds(chosen, shape),
    originals: { data: rows, shape },
    uniforms: { data: Float32Array.from(chosen.places, () => draw.next()), shape: [chosen.places.length] },
    sources: { data: sources, shape: [sources.length] },
  }
}

function replacedObjective({ settings, config, tokenizer }: ObjectiveContext): Objective {
  const { batch, time, seed } = settings
  const rules = maskedRules(settings, tokenizer)
  const frame = framing(tokenizer)
  const narrow = generatorConfig(config)
  const own = [...parameterShapes(config), ...headShapes(config)]
  const generators = [...parameterShapes(narrow), ...languageHeadShapes(narrow)].filter(([path]) => !shared(path))
  return {
    shapes: new Map([...own, ...generators.map(([path, shape]): [string, number[]] => [`${prefix}.${path}`, shape])]),
    saved: own.map(([path]) => path),
    sizes: { batch, time, places: placeCount(batch * time, rules.share) },
    graph(scope) {
      const { generator, detection, right } = replacedGraph(scope, config)
      return {
        loss: ops.add(generator.loss, ops.mul(detection, discriminatorWeight)),
        outputs: { generatorLoss: generator.loss, detectionLoss: detection, detectionAccuracy: ops.div(right, batch * time) },
      }
    },
    batches: async (cache, range) =>
      windowBatches(cache, range, { batch, time: time - frame.extra, seed }, ({ inputs }, place) =>
        replacedFeeds(frame.rows(pieces(inputs, time - frame.extra)), [batch, time], rules, placeRandom(seed, place)),
      ),
    evaluator: (executor, params) => evaluator(executor, params, { settings, config, tokenizer }, rules),
  }
}

const headShapes = ({ hidden }: TransformerConfig): [string, number[]][] => [
  ['heads.replaced.dense.weight', [hidden, hidden]],
  ['heads.replaced.dense.bias', [hidden]],
  ['heads.replaced.output.weight', [hidden, 1]],
  ['heads.replaced.output.bias', [1]],
]

/** The generator's loss at masked places, and the share of tokens that are told rightly; replacements are always drawn with the same numbers. */
async function evaluator(
  executor: Executor,
  params: Store,
  { settings, config, tokenizer }: ObjectiveContext,
  rules: MaskingRules,
): Promise<Evaluator> {
  const { batch, time } = settings
  const frame = framing(tokenizer)
  const { generator, right, changed } = replacedGraph(new Scope(), config)
  const places = placeCount(batch * time, rules.share)
  const program = await executor.compile(
    { outputs: { loss: generator.sum, tokens: generator.count, right, changed } },
    { shapes: [{ batch, time, places }] },
  )
  return {
    async evaluate(cache, { from = 0, to = cache.tokens, words = cache.words } = {}) {
      const totals = { loss: 0, tokens: 0, right: 0, changed: 0 }
      let batches = 0
      let seen = 0
      for await (const windows of evaluationWindows(cache, { from, to }, { batch, length: time - frame.extra })) {
        const rows = frame.rows(windows)
        const feeds = replacedFeeds(rows, [windows.length, rows.length / windows.length], rules, random(hash(evaluationSeed, batches++)))
        const { outputs } = await program.bind({ params }).run({ feeds })
        for (const name of ['loss', 'tokens', 'right', 'changed'] as const) totals[name] += Number(outputs[name]!.data[0])
        seen += rows.length
      }
      const others = { detectionAccuracy: totals.right / seen, replacedShare: totals.changed / seen }
      return { ...maskedEvaluation(totals, words / (to - from)), others }
    },
    dispose: () => program.dispose(),
  }
}
