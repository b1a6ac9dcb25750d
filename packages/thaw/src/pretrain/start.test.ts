import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type Backbone, load } from '../adapt/index.js'
import { inFolder } from '../testing/checkpoints.js'
import { toyText } from '../testing/toy.js'
import { type PretrainEvent, type PretrainOptions, pretrain } from './pretrain.js'
import type { PretrainSettings } from './settings.js'

const tiny: Partial<PretrainSettings> = {
  size: 'nano',
  config: { hidden: 16, layers: 1, heads: 2, inner: 32, positions: 16 },
  vocabulary: 300,
  documents: 'line',
  batch: 4,
  rate: 3e-3,
  steps: 20,
}

const run = async (root: string, out: string, settings: Partial<PretrainSettings>, options: Partial<PretrainOptions> = {}) => {
  const events: PretrainEvent[] = []
  const report = await pretrain(
    { text: [join(root, 'text.txt')], ...settings },
    { out: join(root, out), threads: 1, onEvent: (event) => events.push(event), ...options },
  )
  const losses = events.flatMap((event) => (event.kind === 'step' ? [event.loss] : []))
  return {
    report,
    events,
    losses,
    at: <K extends PretrainEvent['kind']>(kind: K) => events.find((event) => event.kind === kind) as Extract<PretrainEvent, { kind: K }> | undefined,
  }
}

const withText = (use: (root: string) => Promise<void>) =>
  inFolder(async (root) => {
    await writeFile(join(root, 'text.txt'), toyText(300))
    await use(root)
  })

describe('pretraining that goes on from a checkpoint', () => {
  test('begins where the checkpoint ended, with its model and tokenizer, also when it is killed before its first save', () =>
    withText(async (root) => {
      const first = await run(root, 'first', tiny)
      const second = await run(root, 'second', { from: join(root, 'first'), batch: 4, documents: 'line', rate: 3e-3, steps: 20 })
      assert.equal(second.at('loaded')!.report.missing.length, 0)
      assert.deepEqual(second.at('model')!.config, first.at('model')!.config)
      assert.equal(second.at('tokenizer')!.trained, false)
      assert.ok(second.losses[0]! < first.losses[0]! - 0.3, `first loss ${second.losses[0]}, the other run's ${first.losses[0]}`)
      assert.ok(second.report.validation!.perToken < first.report.validation!.perToken)
      // a killed run: stopped at its plan, with the state that it then saves taken away
      const controller = new AbortController()
      const settings = { from: join(root, 'first'), batch: 4, documents: 'line', rate: 3e-3, steps: 20 } as const
      const onEvent = (event: PretrainEvent) => {
        if (event.kind === 'corpus') throw new Error('killed')
      }
      await assert.rejects(run(root, 'third', settings, { onEvent, signal: controller.signal }), { message: 'killed' })
      await rm(join(root, 'first'), { recursive: true })
      const third = await run(root, 'third', {}, { resume: true })
      assert.deepEqual(third.losses, second.losses)
    }))

  test('a causal checkpoint can become a masked model: it reads both sides from then on', () =>
    withText(async (root) => {
      await run(root, 'first', tiny)
      const from = join(root, 'first')
      const second = await run(root, 'second', { from, objective: 'masked', batch: 4, documents: 'line', steps: 2 })
      assert.equal(second.at('model')!.config.causal, false)
      const { missing, extended } = second.at('loaded')!.report
      assert.ok(missing.every((path) => path.startsWith('heads.mlm.')))
      assert.deepEqual(extended, [{ path: 'embeddings.token.weight', from: 300, to: 301 }])
      assert.equal((await load(join(root, 'second'))).config.causal, false)
    }))

  test('refuses what contradicts the checkpoint', () =>
    withText(async (root) => {
      await run(root, 'first', { ...tiny, steps: 1 })
      const from = join(root, 'first')
      await run(root, 'both-sides', { ...tiny, objective: 'masked', steps: 1 })
      await assert.rejects(run(root, 'x', { from: join(root, 'both-sides'), steps: 1 }), {
        message: `from ${join(root, 'both-sides')}: a bidirectional model; give it the objective masked or replaced, not causal`,
      })
      await assert.rejects(run(root, 'x', { from, config: { layers: 2 }, steps: 1 }), {
        message: 'from: a checkpoint brings its own configuration, tokenizer and embeddings; leave out config, tokenizer and vectors',
      })
      await assert.rejects(run(root, 'x', { from, time: 99, steps: 1 }), /time 99: the model has 16 positions/)
    }))
})

describe('embeddings that start from word vectors', () => {
  const vectors = ['river 1 2 3', 'castle -1 0 2', 'the 4 4 4', 'king 0 -2 1', 'unheard-of 9 9 9'].join('\n')
  const table = ({ parameters, tokenizer }: Backbone) => {
    const { data, shape } = parameters.get('embeddings.token.weight')!
    return (word: string) => data.slice(tokenizer.tokenToId(word)! * shape[1]!, (tokenizer.tokenToId(word)! + 1) * shape[1]!)
  }
  const cosine = (a: Float32Array, b: Float32Array) => {
    const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0)
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
  }

  test('words get their vectors, projected and scaled together; the rest stays as it was', () =>
    withText(async (root) => {
      await writeFile(join(root, 'vectors.txt'), vectors)
      const settings = { ...tiny, objective: 'masked', config: { ...tiny.config, hidden: 256 }, steps: 1, rate: 1e-12 } as const
      await run(root, 'plain', settings)
      const plain = table(await load(join(root, 'plain')))
      const { at } = await run(root, 'started', { ...settings, vectors: join(root, 'vectors.txt'), vectorsStd: 0.5 })
      assert.deepEqual(at('vectors'), { kind: 'vectors', found: 4, of: at('tokenizer')!.size, dimensions: 3 })
      const row = table(await load(join(root, 'started')))
      const rows = ['river', 'castle', 'the', 'king'].map(row)
      const squares = rows.flatMap((values) => [...values]).reduce((sum, x) => sum + x * x, 0)
      assert.ok(Math.abs(Math.sqrt(squares / (4 * 256)) - 0.5) < 1e-4)
      // angles of the centred vectors, nearly: the mean is (1, 1, 2.5)
      assert.ok(Math.abs(cosine(rows[0]!, rows[2]!) - 3.75 / Math.sqrt(1.25 * 20.25)) < 0.2)
      assert.ok(Math.abs(cosine(rows[1]!, rows[2]!) + 9.75 / Math.sqrt(5.25 * 20.25)) < 0.2)
      assert.deepEqual(row('book'), plain('book'))
      assert.notDeepEqual(row('river'), plain('river'))
    }))

  test('a file that holds no vectors is refused with its line', () =>
    withText(async (root) => {
      const file = join(root, 'vectors.txt')
      const started = async (text: string) => {
        await writeFile(file, text)
        return run(root, 'x', { ...tiny, objective: 'masked', vectors: file, steps: 1 })
      }
      await assert.rejects(started('river 1 2\ncastle 1 2 3'), {
        message: `${file}:2: expected a word and 2 numbers, as GloVe's text files have, found 3 after "castle"`,
      })
      await assert.rejects(started('2 3\nriver 1 x 2'), { message: `${file}:2: "x" is no number (value 2 of "river")` })
      await assert.rejects(started('fluss 1 2 3'), {
        message: `${file}: no word of it is in the tokenizer's vocabulary; are these vectors of another language?`,
      })
    }))
})

test('Muon trains the matrices of the layers, resumes bit for bit, and differs from AdamW', () =>
  withText(async (root) => {
    const settings = { ...tiny, optimizer: 'muon', steps: 12 } as const
    const whole = await run(root, 'whole', settings)
    const controller = new AbortController()
    const stop = (event: PretrainEvent) => {
      if (event.kind === 'step' && event.step === 5) controller.abort()
    }
    await run(root, 'parts', settings, { signal: controller.signal, onEvent: stop })
    const second = await run(root, 'parts', {}, { resume: true })
    assert.deepEqual(second.losses, whole.losses.slice(5))
    assert.notDeepEqual((await run(root, 'adamw', { ...settings, optimizer: 'adamw' })).losses, whole.losses)
    assert.ok(whole.losses.at(-1)! < whole.losses[0]!, `${whole.losses}`)
    assert.equal(JSON.parse(await readFile(join(root, 'whole/training/run.json'), 'utf8')).optimizer, 'muon')
  }))
