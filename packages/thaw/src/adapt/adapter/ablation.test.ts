// Modules that are switched off are nothing: with all of them off, the model is the one they were put into, with the head and norms that were trained beside them.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { classification } from '../../tasks/classification.js'
import { inFolder } from '../../testing/checkpoints.js'
import { toyBackbone, toyQuestions } from '../../testing/toy.js'
import { adapt } from '../adapt.js'
import { load } from '../backbone.js'
import { classifierFrom } from '../classifier.js'
import { bitfit, houlsby, ia3, lora, parallelAdapter, projectedAttentionLayers, type Recipe, recipe } from '../recipe/index.js'
import { type AblatedSpan, adapterAblation, formatAblation } from './ablation.js'

const questions = toyQuestions(80)
const data = { train: questions.slice(0, 48), valid: questions.slice(48), threads: 1, batch: 16, epochs: 3, rate: 3e-2 }
const task = classification({ labels: ['HUM', 'LOC', 'NUM'] })

const recipes: Record<string, Recipe> = {
  houlsby: recipe(houlsby({ size: 4 })),
  'houlsby with attention': recipe(houlsby({ size: 4, heads: 2 })),
  parallel: recipe(parallelAdapter({ size: 4, kernel: 3 })),
  'projected attention': recipe(projectedAttentionLayers({ size: 4, heads: 2 })),
  lora: recipe(lora({ rank: 2 })),
  ia3: recipe(ia3()),
}

test('with the modules of all layers off, what is left is the network without them', () =>
  inFolder(async (root) => {
    const base = await toyBackbone(join(root, 'base'), { layers: 2 })
    for (const [name, made] of Object.entries(recipes)) {
      const { model } = await adapt(base, task, { ...data, recipe: made })
      await model.save(join(root, name))
      const { report } = await model.evaluate(data.valid)
      await model.dispose()
      const saved = await load(join(root, name))
      const seen: AblatedSpan[] = []
      const ablation = await adapterAblation(saved, data.valid, {
        threads: 1,
        onSpan: (span, done, of) => seen.push(span) && assert.equal(of, 3, `${done}`),
      })
      assert.deepEqual([ablation.layers, ablation.score, ablation.metric], [[0, 1], report.accuracy, 'accuracy'], name)
      assert.deepEqual(
        ablation.spans.map(({ from, to }) => [from, to]),
        [
          [0, 0],
          [0, 1],
          [1, 1],
        ],
      )
      assert.deepEqual(seen, ablation.spans)
      const { recipe: _, ...plain } = saved.details.thaw as { recipe: Recipe }
      await using bare = await classifierFrom({ ...saved, details: { ...saved.details, thaw: plain } }, { threads: 1 })
      assert.equal(ablation.spans[1]!.score, (await bare.evaluate(data.valid)).report.accuracy, name)
    }
  }))

test('the table, and a model without modules', () =>
  inFolder(async (root) => {
    const spans = [
      { from: 0, to: 0, score: 0.9 },
      { from: 0, to: 2, score: 0.5 },
      { from: 2, to: 2, score: 0.925 },
    ]
    assert.equal(
      formatAblation({ metric: 'accuracy', examples: 40, score: 0.9, layers: [0, 2], spans }),
      ['off     to 0   to 2', '──────  ────  ─────', 'from 0  +0.0  −40.0', 'from 2         +2.5'].join('\n'),
    )
    const base = await toyBackbone(join(root, 'base'))
    const { model } = await adapt(base, task, { ...data, epochs: 1, recipe: recipe(bitfit()) })
    await model.save(join(root, 'bitfit'))
    await model.dispose()
    await assert.rejects(adapterAblation(await load(join(root, 'bitfit')), data.valid), /nothing was put into this model's layers, so nothing can be/)
  }))
