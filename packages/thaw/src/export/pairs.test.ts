// Classifiers of pairs leave with their token types; two towers and other tasks leave as weights, whose head no class of transformers has.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { adapt } from '../adapt/adapt.js'
import { loadTaskModel, type TaskModel } from '../adapt/task-models.js'
import { classification } from '../tasks/classification.js'
import { regression } from '../tasks/regression.js'
import { inFolder } from '../testing/checkpoints.js'
import { toyEncoder, toyQuestions } from '../testing/toy.js'
import { loadTokenizer } from '../text/tokenizer/index.js'
import { addOnnxFiles, exportCheckpoint } from './index.js'

const questions = toyQuestions(24)
const pairs = questions.map(({ text, label }, i) => ({ text, pair: questions[(i * 5 + 1) % 24]!.text, label }))
const data = { train: pairs.slice(0, 16), valid: pairs.slice(16), epochs: 2, batch: 8, rate: 1e-2, threads: 1 }
const labels = ['HUM', 'LOC', 'NUM']

test('pairs: onnx/model.onnx beside the weights takes token types, and gives the probabilities of the trainer', () =>
  inFolder(async (root) => {
    const [folder, out] = [join(root, 'pairs'), join(root, 'onnx')]
    const { model } = await adapt(await toyEncoder(join(root, 'lm')), classification({ labels }), data)
    await using _ = model
    await model.save(folder)
    const [file, ...others] = await addOnnxFiles(folder)
    assert.deepEqual([file!.name, others], ['onnx/model.onnx', []])
    assert.ok(file!.bytes > 1000)
    await exportCheckpoint(folder, { to: 'onnx', out })
    assert.deepEqual(JSON.parse(readFileSync(join(out, 'tokenizer_config.json'), 'utf8')).model_input_names, [
      'input_ids',
      'token_type_ids',
      'attention_mask',
    ])
    const tokenizer = await loadTokenizer(folder)
    const { InferenceSession, Tensor } = await import('onnxruntime-node')
    for (const file of [join(folder, 'onnx/model.onnx'), join(out, 'onnx/model.onnx')]) {
      const session = await InferenceSession.create(file, { intraOpNumThreads: 1 })
      for (const { text, pair } of data.valid) {
        const { ids, segments } = tokenizer.encode(text, { pair, maxLength: model.config.positions })
        const given = (values: readonly number[]) => new Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length])
        const found = await session.run({ input_ids: given(ids), token_type_ids: given(segments), attention_mask: given(ids.map(() => 1)) })
        const exps = [...(found.logits!.data as Float32Array)].map(Math.exp)
        const sum = exps.reduce((a, b) => a + b)
        const [expected] = await model.probabilities([{ text, pair }])
        for (const [i, value] of exps.entries()) assert.ok(Math.abs(value / sum - expected![i]!) < 1e-5, `${file}: ${exps} but ${expected}`)
      }
      await session.release()
    }
  }))

test('two towers and similarity: weights for Python, with what can be done with them said', () =>
  inFolder(async (root) => {
    const backbone = await toyEncoder(join(root, 'lm'))
    const towers = await adapt(backbone, classification({ labels, form: 'two-tower' }), { ...data, epochs: 1 })
    await towers.model.save(join(root, 'towers'))
    await towers.model.dispose()
    const numbers = data.train.map((example, i) => ({ ...example, label: String(i % 5) }))
    const alike = await adapt(backbone, regression({ range: [0, 4] }), { ...data, train: numbers, valid: numbers, epochs: 1 })
    await alike.model.save(join(root, 'alike'))
    await alike.model.dispose()
    await assert.rejects(exportCheckpoint(join(root, 'alike'), { to: 'adapter', out: join(root, 'x') }), {
      message: `${join(root, 'alike')}: an adapter is taken from a classifier, and this is a model of regression; share the model itself`,
    })
    // their weights leave, and what Python can do with them is said
    const reasons = {
      towers: [
        'the classifier as a whole cannot be loaded by transformers: the head compares two texts that are read apart (two towers), which no class of transformers does',
        'transformers loads the backbone alone (BertModel); the head is in model.safetensors as heads.pair.weight [48, 3] and .bias',
      ],
      alike: [
        'the model as a whole cannot be loaded by transformers: it is a model of regression, and no class of transformers has its head',
        'transformers loads the backbone alone (BertModel); the head is in model.safetensors as heads.regression.weight [16, 1] and .bias',
      ],
    }
    for (const [name, notes] of Object.entries(reasons)) {
      const out = join(root, `${name}-python`)
      const report = await exportCheckpoint(join(root, name), { to: 'safetensors', out })
      assert.deepEqual([report.className, report.notes], [undefined, notes])
      const [was, is] = [await loadTaskModel(join(root, name), { threads: 1 }), await loadTaskModel(out, { threads: 1 })]
      const answersOf = async ({ model }: TaskModel) => JSON.stringify(await model.predict(data.valid.slice(0, 2)))
      assert.equal(await answersOf(is), await answersOf(was))
      await was.model.dispose()
      await is.model.dispose()
    }
  }))
