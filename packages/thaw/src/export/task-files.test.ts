// Numbers, multiple choice and two towers as ONNX files: stock ONNX Runtime and the real transformers.js, in Node and in Chromium, say what the model itself says.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { AutoModel, AutoModelForSequenceClassification, AutoTokenizer, pipeline, type Tensor } from '@huggingface/transformers'
import { noChromium } from '../../../tensor/dist/testing/browser.js'
import { adapt } from '../adapt/adapt.js'
import type { Backbone } from '../adapt/backbone.js'
import type { Classifier } from '../adapt/classifier.js'
import type { MultiLabelModel } from '../adapt/multi-label.js'
import { lora, recipe } from '../adapt/recipe/index.js'
import type { AdaptSettings } from '../adapt/settings.js'
import { type ChoiceModel, loadTaskModel, type Regressor } from '../adapt/task-models.js'
import { classification } from '../tasks/classification.js'
import type { TextLike } from '../tasks/form.js'
import { multiLabel } from '../tasks/multi-label.js'
import { multipleChoice } from '../tasks/multiple-choice.js'
import { regression } from '../tasks/regression.js'
import type { Task } from '../tasks/task.js'
import { inFolder } from '../testing/checkpoints.js'
import { exportedResults } from '../testing/exported.js'
import { sameLogits } from '../testing/logits.js'
import { toyBackbone, toyEncoder, toyQuestions } from '../testing/toy.js'
import { configure, taskResults } from '../testing/transformers-page.js'
import { openTransformers, realComplaints } from '../testing/transformers-site.js'
import { addOnnxFiles, exportCheckpoint } from './index.js'

const questions = toyQuestions(60)
const partner = (i: number) => questions[(i * 7 + 3) % questions.length]!
const pairs = questions.map(({ text, label }, i) => ({
  ...{ text, pair: partner(i).text, label: label === partner(i).label ? 'same' : 'other' },
  labels: label === partner(i).label ? ['same'] : [],
}))
const levels: Readonly<Record<string, string>> = { HUM: '1', LOC: '3', NUM: '5' }
const singles = questions.map(({ text, label }) => ({ text, label: levels[label]! }))
const alike = pairs.map((example) => ({ ...example, label: example.label === 'same' ? '5' : '1' }))
const candidates = questions.map(({ label, text }, i) => ({ text: label, choices: [text, partner(i).text, partner(i + 1).text], label: '0' }))

interface Case {
  backbone: (folder: string) => Promise<Backbone>
  task: Task
  examples: readonly (TextLike & { label?: string; labels?: readonly string[] })[]
  settings?: Partial<AdaptSettings>
  /** What config.json names. */
  className: string
}

const cases: Readonly<Record<string, Case>> = {
  'a number for a text, causal, at its [CLF] token': {
    ...{ backbone: toyBackbone, task: regression({ range: [1, 5] }), examples: singles, settings: { pooling: 'clf' } },
    className: 'BertForSequenceClassification',
  },
  'a number for a pair, with token types and low-rank updates': {
    ...{ backbone: toyEncoder, task: regression({ range: [1, 5] }), examples: alike, settings: { recipe: recipe(lora({ rank: 2 })) } },
    className: 'BertForSequenceClassification',
  },
  'a number for a pair, with token types and a [CLF] token': {
    ...{ backbone: toyEncoder, task: regression({ range: [1, 5] }), examples: alike, settings: { pooling: 'clf' } },
    className: 'BertForSequenceClassification',
  },
  'the cosine of two towers': {
    ...{ backbone: toyEncoder, task: regression({ range: [1, 5], form: 'two-tower' }), examples: alike, settings: { pooling: 'mean' } },
    className: 'BertModel',
  },
  'the cosine of two causal towers at their [CLF] tokens': {
    ...{ backbone: toyBackbone, task: regression({ range: [0, 5], form: 'two-tower' }), examples: alike, settings: { pooling: 'clf' } },
    className: 'BertModel',
  },
  'labels over two towers': {
    ...{ backbone: toyEncoder, task: classification({ labels: ['same', 'other'], form: 'two-tower' }), examples: pairs },
    className: 'BertModel',
  },
  'several labels over two towers, by their largest values': {
    ...{ backbone: toyEncoder, task: multiLabel({ labels: ['same'], form: 'two-tower' }), examples: pairs, settings: { pooling: 'max' } },
    className: 'BertModel',
  },
  'multiple choice': { backbone: toyEncoder, task: multipleChoice({ choices: 3 }), examples: candidates, className: 'BertForMultipleChoice' },
  'multiple choice, causal': {
    backbone: toyBackbone,
    task: multipleChoice({ choices: 3 }),
    examples: candidates,
    className: 'BertForMultipleChoice',
  },
}

/** Trains and saves the model of a case. */
async function save(folder: string, { backbone, task, examples, settings }: Omit<Case, 'className'>): Promise<void> {
  const data = { train: examples.slice(0, 40), valid: examples.slice(40, 50), epochs: 4, batch: 8, rate: 1e-2, threads: 1, ...settings }
  const { model } = await adapt(await backbone(`${folder}-lm`), task, data as never)
  await model.save(folder)
  await model.dispose()
}

/** What a model that was saved says of examples: a number, or probabilities. */
async function ownResults(folder: string, examples: readonly TextLike[]): Promise<number[][]> {
  const loaded = await loadTaskModel(folder, { threads: 1 })
  await using _ = loaded.model
  if (loaded.task.kind === 'regression') return (await (loaded.model as Regressor).predict(examples)).map((value) => [value])
  if (loaded.task.kind === 'multiple-choice')
    return (await (loaded.model as ChoiceModel).predict(examples)).map(({ probabilities }) => [...probabilities])
  return (await (loaded.model as Classifier | MultiLabelModel).probabilities(examples)).map((row) => [...row])
}

for (const [name, { backbone, task, examples, settings, className }] of Object.entries(cases))
  test(name, () =>
    inFolder(async (root) => {
      const [folder, out] = [join(root, 'model'), join(root, 'out')]
      await save(folder, { backbone, task, examples, settings })
      const report = await exportCheckpoint(folder, { to: 'onnx', dtype: ['fp32', 'fp16', 'int8'], out })
      assert.deepEqual(report.task, task)
      const head = task.kind !== 'multiple-choice' && task.kind !== 'regression'
      assert.deepEqual(
        readdirSync(join(out, 'onnx')).sort(),
        [...(head ? ['head'] : []), 'model'].flatMap((file) => ['.onnx', '_fp16.onnx', '_quantized.onnx'].map((ending) => `${file}${ending}`)),
      )
      const config = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')) as Record<string, unknown>
      assert.deepEqual(config.architectures, [className])
      if (task.kind === 'regression') {
        assert.deepEqual([config.problem_type, config.num_labels, config.id2label], ['regression', 1, { 0: 'LABEL_0' }])
        assert.deepEqual((config.thaw as { range: unknown }).range, task.range)
      }
      const asked = examples.slice(45)
      const own = await ownResults(folder, asked)
      const firsts = own.map((row) => row[0]!)
      const spread = Math.max(...firsts) - Math.min(...firsts)
      assert.ok(spread > 0.02, `all results are alike: ${firsts}`)
      for (const side of ['left', 'right'] as const) sameLogits(await exportedResults(out, task, asked, { side }), own, 1e-5, `padded ${side}`)
      sameLogits(await exportedResults(out, task, asked, { kind: '_fp16.onnx' }), own, 0.02 * spread, 'in halves')
      sameLogits(await exportedResults(out, task, asked, { kind: '_quantized.onnx' }), own, 0.2 * spread, 'in bytes')
      configure(root)
      sameLogits(await taskResults('out', task, asked), own, 1e-5, 'transformers.js')
      sameLogits(await taskResults('out', task, asked, 'fp16'), own, 0.02 * spread, 'transformers.js, in halves')
      sameLogits(await taskResults('out', task, asked, 'q8'), own, 0.2 * spread, 'transformers.js, in bytes')
      // beside the weights of the model itself stand the same files
      const beside = await addOnnxFiles(folder)
      assert.deepEqual(
        beside.map((file) => file.name),
        ['onnx/model.onnx', ...(head ? ['onnx/head.onnx'] : [])],
      )
      for (const file of beside) assert.deepEqual(readFileSync(join(folder, file.name)), readFileSync(join(out, file.name)), file.name)
    }),
  )

test('in Chromium, in WASM, transformers.js says the same', { skip: noChromium, timeout: 600_000 }, () =>
  inFolder(async (root) => {
    const chosen = [
      'a number for a pair, with token types and a [CLF] token',
      'the cosine of two towers',
      'labels over two towers',
      'multiple choice',
    ]
    for (const [i, name] of chosen.entries()) {
      await save(join(root, `model-${i}`), cases[name]!)
      await exportCheckpoint(join(root, `model-${i}`), { to: 'onnx', dtype: ['fp32', 'fp16', 'int8'], out: join(root, 'models', `${i}`) })
    }
    const { page, complaints, close } = await openTransformers(join(root, 'models'))
    try {
      for (const [i, name] of chosen.entries()) {
        const { task, examples } = cases[name]!
        const asked = examples.slice(45)
        const own = await ownResults(join(root, `model-${i}`), asked)
        const firsts = own.map((row) => row[0]!)
        const spread = Math.max(...firsts) - Math.min(...firsts)
        for (const [dtype, within] of [
          ['fp32', 1e-4],
          ['fp16', 0.02 * spread],
          ['q8', 0.2 * spread],
        ] as const) {
          const said = await page.evaluate((given) => window.exported.taskResults(...given), [`${i}`, task, asked, dtype] as const)
          sameLogits(said, own, within, `${name}, ${dtype}`)
        }
      }
      assert.deepEqual(realComplaints(complaints), [])
    } finally {
      await close()
    }
  }),
)

test('a tower’s embedding is what the pipeline feature-extraction makes of its hidden states', () =>
  inFolder(async (root) => {
    const task = regression({ range: [0, 5], form: 'two-tower' })
    const data = { train: alike.slice(0, 16), valid: alike.slice(16, 24), epochs: 1, batch: 8, rate: 1e-2, threads: 1, pooling: 'mean' } as const
    const { model } = await adapt(await toyEncoder(join(root, 'lm')), task, data)
    await model.save(join(root, 'model'))
    await model.dispose()
    await exportCheckpoint(join(root, 'model'), { to: 'onnx', out: join(root, 'out') })
    configure(root)
    const texts = alike.slice(40, 44).map(({ text }) => text)
    const extract = await pipeline('feature-extraction', 'out', { dtype: 'fp32' })
    const found = (await extract(texts, { pooling: 'mean', normalize: true })).tolist() as number[][]
    await extract.dispose()
    const tokenizer = await AutoTokenizer.from_pretrained('out')
    const encoder = await AutoModel.from_pretrained('out')
    const { sentence_embedding, last_hidden_state } = (await encoder(tokenizer(texts, { padding: true }))) as Record<string, Tensor>
    await encoder.dispose()
    assert.deepEqual(last_hidden_state!.dims.slice(0, 1).concat(last_hidden_state!.dims.slice(2)), [4, 16])
    sameLogits(sentence_embedding!.tolist() as number[][], found, 1e-5, 'embeddings')
    for (const row of found) assert.ok(Math.abs(row.reduce((sum, x) => sum + x * x, 0) - 1) < 1e-5)
  }))

test('token types by another tokenizer than BERT’s: transformers.js has to be asked for them, which the report says', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'), { block: 'post', causal: false, activation: 'gelu', segments: 2, positions: 40 })
    const task = regression({ range: [1, 5] })
    const { model } = await adapt(backbone, task, {
      train: alike.slice(0, 40),
      valid: alike.slice(40, 50),
      epochs: 2,
      batch: 8,
      rate: 1e-2,
      threads: 1,
    })
    await model.save(join(root, 'model'))
    await model.dispose()
    const { notes } = await exportCheckpoint(join(root, 'model'), { to: 'onnx', out: join(root, 'out') })
    assert.deepEqual(notes, [
      "the tokenizer is not of BERT's kind: ask it for token types, which transformers.js leaves out: tokenizer(…, { return_token_type_ids: true })",
    ])
    configure(root)
    const tokenizer = await AutoTokenizer.from_pretrained('out')
    const exported = await AutoModelForSequenceClassification.from_pretrained('out')
    const [{ text, pair }] = alike as [(typeof alike)[number]]
    const run = async (options: { return_token_type_ids?: boolean }) => {
      const { logits } = (await exported(tokenizer(text, { text_pair: pair, ...options }))) as Record<string, Tensor>
      return logits!.tolist() as number[][]
    }
    const own = await ownResults(join(root, 'model'), [{ text, pair }])
    sameLogits(await run({ return_token_type_ids: true }), own, 1e-5, 'asked for')
    assert.ok(Math.abs((await run({}))[0]![0]! - own[0]![0]!) > 1e-4, 'token types make no difference')
    await exported.dispose()
  }))

test('multiple choice takes another number of candidates than it was trained with: scores do not depend on each other', () =>
  inFolder(async (root) => {
    const data = { train: candidates.slice(0, 16), valid: candidates.slice(16, 24), epochs: 1, batch: 8, rate: 1e-2, threads: 1 }
    const { model } = await adapt(await toyEncoder(join(root, 'lm')), multipleChoice({ choices: 3 }), data)
    await model.save(join(root, 'model'))
    await model.dispose()
    await exportCheckpoint(join(root, 'model'), { to: 'onnx', out: join(root, 'out') })
    const asked = candidates.slice(40, 44)
    const more = asked.map((example) => ({ ...example, choices: [...example.choices, 'what is the price of the poem ?'] }))
    const three = await exportedResults(join(root, 'out'), multipleChoice({ choices: 3 }), asked)
    const four = await exportedResults(join(root, 'out'), multipleChoice({ choices: 4 }), more)
    const withoutLast = four.map((row) => row.slice(0, 3).map((share) => share / (1 - row[3]!)))
    sameLogits(withoutLast, three, 1e-5, 'four candidates')
  }))
