// Distillation into a masked model: beside guessing the hidden tokens it says for every word, hidden ones too, what a larger encoder that sees the whole
// text makes of it (DistilBERT: Sanh et al. 2019; hidden states as targets: Jiao et al. 2020; targets at masked places: data2vec, Baevski et al. 2022).
// Every token teaches, not 15 %. The teacher and the head that speaks its language serve training only.

import { createExecutor, dim, input, ops, type Tensor } from '@thaw/tensor'
import type { TransformerConfig } from '../../models/config.js'
import { linear } from '../../nn/layers.js'
import type { Scope } from '../../nn/scope.js'
import { type LanguageModelBatch, languageModelBatchCount, languageModelBatches } from '../../text/corpus/index.js'
import { loadTeacher, teacherWidth } from '../teacher.js'
import { maskedObjective, maskedRules } from './masked.js'
import { framing, maskedFeeds, maskedGraph } from './masked-graph.js'
import { maskTokens, placeCount } from './masking.js'
import type { Feeds, Objective, ObjectiveContext, Place } from './objective.js'
import { pieces, placeRandom } from './windows.js'

/** Factor on the squared error, which is at most about 1 and falls below 0.5, beside a cross-entropy of several nats. */
const teacherWeight = 10

const headShapes = ({ hidden }: TransformerConfig, width: number): [string, number[]][] => [
  ['heads.teacher.weight', [hidden, width]],
  ['heads.teacher.bias', [width]],
]

/** Mean squared error to the teacher's vectors. Feeds: vectors, f32 [batch, time, width]; told, f32 [batch, time], 1 where a vector stands. */
export function teacherLoss(scope: Scope, config: TransformerConfig, hidden: Tensor, width: number): Tensor {
  const shape = [dim('batch'), dim('time')]
  const vectors = ops.reshape(input('vectors', [...shape, width]), [-1, width])
  const error = ops.sub(linear(scope, 'heads.teacher', hidden, config.hidden, width), vectors)
  const told = ops.reshape(input('told', shape), [-1])
  return ops.div(ops.sum(ops.mul(ops.mean(ops.mul(error, error), -1), told)), ops.sum(told))
}

export async function distilledObjective(context: ObjectiveContext): Promise<Objective> {
  const { settings, config, tokenizer } = context
  const { batch, time, seed, headTransform = true, teacher: folder } = settings
  const width = await teacherWidth(folder!)
  const masked = maskedObjective(context)
  const rules = maskedRules(settings, tokenizer)
  const frame = framing(tokenizer)
  const length = time - frame.extra
  return {
    ...masked,
    shapes: new Map([...masked.shapes, ...headShapes(config, width)]),
    graph(scope) {
      const { loss, hidden } = maskedGraph(scope, config, headTransform)
      const error = teacherLoss(scope, config, hidden, width)
      return { loss: ops.add(loss, ops.mul(error, teacherWeight)), outputs: { maskedLoss: loss, teacherLoss: error } }
    },
    async batches(cache, range) {
      const executor = await createExecutor({ threads: 1 })
      const teacher = await loadTeacher(folder!, tokenizer, executor)
      const prepared = async ({ index, inputs }: LanguageModelBatch) => {
        const rows = frame.rows(pieces(inputs, length))
        const { values, told } = await teacher.vectors(pieces(rows, time))
        const feeds = (place: Place): Feeds => ({
          ...maskedFeeds(maskTokens(rows, time, placeCount(batch * time, rules.share), rules, placeRandom(seed, place)), [batch, time]),
          vectors: { data: values, shape: [batch, time, width] },
          told: { data: told, shape: [batch, time] },
        })
        return { index, feeds }
      }
      // the teacher reads the next batch, on a thread of its own, while the model learns from this one
      let ahead: ReturnType<typeof prepared> | undefined
      return {
        count: languageModelBatchCount(cache, { batch, time: length, ...range }),
        async *epoch(epoch, start) {
          ahead = undefined
          for await (const window of languageModelBatches(cache, { batch, time: length, seed, epoch, start, ...range })) {
            const now = ahead
            ahead = prepared(window)
            ahead.catch(() => {}) // it is told where the batch is asked for
            if (now) yield await now
          }
          if (ahead) yield await ahead
        },
        async dispose() {
          await ahead?.catch(() => {})
          await executor[Symbol.asyncDispose]()
        },
      }
    },
  }
}
