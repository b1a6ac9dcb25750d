// Distillation into a masked model: beside guessing the hidden tokens it says for every word, hidden ones too, what a larger encoder that sees the whole
// text makes of it (DistilBERT: Sanh et al. 2019; hidden states as targets: Jiao et al. 2020; targets at masked places: data2vec, Baevski et al. 2022).
// Every token teaches, not 15 %. The teacher and the head that speaks its language serve training only.

import { dim, input, ops, type Tensor } from '@thaw/tensor'
import type { TransformerConfig } from '../../models/config.js'
import { linear } from '../../nn/layers.js'
import type { Scope } from '../../nn/scope.js'
import { languageModelBatchCount, languageModelBatches } from '../../text/corpus/index.js'
import { loadTeacher, teacherWidth } from '../teacher.js'
import { maskedObjective, maskedRules } from './masked.js'
import { framing, maskedFeeds, maskedGraph } from './masked-graph.js'
import { maskTokens, placeCount } from './masking.js'
import type { Objective, ObjectiveContext } from './objective.js'
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
  const { settings, config, tokenizer, executor } = context
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
      const teacher = await loadTeacher(folder!, tokenizer, executor)
      return {
        count: languageModelBatchCount(cache, { batch, time: length, ...range }),
        async *epoch(epoch, start) {
          for await (const { index, inputs } of languageModelBatches(cache, { batch, time: length, seed, epoch, start, ...range })) {
            const rows = frame.rows(pieces(inputs, length))
            const { values, told } = await teacher.vectors(pieces(rows, time))
            yield {
              index,
              feeds: (place) => ({
                ...maskedFeeds(maskTokens(rows, time, placeCount(batch * time, rules.share), rules, placeRandom(seed, place)), [batch, time]),
                vectors: { data: values, shape: [batch, time, width] },
                told: { data: told, shape: [batch, time] },
              }),
            }
          }
        },
      }
    },
  }
}
