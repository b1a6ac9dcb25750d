// What is exported computes what the trainer computes, in stock ONNX Runtime and (stored results) in Python's transformers; and what cannot be
// exported is said to be so.

import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { adapt } from '../adapt/adapt.js'
import { load } from '../adapt/backbone.js'
import { loadClassifier } from '../adapt/classifier.js'
import { houlsby, ia3, lora, parallelAdapter, recipe } from '../adapt/recipe/index.js'
import { readCheckpoint } from '../hub/checkpoint.js'
import { readSafetensors } from '../hub/safetensors.js'
import { classification } from '../tasks/classification.js'
import { multiLabel } from '../tasks/multi-label.js'
import { poolings } from '../tasks/pooling.js'
import { inFolder } from '../testing/checkpoints.js'
import { familyPoolings, familyTexts, writeFamilyClassifier } from '../testing/classifiers.js'
import { fileLogits, sameLogits, trainerLogits } from '../testing/logits.js'
import { toyBackbone, toyLabelSets, toyQuestions } from '../testing/toy.js'
import { exportCheckpoint } from './index.js'

interface Stored {
  class: string
  tensors: string[]
  logits: number[][]
}
const stored = JSON.parse(readFileSync(new URL('../../fixtures/exports.json', import.meta.url), 'utf8')) as Record<string, Stored>

for (const [family, pooling] of familyPoolings)
  test(`${family}, pooling ${pooling}: transformers' class with the same logits`, () =>
    inFolder(async (root) => {
      const [folder, out] = [join(root, 'classifier'), join(root, 'out')]
      await writeFamilyClassifier(folder, family, pooling)
      const report = await exportCheckpoint(folder, { to: 'safetensors', out })
      const expected = stored[`${family}-${pooling}`]!
      assert.equal(report.className, expected.class)
      assert.deepEqual(report.notes, [])
      const logits = await trainerLogits(folder, familyTexts)
      sameLogits(logits, expected.logits, 1e-5, 'transformers, on the export')
      assert.deepEqual(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')).architectures, [expected.class])
      const file = await readSafetensors(join(out, 'model.safetensors'))
      assert.deepEqual([...file.entries.keys()].sort(), expected.tensors)
      await file.close()
      // and so does the ONNX file of the same classifier, whichever side is padded
      const onnx = join(root, 'onnx')
      await exportCheckpoint(folder, { to: 'onnx', out: onnx })
      for (const side of ['left', 'right'] as const)
        sameLogits(await fileLogits(onnx, 'model.onnx', familyTexts, side), logits, 1e-5, `ONNX, ${side}`)
    }))

test('several labels a text: config.json says so to transformers, whose class has the same logits', () =>
  inFolder(async (root) => {
    const [folder, out] = [join(root, 'classifier'), join(root, 'out')]
    await writeFamilyClassifier(folder, 'bert', 'first')
    const file = join(folder, 'config.json')
    const config = JSON.parse(readFileSync(file, 'utf8'))
    writeFileSync(file, JSON.stringify({ ...config, problem_type: 'multi_label_classification', thaw: { ...config.thaw, task: 'multi-label' } }))
    const { className } = await exportCheckpoint(folder, { to: 'safetensors', out })
    const described = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'))
    assert.deepEqual([className, described.problem_type], ['BertForSequenceClassification', 'multi_label_classification'])
    sameLogits(await trainerLogits(folder, familyTexts), stored['bert-first']!.logits, 1e-5, 'several labels')
    await writeFamilyClassifier(folder, 'bert', 'first')
    await exportCheckpoint(folder, { to: 'safetensors', out, overwrite: true })
    assert.equal(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')).problem_type, undefined)
    // what has no class is written whole, and says so too
    const { model } = await adapt(await toyBackbone(join(root, 'lm')), multiLabel({ labels: ['HUM', 'LOC', 'OLD'] }), {
      ...{ train: toyLabelSets(32), valid: toyLabelSets(32).slice(24), epochs: 1, threads: 1 },
    })
    await model.save(join(root, 'sets'))
    await model.dispose()
    await exportCheckpoint(join(root, 'sets'), { to: 'safetensors', out, overwrite: true })
    assert.equal(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')).problem_type, 'multi_label_classification')
  }))

test('every pooling, adapters, low-rank updates and a mix of layers: ONNX in three types, whichever side is padded', () =>
  inFolder(async (root) => {
    const questions = toyQuestions(60)
    const texts = questions.slice(40).map(({ text }) => text)
    const backbone = await toyBackbone(join(root, 'lm'), { hidden: 64, inner: 128, heads: 4 })
    const task = classification({ labels: ['HUM', 'LOC', 'NUM'] })
    const kinds = {
      ...Object.fromEntries(poolings.map((pooling) => [pooling, { pooling }])),
      mix: { scheme: 'frozen' },
      houlsby: { recipe: recipe(houlsby({ size: 4 })) },
      convolution: { recipe: recipe(houlsby({ size: 4, kernel: 3 })) },
      attention: { recipe: recipe(parallelAdapter({ size: 4, heads: 2 })) },
      lora: { recipe: recipe(lora({ rank: 2 })), pooling: 'last' },
      ia3: { recipe: recipe(ia3()), pooling: 'last' },
    } as const
    for (const [kind, settings] of Object.entries(kinds)) {
      const folder = join(root, kind)
      const data = { train: questions.slice(0, 32), valid: questions.slice(32, 40), epochs: 1, batch: 8, rate: 1e-2, threads: 1, ...settings }
      const { model } = await adapt(backbone, task, data)
      await model.save(folder)
      await model.dispose()
      const out = join(root, `${kind}-onnx`)
      const report = await exportCheckpoint(folder, { to: 'onnx', dtype: ['fp32', 'fp16', 'int8'], out })
      const names = ['config.json', 'onnx/model.onnx', 'onnx/model_fp16.onnx', 'onnx/model_quantized.onnx', 'tokenizer.json', 'tokenizer_config.json']
      assert.deepEqual(
        report.files.map(({ name }) => name),
        names,
      )
      const logits = await trainerLogits(folder, texts)
      const spread = Math.max(...logits.flat()) - Math.min(...logits.flat())
      for (const side of ['left', 'right'] as const) {
        sameLogits(await fileLogits(out, 'model.onnx', texts, side), logits, 1e-5, `${kind}, ${side}`)
        sameLogits(await fileLogits(out, 'model_fp16.onnx', texts, side), logits, 0.01 * spread, `${kind} in halves, ${side}`)
        sameLogits(await fileLogits(out, 'model_quantized.onnx', texts, side), logits, 0.1 * spread, `${kind} in bytes, ${side}`)
      }
      const reasons: Record<string, RegExp> = {
        last: /^$/,
        clf: /^$/,
        lora: /^$/,
        ia3: /^$/,
        houlsby: /no place for what the recipe put into the network \(layers\.0\.attention\.adapter/,
        convolution: /no place for what the recipe put into the network \(layers\.0\.attention\.adapter/,
        attention: /no place for what the recipe put into the network \(layers\.0\.feedforward\.parallel/,
        mix: /a mix of all layers/,
        first: /by pooling first; GPT2ForSequenceClassification reads the last token/,
        max: /by pooling max/,
        mean: /by pooling mean/,
      }
      const python = await exportCheckpoint(folder, { to: 'safetensors', out: join(root, `${kind}-python`) })
      assert.match(python.notes[0] ?? '', reasons[kind]!, kind)
      assert.equal(python.className, python.notes.length === 0 ? 'GPT2ForSequenceClassification' : undefined)
      if (python.className === undefined) {
        // the head came along under our own name, so that nothing takes it for transformers'
        await using saved = await readCheckpoint(join(root, `${kind}-python`))
        assert.ok(saved.parameters.has('heads.classification.weight'))
        await using again = await loadClassifier(join(root, `${kind}-python`), { threads: 1 })
        assert.equal((await again.predict(texts[0]!)).length, 3)
      }
    }
  }))

test('a merged low-rank update is part of the weight it belongs to', () =>
  inFolder(async (root) => {
    const questions = toyQuestions(40)
    const backbone = await toyBackbone(join(root, 'lm'))
    const { model } = await adapt(backbone, classification({ labels: ['HUM', 'LOC', 'NUM'] }), {
      ...{ train: questions.slice(0, 32), valid: questions.slice(32), epochs: 2, batch: 8, rate: 3e-2, threads: 1 },
      ...{ recipe: recipe(lora({ rank: 2 })), pooling: 'last' },
    })
    await model.save(join(root, 'lora'))
    await model.dispose()
    await exportCheckpoint(join(root, 'lora'), { to: 'safetensors', out: join(root, 'out') })
    const [before, after] = [await load(join(root, 'lora')), await load(join(root, 'out'))]
    assert.deepEqual(
      [...after.parameters.keys()].filter((path) => path.includes('lora')),
      [],
    )
    const path = 'layers.0.attention.query.weight'
    const [down, up] = [before.parameters.get('layers.0.attention.query.lora.A')!, before.parameters.get('layers.0.attention.query.lora.B')!]
    const [rank, width] = up.shape as [number, number]
    before.parameters.get(path)!.data.forEach((value, i) => {
      let update = 0
      for (let k = 0; k < rank; k++) update += down.data[Math.floor(i / width) * rank + k]! * up.data[k * width + (i % width)]!
      const merged = after.parameters.get(path)!.data[i]!
      assert.ok(Math.abs(value + 2 * update - merged) < 1e-5, `${i}: ${merged} instead of ${value + 2 * update}`)
    })
  }))

test('a checkpoint that is no classifier: safetensors with transformers’ names, no ONNX', () =>
  inFolder(async (root) => {
    await toyBackbone(join(root, 'lm'))
    const report = await exportCheckpoint(join(root, 'lm'), { to: 'safetensors', dtype: 'fp16', out: join(root, 'half') })
    assert.deepEqual([report.className, report.notes], ['GPT2Model', []])
    const file = await readSafetensors(join(root, 'half', 'model.safetensors'))
    assert.deepEqual(new Set([...file.entries.values()].map(({ dtype }) => dtype)), new Set(['F16']))
    await file.close()
    const lm = join(root, 'lm')
    await assert.rejects(exportCheckpoint(lm, { to: 'onnx', out: join(root, 'onnx') }), {
      message: `${lm}: only models of a task are exported to ONNX, and this checkpoint is a backbone without one (its config.json names none); adapt it first: thaw adapt ${lm} --train …`,
    })
    assert.ok(!readdirSync(root).includes('onnx'))
    const config = JSON.parse(readFileSync(join(lm, 'config.json'), 'utf8')) as object
    writeFileSync(join(lm, 'config.json'), JSON.stringify({ ...config, thaw: { task: 'tagging' } }))
    await assert.rejects(exportCheckpoint(lm, { to: 'onnx', out: join(root, 'onnx') }), {
      message: `${lm}: this is a model of "tagging"; exported to ONNX are classification, multi-label, regression and multiple-choice; export its weights: --to safetensors`,
    })
    await toyBackbone(join(root, 'tutorial'), { block: 'tutorial', positionKind: 'sinusoidal' })
    const own = await exportCheckpoint(join(root, 'tutorial'), { to: 'safetensors', out: join(root, 'own') })
    assert.equal(own.className, undefined)
    assert.match(own.notes[0]!, /^transformers has no class for this backbone's shape/)
  }))

test('nothing of anybody’s is replaced unasked', () =>
  inFolder(async (root) => {
    const [folder, out, other] = [join(root, 'classifier'), join(root, 'out'), join(root, 'other')]
    await writeFamilyClassifier(folder, 'bert', 'first')
    const refused = (options: Parameters<typeof exportCheckpoint>[1], message: string) =>
      assert.rejects(exportCheckpoint(folder, options), { message })
    await refused({ to: 'onnx', out: folder }, `${folder}: this is the checkpoint itself; export to another folder`)
    mkdirSync(other)
    writeFileSync(join(other, 'thesis.txt'), 'mine')
    await refused(
      { to: 'onnx', out: other, overwrite: true },
      `${other}: the folder holds something that is no checkpoint (thesis.txt); name another one`,
    )
    await refused(
      { to: 'onnx', out: join(other, 'thesis.txt') },
      `${join(other, 'thesis.txt')}: this is a file; name a folder that does not exist yet`,
    )
    await exportCheckpoint(folder, { to: 'onnx', out })
    await refused({ to: 'onnx', out }, `${out}: there is a checkpoint in this folder; overwrite it, or name another folder`)
    await exportCheckpoint(folder, { to: 'onnx', dtype: 'int8', out, overwrite: true })
    assert.deepEqual(readdirSync(join(out, 'onnx')), ['model_quantized.onnx'])
    await refused(
      { to: 'safetensors', dtype: 'int8', out: join(root, 'x') },
      'export to safetensors: dtype int8: expected fp32 or fp16, one of them; int8 is for ONNX',
    )
    await refused({ to: 'onnx', dtype: ['fp8' as 'fp16'], out: join(root, 'x') }, 'export: dtype "fp8": expected one or several of fp32, fp16, int8')
    await refused({ to: 'gguf' as 'onnx', out: join(root, 'x') }, 'export to "gguf": expected one of safetensors, onnx, adapter')
  }))
