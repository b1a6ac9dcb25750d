// A language model becomes an encoder–decoder: what is copied is what it was, the new attention is right, and it learns to translate.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { createExecutor, input, type Tensor } from '@thaw/tensor'
import { crossAttention } from '../../models/cross-attention.js'
import { decode, encode } from '../../models/encoder-decoder.js'
import { transformer } from '../../models/transformer.js'
import { Scope } from '../../nn/scope.js'
import { pretrain } from '../../pretrain/pretrain.js'
import { classification } from '../../tasks/classification.js'
import { inFolder } from '../../testing/checkpoints.js'
import { numberPairs, numberText } from '../../testing/number-words.js'
import { toyBackbone, toyQuestions } from '../../testing/toy.js'
import { random } from '../../text/random.js'
import { adapt } from '../adapt.js'
import { type Backbone, load } from '../backbone.js'
import { newOnly, recipe } from '../recipe/index.js'
import { withEmbeddings } from './embeddings.js'
import { encoderDecoderFrom } from './encoder-decoder.js'
import { adaptToTranslation } from './translation.js'

const ids = { data: Int32Array.of(3, 1, 4, 1, 5, 9, 2, 6), shape: [2, 4] }
const visible = { data: Uint8Array.of(1, 1, 1, 1, 1, 1, 0, 0), shape: [2, 4] }

async function values(
  build: (scope: Scope) => Tensor,
  parameters: ReadonlyMap<string, { data: Float32Array }>,
  feeds: Record<string, typeof ids | typeof visible>,
) {
  await using executor = await createExecutor({ threads: 1, worker: false })
  const scope = new Scope()
  const y = build(scope)
  const params = await executor.store('params')
  await params.declare([...scope.parameters.values()])
  for (const path of scope.parameters.keys()) {
    const known = parameters.get(path)
    if (known) await params.write(path, known.data)
  }
  const program = await executor.compile({ outputs: { y } })
  const { outputs } = await program.bind({ params }).run({ feeds })
  return [...(outputs.y!.data as Float32Array)]
}

const lines = {
  ids: () => input('ids', [2, 4], 'i32'),
  source: () => ({ ids: input('source', [2, 4], 'i32'), visible: input('visible', [2, 4], 'bool') }),
}

test('new attention with zeros at its end: the decoder is the language model, whatever the source; copied weights are those of self-attention', () =>
  inFolder(async (folder) => {
    const backbone = await toyBackbone(folder)
    const start = encoderDecoderFrom(backbone)
    assert.ok(start.fresh.length === 20 && start.fresh.every((path) => path.includes('.cross.')), start.fresh.join())
    assert.equal(start.config.causal, false)
    const whole = (scope: Scope) => decode(scope, start.config, lines.ids(), encode(scope, start.config, lines.source())).hidden
    const model = await values((scope) => transformer(scope, backbone.config, { ids: lines.ids() }).hidden, backbone.parameters, { ids })
    for (const source of [ids, { ...ids, data: ids.data.map((id) => id + 7) }])
      assert.deepEqual(await values(whole, start.parameters, { ids, source, visible }), model)
    const copied = encoderDecoderFrom(backbone, { cross: 'copied', bidirectional: false })
    assert.deepEqual(copied.fresh, [])
    assert.deepEqual(copied.parameters.get('decoder.layers.1.cross.key.weight')!.data, backbone.parameters.get('layers.1.attention.key.weight')!.data)
    const encoder = await values((scope) => encode(scope, copied.config, lines.source()).hidden, copied.parameters, { source: ids, visible })
    encoder.slice(0, 6 * 16).forEach((value, i) => {
      assert.ok(Math.abs(value - model[i]!) < 1e-5, `encoder[${i}]: ${value}, the language model has ${model[i]}`)
    })
    assert.notDeepEqual(await values(whole, copied.parameters, { ids, source: ids, visible }), model)
  }))

test('cross-attention against plain loops; a hidden token of the source changes nothing', async () => {
  const { normal } = random(3)
  const config = { hidden: 4, heads: 2 } as never
  const matrix = (shape: number[]) => ({ shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => normal()) })
  const names = ['query', 'key', 'value', 'output']
  const parameters = new Map(
    names.flatMap(
      (name) =>
        [
          [`c.${name}.weight`, matrix([4, 4])],
          [`c.${name}.bias`, matrix([4])],
        ] as const,
    ),
  )
  const [x, memory] = [matrix([2, 4]), matrix([3, 4])]
  const build = (scope: Scope) => {
    const hidden = input('memory', [3, 4])
    return crossAttention(scope, config, 'c', input('x', [2, 4]), [1, 2], { hidden, visible: input('seen', [1, 3], 'bool') })
  }
  const run = (seen: number[]) => values(build, parameters, { x, memory, seen: { data: Uint8Array.from(seen), shape: [1, 3] } } as never)
  const project = (name: string, row: number[]) =>
    [0, 1, 2, 3].map((o) =>
      row.reduce((sum, value, i) => sum + value * parameters.get(`c.${name}.weight`)!.data[i * 4 + o]!, parameters.get(`c.${name}.bias`)!.data[o]!),
    )
  const rows = (m: { data: Float32Array }, n: number) => Array.from({ length: n }, (_, i) => [...m.data.subarray(4 * i, 4 * i + 4)])
  const expected = (count: number) => {
    const [keys, contents] = ['key', 'value'].map((name) => rows(memory, count).map((row) => project(name, row))) as [number[][], number[][]]
    return rows(x, 2).flatMap((row) => {
      const q = project('query', row)
      const mixed = [0, 0, 0, 0]
      for (const head of [0, 1]) {
        const scores = keys.map((key) => Math.exp((q[2 * head]! * key[2 * head]! + q[2 * head + 1]! * key[2 * head + 1]!) / Math.sqrt(2)))
        const total = scores.reduce((a, b) => a + b)
        for (const d of [2 * head, 2 * head + 1]) mixed[d] = scores.reduce((sum, score, j) => sum + (score / total) * contents[j]![d]!, 0)
      }
      return project('output', mixed)
    })
  }
  for (const count of [3, 2]) {
    const actual = await run([1, 1, Number(count > 2)])
    expected(count).forEach((value, i) => {
      assert.ok(Math.abs(actual[i]! - value) < 1e-5, `${count} tokens, [${i}]: ${actual[i]}, expected ${value}`)
    })
  }
})

test('a toy translation is learnt, and unseen pairs come out right', () =>
  inFolder(async (folder) => {
    await writeFile(join(folder, 'numbers.txt'), numberText(400))
    await pretrain(
      {
        ...{
          text: [join(folder, 'numbers.txt')],
          documents: 'line',
          size: 'nano',
          vocabulary: 300,
          time: 16,
          batch: 16,
          steps: 40,
          rate: 3e-3,
          seed: 1,
        },
        config: { hidden: 48, layers: 2, heads: 4, inner: 96, positions: 24 },
      },
      { out: join(folder, 'lm'), threads: 2 },
    )
    const pairs = numberPairs(900)
    const backbone: Backbone = await load(join(folder, 'lm'))
    const { model, loss } = await adaptToTranslation(backbone, { train: pairs.slice(0, 860), steps: 160, rate: 4e-3, seed: 1, threads: 2 })
    await using _ = model
    const unseen = pairs.slice(860)
    const said = await model.translate(unseen.map(({ source }) => source))
    const right = unseen.filter(({ target }, i) => said[i] === target).length
    assert.ok(right >= 36, `${right} of 40; loss ${loss}`)
    await assert.rejects(model.translate(['1 '.repeat(40)]), /text 1: \d+ tokens and an end are more than the model's 24 positions/)
  }))

test('added tokens and segments: what was there stays, what is new trains', () =>
  inFolder(async (folder) => {
    const backbone = await toyBackbone(join(folder, 'base'))
    const grown = withEmbeddings(backbone, { tokens: ['[QUESTION]', 'the'], segments: 2 })
    assert.deepEqual(
      [grown.config.vocabulary - backbone.config.vocabulary, grown.config.segments],
      [backbone.tokenizer.tokenToId('the') === undefined ? 2 : 1, 2],
    )
    const [before, now] = [backbone, grown].map(({ parameters }) => parameters.get('embeddings.token.weight')!.data)
    assert.deepEqual(now!.subarray(0, before!.length), before)
    assert.ok(now!.subarray(before!.length).every((value) => value !== 0))
    const questions = toyQuestions(40)
    const { model, report } = await adapt(grown, classification({ labels: ['HUM', 'LOC', 'NUM'] }), {
      ...{ train: questions.slice(0, 32), valid: questions.slice(32), epochs: 1, batch: 16, recipe: recipe(newOnly()), threads: 1 },
    })
    await model.dispose()
    assert.ok(report.load.fresh.includes('embeddings.segment.weight'))
    assert.equal(report.trained, 2 * 16 + 16 * 3 + 3)
    assert.throws(() => withEmbeddings(grown, { segments: 3 }), /the model has 2 segments already/)
    assert.throws(() => withEmbeddings(backbone, { segments: 0 }), /segments 0: expected a whole number of at least 1/)
  }))
