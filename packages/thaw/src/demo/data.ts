// What the demo learns from: few labelled definitions a seed, one validation and one test set, and the text for pretraining, which contains no
// labelled definition and none that reads the same. WordNet's order follows its categories, so the text is shuffled: order would tell labels.

import { type Example, sameText, subset } from '../data/index.js'
import { hash, random } from '../text/random.js'
import type { Gloss } from './wordnet.js'

export type LabelledDefinition = Example & { label: string }

export interface DemoData {
  /** Sorted. */
  labels: string[]
  /** Labelled definitions to train on, one sample a seed. Samples may overlap. */
  train: LabelledDefinition[][]
  valid: LabelledDefinition[]
  test: LabelledDefinition[]
  /** Glosses, one a document. */
  text: string[]
}

export interface DemoDataSizes {
  /** Labelled definitions to train on. */
  train: number
  valid: number
  test: number
  /** How many samples to train on. */
  seeds: number
}

/** The noun categories with at least so many entries are the labels: no choice by hand, and enough entries each. */
export const entriesOfALabel = 2000

/** Chooses labelled samples, stratified (natural proportions), and the text; a function of the seed. */
export function demoData(glosses: readonly Gloss[], sizes: DemoDataSizes, seed: number): DemoData {
  const candidates = labelledDefinitions(glosses)
  const test = subset(candidates, sizes.test, hash(seed, 0))
  let rest = without(candidates, test)
  const valid = subset(rest, sizes.valid, hash(seed, 1))
  rest = without(rest, valid)
  const train = Array.from({ length: sizes.seeds }, (_, sample) => subset(rest, sizes.train, hash(seed, 2, sample)))
  const labelled = new Set([...test, ...valid, ...train.flat()].map(sameText))
  const text = glosses.filter(({ definition }) => !labelled.has(sameText({ text: definition }))).map(({ text }) => text)
  return {
    labels: [...new Set(candidates.map(({ label }) => label))].sort(),
    train,
    valid,
    test,
    text: random(hash(seed, 3)).shuffle(text),
  }
}

/** Definitions of the large noun categories, each text once; those that stand in two categories are left out. */
function labelledDefinitions(glosses: readonly Gloss[]): LabelledDefinition[] {
  const counts = new Map<string, number>()
  for (const { category } of glosses) counts.set(category, (counts.get(category) ?? 0) + 1)
  const byText = new Map<string, LabelledDefinition | undefined>()
  glosses.forEach(({ definition, category }, i) => {
    const example = { text: definition, label: category.replace('noun.', ''), line: i + 1 }
    const key = sameText(example)
    const known = byText.has(key)
    const other = byText.get(key)
    byText.set(key, known && other?.label !== example.label ? undefined : (other ?? example))
  })
  return [...byText.values()].filter(
    (example) => example !== undefined && (counts.get(`noun.${example.label}`) ?? 0) >= entriesOfALabel,
  ) as LabelledDefinition[]
}

function without<E>(all: readonly E[], some: readonly E[]): E[] {
  const gone = new Set(some)
  return all.filter((example) => !gone.has(example))
}
