import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { adam, createExecutor, grad } from '@thaw/tensor'
import { languageHeadShapes } from '../models/language-head.js'
import { Scope } from '../nn/scope.js'
import { causalGraph } from '../pretrain/objectives/causal-graph.js'
import { classification } from '../tasks/classification.js'
import { inFolder } from '../testing/checkpoints.js'
import { toyBackbone, toyQuestions, toyText } from '../testing/toy.js'
import { createTrainer } from '../train/trainer.js'
import { adapt } from './adapt.js'
import { type Backbone, load } from './backbone.js'
import { fillStore } from './classifier.js'
import { fisherInformation } from './fisher.js'
import { ewc, type Recipe, recipe } from './recipe/index.js'

const text = toyText(60)

/** The windows' summed losses, gradients and number of predictions, one window at a time, by the plain graph. */
async function windows(backbone: Backbone, time: number, each: (window: { sum: number; gradients: Map<string, Float32Array> }) => void) {
  await using executor = await createExecutor({ threads: 1 })
  const scope = new Scope()
  const { sum } = causalGraph(scope, backbone.config)
  const paths = [...scope.parameters.keys()]
  const gradients = grad(sum, [...scope.parameters.values()])
  const program = await executor.compile({
    outputs: { sum, ...Object.fromEntries(gradients.map((gradient, i) => [paths[i]!, gradient.dense!])) },
  })
  const params = await fillStore(executor, backbone.parameters)
  const ids = Int32Array.from(backbone.tokenizer.ids(text))
  const shape = [1, time]
  for (let at = 0; at + time + 1 <= ids.length; at += time + 1) {
    const feeds = { ids: { data: ids.slice(at, at + time), shape }, targets: { data: ids.slice(at + 1, at + time + 1), shape } }
    const { outputs } = await program.bind({ params }).run({ feeds })
    each({ sum: Number(outputs.sum!.data[0]), gradients: new Map(paths.map((path) => [path, outputs[path]!.data as Float32Array])) })
  }
}

test('the Fisher information is the mean of squared gradients of single windows, over their tokens', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const time = 12
    const fisher = await fisherInformation(backbone, [text], { time, examples: 1000, threads: 1 })
    const expected = new Map<string, Float64Array>()
    let count = 0
    await windows(backbone, time, ({ gradients }) => {
      count++
      for (const [path, values] of gradients) {
        const sums = expected.get(path) ?? new Float64Array(values.length)
        for (const [i, value] of values.entries()) sums[i]! += value ** 2 / time
        expected.set(path, sums)
      }
    })
    assert.ok(count > 20, `${count} windows`)
    for (const path of ['layers.0.attention.query.weight', 'layers.1.feedforward.up.bias', 'norm.weight']) {
      const values = fisher.get(path)!
      for (const [i, sum] of expected.get(path)!.entries())
        assert.ok(Math.abs(values[i]! - sum / count) <= 1e-7 + 1e-3 * (sum / count), `${path}[${i}]: ${values[i]}, by the reference ${sum / count}`)
    }
    assert.deepEqual([...fisher.keys()].sort(), [...backbone.parameters.keys()].sort())
    assert.ok([...fisher.values()].every((values) => values.every((value) => value >= 0)))
    // windows are chosen by the seed
    const some = (seed: number) => fisherInformation(backbone, [text], { time, examples: 3, seed, threads: 1 })
    const [a, b, c] = [await some(1), await some(1), await some(2)]
    assert.deepEqual(a, b)
    assert.notDeepEqual(a, c)
  }))

test('a table’s rows, by finite differences of one window’s loss', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const time = 20
    const short = backbone.tokenizer.decode([...backbone.tokenizer.ids(text)].slice(0, time + 1))
    const fisher = await fisherInformation(backbone, [short], { time, threads: 1 })
    const table = backbone.parameters.get('embeddings.token.weight')!
    const row = backbone.tokenizer.ids(short)[3]! * 16
    const loss = async (shift: number) => {
      const data = Float32Array.from(table.data)
      data[row] = data[row]! + shift
      const parameters = new Map(backbone.parameters).set('embeddings.token.weight', { ...table, data })
      const sums: number[] = []
      await windows({ ...backbone, parameters }, time, ({ sum }) => sums.push(sum))
      return sums[0]!
    }
    const slope = ((await loss(0.01)) - (await loss(-0.01))) / 0.02
    const value = fisher.get('embeddings.token.weight')![row]!
    assert.ok(Math.abs(value - slope ** 2 / time) < 0.02 * value, `${value}, by differences ${slope ** 2 / time}`)
  }))

/** The backbone after some steps of language modelling on the text: it has something to forget. */
async function pretrained(backbone: Backbone): Promise<Backbone> {
  await using executor = await createExecutor({ threads: 1 })
  const scope = new Scope()
  const { loss } = causalGraph(scope, backbone.config)
  const params = await fillStore(executor, backbone.parameters)
  const trainer = await createTrainer(executor, { loss, trainable: [...scope.parameters.values()], optimizer: adam(), params })
  const ids = Int32Array.from(backbone.tokenizer.ids(text))
  const shape = [8, 16]
  for (let step = 0; step < 80; step++) {
    const at = (step * 53) % (ids.length - 129)
    const feeds = { ids: { data: ids.slice(at, at + 128), shape }, targets: { data: ids.slice(at + 1, at + 129), shape } }
    await trainer.step([feeds], { rate: 1e-2, seed: 1, step })
  }
  const parameters = new Map(backbone.parameters)
  for (const [path, { shape: size }] of parameters)
    parameters.set(path, { shape: size, data: Float32Array.from((await params.read(path)) as Float32Array) })
  await trainer.dispose()
  return { ...backbone, parameters }
}

test('elastic weight consolidation with it forgets less of the pretraining text', () =>
  inFolder(async (root) => {
    const backbone = await pretrained(await toyBackbone(join(root, 'lm')))
    const fisher = await fisherInformation(backbone, [text], { time: 16, threads: 1 })
    const questions = toyQuestions(84)
    const task = classification({ labels: ['HUM', 'LOC', 'NUM'] })
    const forgetting = async (made: Recipe) => {
      const data = { train: questions.slice(0, 64), valid: questions.slice(64), threads: 1, batch: 16, epochs: 3, rate: 1e-2 }
      const { model } = await adapt(backbone, task, { ...data, recipe: made, fisher })
      await model.save(join(root, 'out'))
      await model.dispose()
      let total = 0
      await windows(await load(join(root, 'out')), 16, ({ sum }) => {
        total += sum
      })
      return total
    }
    const [free, held] = [await forgetting(recipe(ewc({ strength: 0 }))), await forgetting(recipe(ewc({ strength: 1e4 })))]
    let before = 0
    await windows(backbone, 16, ({ sum }) => {
      before += sum
    })
    assert.ok(held - before < 0.7 * (free - before), `before ${before}, held ${held}, free ${free}`)
  }))

test('masked models need their head, and texts at least one window', () =>
  inFolder(async (root) => {
    const shape = { causal: false, block: 'post', segments: 2, vocabulary: 328 } as const
    const bare = await toyBackbone(join(root, 'bare'), shape)
    await assert.rejects(
      fisherInformation(bare, [text]),
      /has no language model's head \(heads\.mlm\.…\), so its pretraining loss cannot be computed; l2-sp pulls all parameters alike/,
    )
    const heads = Object.fromEntries(languageHeadShapes({ ...bare.config }))
    const masked = await toyBackbone(join(root, 'masked'), shape, heads)
    masked.tokenizer.addTokens(['[MASK]'], { special: true })
    const fisher = await fisherInformation(masked, [text], { time: 16, examples: 8, threads: 1 })
    assert.ok(fisher.get('heads.mlm.bias')!.some((value) => value > 0))
    assert.ok(fisher.get('layers.0.attention.value.weight')!.some((value) => value > 0))
    await assert.rejects(fisherInformation(masked, ['who ?'], { time: 16 }), /the text has \d tokens, fewer than one window of 16; give more text/)
    await assert.rejects(fisherInformation(masked, [text], { time: 25 }), { message: 'fisher information: windows of 25 tokens: expected 3 to 24' })
  }))
