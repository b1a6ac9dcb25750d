// The real transformers.js loads what is exported, in Node and in headless Chromium, and computes the trainer's logits.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { noChromium } from '../../../tensor/dist/testing/browser.js'
import { adapt } from '../adapt/adapt.js'
import { classification } from '../tasks/classification.js'
import { multiLabel } from '../tasks/multi-label.js'
import { inFolder } from '../testing/checkpoints.js'
import { familyTexts, writeFamilyClassifier } from '../testing/classifiers.js'
import { fileLogits, sameLogits, trainerLogits } from '../testing/logits.js'
import { toyBackbone, toyLabelSets, toyQuestions } from '../testing/toy.js'
import { classify, configure, type TransformersResult } from '../testing/transformers-page.js'
import { openTransformers, realComplaints } from '../testing/transformers-site.js'
import { exportCheckpoint } from './index.js'

const questions = toyQuestions(60)
const questionTexts = questions.slice(40).map(({ text }) => text)

interface Exported {
  name: string
  folder: string
  texts: readonly string[]
  labels: string[]
  /** Each label has a probability by itself. */
  several?: true
}

/**
 * Three models, exported into ROOT/models: a causal classifier of ours that reads its [CLF] token, a BERT that reads the first, and a causal one with several
 * labels a text.
 */
async function writeModels(root: string): Promise<Exported[]> {
  const labels = ['HUM', 'LOC', 'NUM']
  const { model } = await adapt(await toyBackbone(join(root, 'lm'), { hidden: 64, inner: 128, heads: 4 }), classification({ labels }), {
    ...{ train: questions.slice(0, 32), valid: questions.slice(32, 40), epochs: 1, batch: 8, rate: 1e-2, threads: 1, pooling: 'clf' },
  })
  await model.save(join(root, 'causal'))
  await model.dispose()
  const sets = toyLabelSets(60)
  const several = await adapt(
    await toyBackbone(join(root, 'lm'), { hidden: 64, inner: 128, heads: 4 }),
    multiLabel({ labels: ['HUM', 'LOC', 'OLD'] }),
    {
      ...{ train: sets.slice(0, 32), valid: sets.slice(32, 40), epochs: 1, batch: 8, rate: 1e-2, threads: 1 },
    },
  )
  await several.model.save(join(root, 'sets'))
  await several.model.dispose()
  await writeFamilyClassifier(join(root, 'bert'), 'bert', 'first')
  const made: Exported[] = [
    { name: 'causal', folder: join(root, 'causal'), texts: questionTexts, labels },
    { name: 'bert', folder: join(root, 'bert'), texts: familyTexts, labels: ['a', 'b', 'c'] },
    { name: 'sets', folder: join(root, 'sets'), texts: questionTexts, labels: ['HUM', 'LOC', 'OLD'], several: true },
  ]
  for (const { name, folder } of made)
    await exportCheckpoint(folder, { to: 'onnx', dtype: ['fp32', 'fp16', 'int8'], out: join(root, 'models', name) })
  return made
}

function check(
  result: TransformersResult,
  logits: readonly (readonly number[])[],
  { labels, several }: Exported,
  within: number,
  what: string,
): void {
  sameLogits(result.logits, logits, within, what)
  result.ranked.forEach((ranked, r) => {
    const sum = logits[r]!.reduce((total, x) => total + Math.exp(x), 0)
    assert.deepEqual(new Set(ranked.map(({ label }) => label)), new Set(labels))
    for (const { label, score } of ranked) {
      const exp = Math.exp(logits[r]![labels.indexOf(label)]!)
      assert.ok(Math.abs(score - exp / (several ? 1 + exp : sum)) <= within, `${what}: text ${r}, ${label}: ${score}`)
    }
  })
}

const spread = (logits: readonly (readonly number[])[]) => Math.max(...logits.flat()) - Math.min(...logits.flat())

test('transformers.js in Node: a text-classification pipeline from a local folder, with the trainer’s logits', () =>
  inFolder(async (root) => {
    configure(join(root, 'models'))
    for (const made of await writeModels(root)) {
      const { name, folder, texts } = made
      const logits = await trainerLogits(folder, texts)
      check(await classify(name, texts), logits, made, 1e-5, `${name}, as config.json says`)
      check(await classify(name, texts, 'fp16'), logits, made, 0.01 * spread(logits), `${name} in halves`)
      check(await classify(name, texts, 'q8'), logits, made, 0.1 * spread(logits), `${name} in bytes`)
    }
  }))

test('transformers.js in Chromium: the same logits as in Node, in WASM', { skip: noChromium, timeout: 600_000 }, () =>
  inFolder(async (root) => {
    const models = await writeModels(root)
    const { page, complaints, close } = await openTransformers(join(root, 'models'))
    try {
      for (const made of models) {
        const { name, folder, texts } = made
        const logits = await trainerLogits(folder, texts)
        const run = (dtype?: 'fp16' | 'q8') =>
          page.evaluate(([name, texts, dtype]) => window.exported.classify(name, texts, dtype), [name, texts, dtype] as const)
        const result = await run()
        check(result, logits, made, 1e-4, `${name}, as config.json says`)
        sameLogits(result.logits, await fileLogits(join(root, 'models', name), 'model.onnx', texts), 1e-4, `${name}, WASM and Node`)
        check(await run('fp16'), logits, made, 0.01 * spread(logits), `${name} in halves`)
        check(await run('q8'), logits, made, 0.1 * spread(logits), `${name} in bytes`)
      }
      assert.deepEqual(realComplaints(complaints), [])
    } finally {
      await close()
    }
  }),
)
