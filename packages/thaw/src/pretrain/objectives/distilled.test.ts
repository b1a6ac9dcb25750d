// Distillation into a masked model: words are aligned across tokenizers, the error falls, a run goes on bit for bit, and nothing of the teacher is kept.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { createExecutor, dim, input } from '@thaw/tensor'
import { readCheckpoint } from '../../hub/checkpoint.js'
import { loadInto } from '../../hub/load-into.js'
import { parameterShapes } from '../../models/shapes.js'
import { transformer } from '../../models/transformer.js'
import { Scope } from '../../nn/scope.js'
import { inFolder } from '../../testing/checkpoints.js'
import { toyText } from '../../testing/toy.js'
import { loadTokenizer } from '../../text/tokenizer/index.js'
import { type PretrainEvent, type PretrainOptions, pretrain } from '../pretrain.js'
import type { PretrainSettings } from '../settings.js'
import { loadTeacher } from '../teacher.js'

const shape = { layers: 2, heads: 2, inner: 32, positions: 40 }
const common: Partial<PretrainSettings> = { objective: 'masked', size: 'nano', documents: 'line', batch: 8, time: 16, rate: 3e-3, seed: 1 }

/** A folder with a text and a teacher that was trained on it, whose words are cut otherwise than the pupil's. */
const withTeacher = (use: (root: string, teacher: string) => Promise<void>) =>
  inFolder(async (root) => {
    await writeFile(join(root, 'text.txt'), toyText(300))
    const teacher = join(root, 'teacher')
    await pretrain(
      { ...common, text: [join(root, 'text.txt')], config: { hidden: 24, ...shape }, vocabulary: 60, steps: 30 },
      { out: teacher, threads: 1 },
    )
    await use(root, teacher)
  })

const pupil = (root: string, out: string, settings: Partial<PretrainSettings>, options: Partial<PretrainOptions> = {}) =>
  pretrain(
    { ...common, text: [join(root, 'text.txt')], config: { hidden: 16, ...shape }, vocabulary: 300, ...settings },
    { out: join(root, out), threads: 1, ...options },
  )

test("a word's vector is the mean of the teacher's pieces, standardised and averaged over its upper layers", () =>
  withTeacher(async (root, teacher) => {
    await pupil(root, 'pupil', { steps: 1 })
    const tokenizer = await loadTokenizer(join(root, 'pupil'))
    await using executor = await createExecutor({ threads: 1 })
    const { vectors } = await loadTeacher(teacher, tokenizer, executor)
    const text = toyText(1).trim()
    const ids = Int32Array.from(tokenizer.encode(text).ids)
    const { values, told } = await vectors([ids, ids])

    const theirs = await loadTokenizer(teacher)
    const { ids: pieces, offsets } = theirs.encode(text)
    assert.notEqual(pieces.length, ids.length)
    const layers = await hiddenStates(teacher, pieces)
    const upper = standardised(layers.at(-1)!, 24) // of two layers the upper half is one
    const own = tokenizer.encode(text)
    let words = 0
    own.offsets.forEach(([from], at) => {
      const begins = text.slice(from).match(/^\w+|^[^\w\s]/)
      const first = !own.specials[at] && begins && (from === 0 || !/\w/.test(text[from - 1]!) || !/\w/.test(begins[0]))
      assert.equal(told[at], first ? 1 : 0, `token ${at} of ${own.tokens.join(' ')}`)
      if (!first) return
      words++
      const inside = [...offsets.keys()].filter((i) => offsets[i]![1] > from && offsets[i]![0] < from + begins[0].length)
      for (let k = 0; k < 24; k++) {
        const mean = inside.reduce((sum, i) => sum + upper[i * 24 + k]!, 0) / inside.length
        assert.ok(Math.abs(values[at * 24 + k]! - mean) < 1e-4)
        assert.equal(values[(ids.length + at) * 24 + k], values[at * 24 + k], 'the second window is the same')
      }
    })
    assert.ok(words > 3)
  }))

async function hiddenStates(folder: string, ids: ArrayLike<number>): Promise<Float32Array[]> {
  await using checkpoint = await readCheckpoint(folder)
  await using executor = await createExecutor({ threads: 1 })
  const { model } = checkpoint.config
  const shapes = parameterShapes(model)
  const params = await executor.store('params')
  await params.declare([...shapes].map(([path, of]) => ({ path, shape: of, dtype: 'f32' })))
  for (const [path, values] of (await loadInto(checkpoint, shapes)).data) await params.write(path, values)
  const { layers } = transformer(new Scope(), model, { ids: input('ids', [dim('batch'), dim('time')], 'i32') })
  const program = await executor.compile({ outputs: Object.fromEntries(layers.map((layer, n) => [`layer${n}`, layer])) })
  const { outputs } = await program.bind({ params }).run({ feeds: { ids: { data: Int32Array.from(ids), shape: [1, ids.length] } } })
  return layers.map((_, n) => outputs[`layer${n}`]!.data as Float32Array)
}

function standardised(rows: Float32Array, width: number): Float32Array {
  const result = rows.slice()
  for (let at = 0; at < rows.length; at += width) {
    const row = result.subarray(at, at + width)
    const mean = row.reduce((a, b) => a + b) / width
    const deviation = Math.sqrt(row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / width + 1e-6)
    for (const [k, x] of row.entries()) row[k] = (x - mean) / deviation
  }
  return result
}

test("token embeddings start from the teacher's vectors of single words", () =>
  withTeacher(async (root, teacher) => {
    const events: PretrainEvent[] = []
    await pupil(root, 'pupil', { teacher, steps: 1 }, { onEvent: (event) => events.push(event) })
    const { size, tokenToId, special } = await loadTokenizer(join(root, 'pupil'))
    const vectors = events.find((event) => event.kind === 'vectors')!
    const pieces = [...Array(size).keys()].filter((id) => Object.values(special).every((token) => token.id !== id)).length
    assert.deepEqual([vectors.of, vectors.dimensions], [size, 24])
    assert.ok(vectors.found > 20 && vectors.found < pieces, `${vectors.found} of ${pieces}`)
    await using checkpoint = await readCheckpoint(join(root, 'pupil'))
    const table = await checkpoint.parameters.get('embeddings.token.weight')!.read()
    const norm = (word: string) => Math.hypot(...table.slice(tokenToId(word)! * 16, (tokenToId(word)! + 1) * 16))
    assert.ok(norm('the') > 3 * norm('[MASK]'), 'from vectors with a deviation of 0.1, not at random with 0.02')
  }))

test("the error to the teacher's vectors falls, a stopped run goes on bit for bit, and the checkpoint holds the model alone", () =>
  withTeacher(async (root, teacher) => {
    const errors: number[] = []
    const onEvent = (event: PretrainEvent) => {
      if (event.kind === 'step') errors.push(event.outputs!.teacherLoss!)
    }
    await pupil(root, 'whole', { teacher, steps: 60 }, { onEvent })
    const mean = (list: number[]) => list.reduce((a, b) => a + b) / list.length
    assert.ok(mean(errors.slice(-10)) < 0.6 * mean(errors.slice(0, 10)), `errors ${errors.slice(0, 10)} … ${errors.slice(-10)}`)

    const controller = new AbortController()
    const stopping = (event: PretrainEvent) => {
      onEvent(event)
      if (event.kind === 'step' && event.step === 30) controller.abort()
    }
    const before = errors.splice(0)
    await pupil(root, 'cut', { teacher, steps: 60 }, { onEvent: stopping, signal: controller.signal })
    await pupil(root, 'cut', {}, { onEvent, resume: true })
    assert.deepEqual(errors, before)

    await using checkpoint = await readCheckpoint(join(root, 'whole'))
    assert.deepEqual(
      [...checkpoint.parameters.keys()].filter((path) => path.includes('teacher')),
      [],
    )
  }))

test('what cannot teach is refused', () =>
  withTeacher(async (root, teacher) => {
    await assert.rejects(pupil(root, 'x', { teacher, objective: 'causal', steps: 1 }), {
      message: 'teacher: goes with the objective masked, without next sentences; here the objective is causal',
    })
    await assert.rejects(pupil(root, 'x', { teacher, nextSentence: true, steps: 1 }), {
      message: 'teacher: goes with the objective masked, without next sentences; here the objective is masked with next sentences',
    })
    await pupil(root, 'causal', { objective: 'causal', steps: 1 })
    const causal = join(root, 'causal')
    await assert.rejects(pupil(root, 'y', { teacher: causal, steps: 1 }), {
      message: `teacher ${causal}: a causal model, which reads one side of a word only; take an encoder (BERT's form)`,
    })
  }))
