// A toy world for tests of training: labelled questions that a small model learns in a second, and a small random backbone with a tokenizer for them.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Backbone, load } from '../adapt/index.js'
import { writeCheckpoint } from '../hub/checkpoint.js'
import type { TransformerConfig } from '../models/config.js'
import { parameterShapes } from '../models/shapes.js'
import { random } from '../text/random.js'
import { type Tokenizer, trainByteLevelBpe, trainWordPiece } from '../text/tokenizer/index.js'
import { inFolder } from './checkpoints.js'

const nouns = ['river', 'castle', 'king', 'song', 'book', 'ship', 'bridge', 'engine', 'garden', 'planet', 'poem', 'tower']
const openings: Record<string, string[]> = {
  HUM: ['who made the', 'who saw the old', 'which man sold the'],
  LOC: ['where is the', 'where did they put the', 'in which town is the'],
  NUM: ['how many people saw the', 'how old is the', 'what is the price of the'],
}

/** Questions with labels HUM, LOC, NUM, all different up to 36 × 3 of them, in a fixed order. */
export function toyQuestions(n: number, seed = 1): { text: string; label: string; line: number }[] {
  const all = Object.entries(openings).flatMap(([label, starts]) =>
    starts.flatMap((start) => nouns.map((noun) => ({ text: `${start} ${noun} ?`, label }))),
  )
  return random(seed)
    .shuffle(all)
    .slice(0, n)
    .map((question, i) => ({ ...question, line: i + 1 }))
}

/** The same questions with all labels that fit: HUM or LOC (a number is neither), and OLD where the word stands there; some have none, some two. */
export const toyLabelSets = (n: number, seed = 1): { text: string; labels: string[]; line: number }[] =>
  toyQuestions(n, seed).map(({ label, ...question }) => ({
    ...question,
    labels: [...(label === 'NUM' ? [] : [label]), ...(/\bold\b/.test(question.text) ? ['OLD'] : [])],
  }))

/** Rows as a file of JSON lines has them. */
export const jsonLines = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('')

/** A folder for a while with a checkpoint `lm` and so many questions in `train.jsonl`. */
export const inToyWorkplace = (use: (cwd: string) => Promise<void>, questions = 60): Promise<void> =>
  inFolder(async (cwd) => {
    await toyBackbone(join(cwd, 'lm'))
    await writeFile(join(cwd, 'train.jsonl'), jsonLines(toyQuestions(questions)))
    await use(cwd)
  })

/** Running text over the same words. */
export const toyText = (sentences: number, seed = 1): string => {
  const generator = random(seed)
  const words = [...nouns, ...Object.values(openings).flatMap((starts) => starts.join(' ').split(' '))]
  return Array.from({ length: sentences }, () => `${Array.from({ length: 8 }, () => words[generator.integer(words.length)]).join(' ')} .`).join('\n')
}

/** Writes a small random checkpoint into a folder and loads it. */
export async function toyBackbone(
  folder: string,
  overrides: Partial<TransformerConfig> = {},
  extra: Record<string, number[]> = {},
): Promise<Backbone> {
  return writeToy(folder, await trainByteLevelBpe([toyText(100)], { vocabulary: 320 }), overrides, extra)
}

/** One of BERT's shape: bidirectional, two segments, a tokenizer whose template joins pairs as [CLS] … [SEP] … [SEP]. */
export const toyEncoder = async (folder: string, extra: Record<string, number[]> = {}): Promise<Backbone> =>
  writeToy(
    folder,
    await trainWordPiece([toyText(100)], { vocabulary: 120 }),
    { block: 'post', causal: false, activation: 'gelu', segments: 2 },
    extra,
  )

async function writeToy(
  folder: string,
  tokenizer: Tokenizer,
  overrides: Partial<TransformerConfig>,
  extra: Record<string, number[]> = {},
): Promise<Backbone> {
  const config: TransformerConfig = {
    vocabulary: tokenizer.size,
    hidden: 16,
    layers: 2,
    heads: 2,
    inner: 32,
    positions: 24,
    block: 'pre',
    causal: true,
    positionKind: 'learned',
    activation: 'gelu-tanh',
    dropout: 0,
    normEpsilon: 1e-5,
    segments: 0,
    pooler: false,
    ...overrides,
  }
  const generator = random(7)
  const parameters = [...parameterShapes(config), ...Object.entries(extra)].map(([path, shape]) => {
    const length = shape.reduce((a, b) => a * b, 1)
    const value = () => (path.endsWith('norm.weight') ? 1 : path.endsWith('bias') ? 0 : generator.normal() * 0.1)
    return { path, shape, data: Float32Array.from({ length }, value) }
  })
  await writeCheckpoint(folder, { config: { model: config }, parameters, tokenizer })
  return load(folder)
}
