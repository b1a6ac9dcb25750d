// Encodings of Python's `tokenizers` 0.23.3 on small vocabularies of every kind and difficult texts (fixtures/python.json).
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { checkTokenizerJson } from './json.js'
import { createTokenizer } from './tokenizer.js'

interface Fixture {
  name: string
  json: object
  cases: { text: string; ids: number[]; offsets: [number, number][]; decoded: string }[]
  pair: { texts: [string, string]; maxLength: number; ids: number[]; segments: number[] }
}

const fixtures = JSON.parse(readFileSync(new URL('../../../src/text/tokenizer/fixtures/python.json', import.meta.url), 'utf8')) as Fixture[]

for (const { name, json, cases, pair } of fixtures) {
  const tokenizer = createTokenizer(checkTokenizerJson(json, name))
  test(`${name}: ids, offsets and decoded text are Python's`, () => {
    for (const { text, ids, offsets, decoded } of cases) {
      const encoding = tokenizer.encode(text)
      assert.deepEqual(encoding.ids, ids, JSON.stringify(text))
      assert.equal(tokenizer.decode(ids), decoded, JSON.stringify(text))
      assert.deepEqual(encoding.offsets, offsets, JSON.stringify(text))
    }
  })
  test(`${name}: the corpus path gives the ids of encode`, () => {
    for (const { text } of cases) assert.deepEqual([...tokenizer.ids(text)], tokenizer.encode(text, { special: false }).ids)
  })
  test(`${name}: a truncated pair is Python's`, () => {
    const encoding = tokenizer.encode(pair.texts[0], { pair: pair.texts[1], maxLength: pair.maxLength })
    assert.deepEqual(encoding.ids, pair.ids)
    assert.deepEqual(encoding.segments, pair.segments)
  })
}
