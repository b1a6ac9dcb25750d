// A backbone from an ONNX file is adapted as any other.

import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { classification } from '../tasks/classification.js'
import { inFolder } from '../testing/checkpoints.js'
import { toyQuestions } from '../testing/toy.js'
import { trainWordLevel } from '../text/tokenizer/index.js'
import { adapt } from './adapt.js'
import { loadOnnx } from './load-onnx.js'

test('an encoder laid out as on Hugging Face, and adapted', () =>
  inFolder(async (folder) => {
    const bytes = gunzipSync(await readFile(new URL('../../../tensor/fixtures/onnx/bert-eager-jit-17.onnx.gz', import.meta.url)))
    await mkdir(join(folder, 'onnx'))
    const file = join(folder, 'onnx', 'model.onnx')
    await writeFile(file, bytes)
    await assert.rejects(loadOnnx(file), /tokenizer\.json/)
    const questions = toyQuestions(60)
    const tokenizer = await trainWordLevel(
      questions.map(({ text }) => text),
      { vocabulary: 48 },
    )
    await tokenizer.save(folder)
    const backbone = await loadOnnx(file)
    assert.deepEqual([backbone.config.hidden, backbone.config.layers, backbone.parameters.size], [16, 2, 37])
    const { model, report } = await adapt(backbone, classification({ labels: ['HUM', 'LOC', 'NUM'] }), {
      train: questions.slice(0, 45),
      valid: questions.slice(45),
      ...{ epochs: 12, rate: 5e-3, batch: 16, maxLength: 16, threads: 1, pooling: 'mean' },
    })
    assert.deepEqual(report.load.fresh, ['heads.classification.weight', 'heads.classification.bias'])
    assert.ok(report.valid.accuracy > 0.6, `accuracy ${report.valid.accuracy}`)
    await model.dispose()
  }))
