// Classifiers for tests of exports: the stored models of published families, each with a tokenizer of a few words and a head of fixed values.

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readCheckpoint, writeCheckpoint } from '../hub/checkpoint.js'
import { parameterShapes } from '../models/shapes.js'
import { clfToken } from '../tasks/inputs.js'
import type { Pooling } from '../tasks/pooling.js'
import { trainWordLevel } from '../text/tokenizer/index.js'

const fixtures = fileURLToPath(new URL('../../fixtures/published', import.meta.url))

/** A family's name, and the pooling of the class that transformers has for it. */
export const familyPoolings = [
  ['bert', 'first'],
  ['roberta', 'first'],
  ['distilbert', 'first'],
  ['electra', 'first'],
  ['gpt2', 'last'],
  ['gpt2', 'clf'],
] as const satisfies readonly (readonly [string, Pooling])[]

const words = Array.from({ length: 34 }, (_, i) => `w${i}`)

/** Texts for these classifiers: of different lengths, with a word that no vocabulary has. */
export const familyTexts = ['w3 w17 w5 w30', 'w9', 'w21 w2 strange w11 w8 w8 w1', 'w0 w33']

/** Writes a classifier of three labels. */
export async function writeFamilyClassifier(folder: string, family: string, pooling: Pooling): Promise<void> {
  await using checkpoint = await readCheckpoint(join(fixtures, family))
  const { model } = checkpoint.config
  const tokenizer = await trainWordLevel([words.join(' ')], { vocabulary: 38, minFrequency: 1 })
  if (pooling === 'clf') tokenizer.addTokens([clfToken], { special: true })
  const parameters = []
  for (const [path, shape] of parameterShapes(model)) parameters.push({ path, shape, data: await checkpoint.parameters.get(path)!.read() })
  const labels = ['a', 'b', 'c']
  parameters.push(
    {
      path: 'heads.classification.weight',
      shape: [model.hidden, labels.length],
      data: Float32Array.from({ length: model.hidden * labels.length }, (_, i) => 0.8 * Math.sin(i * i + 1)),
    },
    { path: 'heads.classification.bias', shape: [labels.length], data: Float32Array.of(0.5, -0.25, 0.125) },
  )
  const thaw = { task: 'classification', pooling, mix: false, maxLength: 12 }
  await writeCheckpoint(folder, { config: { model, labels, thaw }, parameters, tokenizer })
}
