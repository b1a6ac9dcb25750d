import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sameText } from '../data/index.js'
import { type DemoDataSizes, demoData, entriesOfALabel } from './data.js'
import { freshTexts, fullPlan } from './settings.js'
import { type Gloss, readGlosses, wordnetFolder } from './wordnet.js'

const glosses = await readGlosses(wordnetFolder())
const sizes: DemoDataSizes = { ...fullPlan.data, seeds: 3 }
const data = demoData(glosses, sizes, 1)
const key = (text: string) => sameText({ text })

test('no labelled definition, nor a duplicate of one, is in the pretraining text', () => {
  const labelled = new Set([...data.train.flat(), ...data.valid, ...data.test].map(sameText))
  const definitions = new Map<string, string[]>()
  for (const { text, definition } of glosses) definitions.set(text, [...(definitions.get(text) ?? []), key(definition)])
  for (const text of data.text) for (const definition of definitions.get(text)!) assert.ok(!labelled.has(definition), text)
  // the same without knowing how a gloss is taken apart: neither a whole line nor what stands before its examples
  for (const text of data.text) {
    assert.ok(!labelled.has(key(text)), text)
    assert.ok(!labelled.has(key(text.split(/[;:] ?"/)[0]!)), text)
  }
  // and it is all the rest
  const excluded = glosses.filter(({ definition }) => labelled.has(key(definition))).length
  assert.equal(data.text.length, glosses.length - excluded)
  assert.ok(excluded >= labelled.size && excluded < 1.2 * labelled.size, `${excluded} of ${labelled.size}`)
})

test('training, validation and test share no text; each has every text once', () => {
  const common = (a: Set<string>, b: Set<string>) => [...a].filter((text) => b.has(text)).length
  const test = new Set(data.test.map(sameText))
  const valid = new Set(data.valid.map(sameText))
  assert.equal(test.size, sizes.test)
  assert.equal(valid.size, sizes.valid)
  assert.equal(common(test, valid), 0)
  for (const sample of data.train) {
    const train = new Set(sample.map(sameText))
    assert.equal(train.size, sizes.train)
    assert.equal(common(train, test) + common(train, valid), 0)
  }
  assert.notDeepEqual(data.train[0], data.train[1])
})

test('labels are the large noun categories, in natural proportions', () => {
  const entries = byCategory(glosses)
  const large = [...entries].filter(([name, { length }]) => name.startsWith('noun.') && length >= entriesOfALabel)
  assert.deepEqual(data.labels, large.map(([name]) => name.replace('noun.', '')).sort())
  const all = large.reduce((sum, [, { length }]) => sum + length, 0)
  for (const label of data.labels) {
    const share = entries.get(`noun.${label}`)!.length / all
    const found = data.test.filter((example) => example.label === label).length / sizes.test
    assert.ok(Math.abs(found - share) < 0.02, `${label}: ${found}, expected about ${share}`)
  }
})

test('a function of the seed; the text is in no order that tells categories', () => {
  const small = glosses.filter((_, i) => i % 20 === 0)
  const some = (seed: number) => demoData(repeatedly(small, entriesOfALabel), { train: 40, valid: 30, test: 50, seeds: 2 }, seed)
  assert.deepEqual(some(1), some(1))
  assert.notDeepEqual(some(1).test, some(2).test)
  const categoryOf = new Map(glosses.map(({ text, category }) => [text, category]))
  const neighbours = data.text.slice(1).filter((text, i) => categoryOf.get(text) === categoryOf.get(data.text[i]!)).length
  assert.ok(neighbours < 0.1 * data.text.length, `${neighbours} neighbours of one category`)
})

test('a definition that stands in two categories is in no labelled set', () => {
  const twice = data.test[0]!
  const other = twice.label === 'act' ? 'noun.food' : 'noun.act'
  const disturbed: Gloss[] = [...glosses, { definition: twice.text.toUpperCase(), text: twice.text, category: other }]
  const again = demoData(disturbed, sizes, 1)
  for (const example of [...again.test, ...again.valid, ...again.train.flat()]) assert.notEqual(sameText(example), sameText(twice))
})

test('the fresh texts are not from WordNet, their categories are', () => {
  const known = new Set(glosses.flatMap(({ definition, text }) => [key(definition), key(text)]))
  for (const { text, truth } of freshTexts) {
    assert.ok(!known.has(key(text)), text)
    assert.ok(data.labels.includes(truth), truth)
  }
})

/** The glosses with copies that differ, until each noun category that is there is large. */
function repeatedly(some: readonly Gloss[], times: number): Gloss[] {
  const categories = [...byCategory(some)].filter(([name]) => name === 'noun.food' || name === 'noun.body')
  return categories.flatMap(([, entries]) =>
    Array.from({ length: times }, (_, i) => {
      const { category, definition, text } = entries[i % entries.length]!
      return { category, definition: `${definition} ${i}`, text: `${text} ${i}` }
    }),
  )
}

function byCategory(some: readonly Gloss[]): Map<string, Gloss[]> {
  const groups = new Map<string, Gloss[]>()
  for (const gloss of some) {
    const group = groups.get(gloss.category)
    if (group) group.push(gloss)
    else groups.set(gloss.category, [gloss])
  }
  return groups
}
