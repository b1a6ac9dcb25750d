// What a published encoder makes of each word of a text, as targets for a model with a tokenizer of its own: words are aligned, not tokens.

import { dim, type Executor, input, ops } from '@thaw/tensor'
import { readCheckpoint } from '../hub/checkpoint.js'
import { loadInto } from '../hub/load-into.js'
import { parameterShapes } from '../models/shapes.js'
import { transformer } from '../models/transformer.js'
import { standardised } from '../nn/layers.js'
import { Scope } from '../nn/scope.js'
import { loadTokenizer, type Tokenizer } from '../text/tokenizer/index.js'
import { wordJoiner } from '../text/word-joiner.js'
import { wordIds } from './word-vectors.js'

export interface WordVectors {
  /** [windows, tokens of a window, width]; a word's vector stands at its first token, the rest is 0. */
  values: Float32Array
  /** [windows, tokens of a window]: 1 where a vector stands. */
  told: Float32Array
}

export interface Teacher {
  /** Of windows of the pupil's ids, all of one length. */
  vectors(windows: readonly Int32Array[]): Promise<WordVectors>
}

/** The teacher's width. @throws where the folder is no encoder that reads both sides */
export async function teacherWidth(folder: string): Promise<number> {
  await using checkpoint = await readCheckpoint(folder)
  const { model } = checkpoint.config
  if (model.causal) throw new Error(`teacher ${folder}: a causal model, which reads one side of a word only; take an encoder (BERT's form)`)
  return model.hidden
}

/** The share of the layers, counted from the top, whose outputs are averaged: the upper half does best in data2vec (Baevski et al. 2022, table 4). */
const topShare = 1 / 2

/**
 * Loads a teacher. A word's vector is the mean over the teacher's pieces of it and over the upper half of the teacher's layers, each layer's output
 * standardised over its width first, so that no layer outweighs the others (data2vec: Baevski et al. 2022, section 3.3).
 */
export async function loadTeacher(folder: string, pupil: Tokenizer, executor: Executor): Promise<Teacher> {
  const tokenizer = await loadTokenizer(folder)
  await using checkpoint = await readCheckpoint(folder)
  const { model } = checkpoint.config
  const params = await executor.store('teacher')
  const shapes = parameterShapes(model)
  await params.declare([...shapes].map(([path, shape]) => ({ path, shape, dtype: 'f32' })))
  const { report, data } = await loadInto(checkpoint, shapes)
  if (report.missing.length > 0) throw new Error(`teacher ${folder}: no values for ${report.missing.slice(0, 3).join(', ')}; is it an encoder?`)
  for (const [path, values] of data) await params.write(path, values)

  const shape = [dim('windows'), dim('length')]
  const visible = input('visible', shape, 'bool')
  const scope = new Scope({ namespaceOf: () => 'teacher' })
  const { layers } = transformer(scope, model, { ids: input('ids', shape, 'i32'), visible })
  const top = layers.slice(-Math.max(1, Math.round(model.layers * topShare))).map((rows) => standardised(rows, 1e-6))
  const hidden = ops.div(
    top.reduce((a, b) => ops.add(a, b)),
    top.length,
  )
  const program = await executor.compile({ outputs: { hidden } }, { constants: { teacher: params }, inference: true })
  const words = wordCutter(pupil, tokenizer)

  return {
    async vectors(windows) {
      const rows = windows.map((window) => row(words(window), tokenizer, model.positions))
      const length = Math.max(...rows.map(({ ids }) => ids.length))
      const feeds = { ids: new Int32Array(rows.length * length), visible: new Uint8Array(rows.length * length) }
      rows.forEach(({ ids }, r) => {
        feeds.ids.set(ids, r * length)
        feeds.visible.fill(1, r * length, r * length + ids.length)
      })
      const of = [rows.length, length]
      const { outputs } = await program.bind({}).run({ feeds: { ids: { data: feeds.ids, shape: of }, visible: { data: feeds.visible, shape: of } } })
      return means(rows, length, outputs.hidden!.data as Float32Array, windows[0]!.length, model.hidden)
    },
  }
}

/** Vectors of words by themselves, for the start of the pupil's embeddings: by the ids that stand for a whole word. */
export async function teacherVectors(folder: string, pupil: Tokenizer, executor: Executor): Promise<Map<number, Float32Array>> {
  const width = await teacherWidth(folder)
  const teacher = await loadTeacher(folder, pupil, executor)
  const ids = [...wordIds(pupil).values()].flat()
  const vectors = new Map<number, Float32Array>()
  for (let at = 0; at < ids.length; at += wordsAtOnce) {
    const some = ids.slice(at, at + wordsAtOnce)
    const { values, told } = await teacher.vectors(some.map((id) => Int32Array.of(id)))
    some.forEach((id, i) => {
      if (told[i] === 1) vectors.set(id, values.slice(i * width, (i + 1) * width))
    })
  }
  return vectors
}

const wordsAtOnce = 256

interface Word {
  /** Index of the first of the pupil's tokens. */
  at: number
  /** The teacher's ids. */
  ids: readonly number[]
}

/** Cuts windows of the pupil's ids into words, and these into the teacher's pieces. Special tokens are no words. */
function wordCutter(pupil: Tokenizer, teacher: Tokenizer): (window: Int32Array) => Word[] {
  const joins = wordJoiner(pupil)
  const special = new Set(Object.values(pupil.special).map(({ id }) => id))
  const known = new Map<string, readonly number[]>()
  const spelt = (ids: readonly number[]) => {
    const key = ids.join()
    let pieces = known.get(key)
    if (!pieces) known.set(key, (pieces = Array.from(teacher.encode(pupil.decode(ids).trim(), { special: false }).ids)))
    return pieces
  }
  return (window) => {
    const words: { at: number; own: number[] }[] = []
    window.forEach((id, at) => {
      if (special.has(id)) return
      const last = words.at(-1)
      if (last && last.at + last.own.length === at && joins(window[at - 1]!, id)) last.own.push(id)
      else words.push({ at, own: [id] })
    })
    return words.map(({ at, own }) => ({ at, ids: spelt(own) }))
  }
}

interface Row {
  ids: number[]
  /** Where the pupil has a word, and where the teacher has its pieces. */
  words: { at: number; from: number; to: number }[]
}

/** A teacher's row with its special tokens; words that do not fit into its positions are left out. */
function row(words: readonly Word[], { special: { cls, sep } }: Tokenizer, positions: number): Row {
  const ids = cls ? [cls.id] : []
  const places: Row['words'] = []
  for (const word of words) {
    if (ids.length + word.ids.length + 1 > positions) break
    if (word.ids.length > 0) places.push({ at: word.at, from: ids.length, to: ids.length + word.ids.length })
    ids.push(...word.ids)
  }
  return { ids: sep ? [...ids, sep.id] : ids, words: places }
}

function means(rows: readonly Row[], length: number, hidden: Float32Array, time: number, width: number): WordVectors {
  const values = new Float32Array(rows.length * time * width)
  const told = new Float32Array(rows.length * time)
  rows.forEach(({ words }, r) => {
    for (const { at, from, to } of words) {
      const target = r * time + at
      told[target] = 1
      for (let piece = from; piece < to; piece++) {
        const source = (r * length + piece) * width
        for (let k = 0; k < width; k++) values[target * width + k]! += hidden[source + k]! / (to - from)
      }
    }
  })
  return { values, told }
}
