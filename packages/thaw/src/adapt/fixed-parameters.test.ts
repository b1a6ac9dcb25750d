// A loaded model's parameters are constants of its program: the results are those of a program that reads them from their store, in Node and in WASM.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { createExecutor } from '@thaw/tensor'
import { inFolder } from '../testing/checkpoints.js'
import { nearlyEqual } from '../testing/nearly.js'
import { toyEncoder, toyQuestions } from '../testing/toy.js'
import { createClassifier, fillStore } from './classifier.js'
import { canBeFixed } from './fixed-parameters.js'
import { lora, recipe } from './recipe/index.js'

const texts = toyQuestions(40).map(({ text }, i) => ({ text: i % 3 === 0 ? `${text} ${text}` : text }))
const labels = ['HUM', 'LOC', 'NUM']

for (const runtime of ['onnxruntime-node', 'onnxruntime-web'] as const)
  test(`${runtime}: constants and a store give the same probabilities, of a plain model and of one with low-rank updates`, () =>
    inFolder(async (folder) => {
      for (const made of [undefined, recipe(lora({ rank: 2 }))]) {
        const hidden = 16
        const updates = made
          ? Object.fromEntries(
              ['query', 'value'].flatMap((name) =>
                [0, 1].flatMap((n) => [
                  [`layers.${n}.attention.${name}.lora.A`, [hidden, 2]],
                  [`layers.${n}.attention.${name}.lora.B`, [2, hidden]],
                ]),
              ),
            )
          : {}
        const { config, tokenizer, parameters } = await toyEncoder(join(folder, made ? 'lora' : 'plain'), {
          'heads.classification.weight': [hidden, 3],
          'heads.classification.bias': [3],
          ...updates,
        })
        await using executor = await createExecutor({ threads: 1, runtime })
        const params = await fillStore(executor, parameters)
        const details = { task: 'classification', labels, pooling: 'mean', mix: false, maxLength: 24, ...(made ? { recipe: made } : {}) } as const
        const parts = { config, tokenizer, details, executor, params, owns: false }
        const reading = await createClassifier(parts)
        const fixed = await createClassifier({ ...parts, fixed: true })
        const before = await fixed.predict(texts)
        nearlyEqual(before, await reading.predict(texts))
        // a text alone is read without padding: the same again
        nearlyEqual([await fixed.predict(texts[7]!.text)], [before[7]])
        // what is fixed no longer follows its store
        await params.fill('heads.classification.weight', { value: 0 })
        nearlyEqual(await fixed.predict(texts), before)
        assert.throws(() => nearlyEqual(before, [], 1e-6))
        const [after] = await reading.predict(texts)
        assert.ok(after!.every(({ score }, i) => Math.abs(score - before[0]![i]!.score) > 1e-4))
        await fixed.dispose()
        await reading.dispose()
      }
    }))

test('what does not fit into one message of protobuf stays in its store', () => {
  const layers = (count: number) => new Map(Array.from({ length: count }, (_, n) => [`layers.${n}`, { shape: [4096, 4096] }])) // 64 MB each
  assert.deepEqual([canBeFixed(layers(31)), canBeFixed(layers(32))], [true, false])
})
