import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Example } from './example.js'
import { countLabels, likelySlips, unifySpellings, withSpellings } from './label-spellings.js'

const examples = (...labels: string[]): Example[] => labels.map((label, i) => ({ text: `text ${i}`, label, line: i + 1 }))
const labelsOf = (some: readonly Example[]) => some.map(({ label }) => label)

test('spellings that differ by case, spaces or Unicode form become the most frequent one', () => {
  const { examples: unified, respelled } = unifySpellings(
    examples('bug', 'Bug', 'BUG', 'Bug', 'new order', 'New  Order', 'caf\u00e9', 'cafe\u0301', 'x'),
  )
  assert.deepEqual(labelsOf(unified), ['Bug', 'Bug', 'Bug', 'Bug', 'New  Order', 'New  Order', 'cafe\u0301', 'cafe\u0301', 'x'])
  assert.deepEqual(respelled[0], {
    label: 'Bug',
    others: [
      { label: 'BUG', examples: 1 },
      { label: 'bug', examples: 1 },
    ],
  })
  assert.deepEqual(unifySpellings(examples('a', 'b')).respelled, [])
})

test('labels are given the spelling of known ones; exact ones and strangers stay', () => {
  assert.deepEqual(labelsOf(withSpellings(examples('us', 'US', 'uk', 'fr'), ['US', 'us', 'UK'])), ['us', 'US', 'UK', 'fr'])
})

test('rare labels one edit from a frequent one are likely slips', () => {
  const frequent = ['billing', 'shipping', 'class 1', 'cat'].flatMap((label) => Array<string>(20).fill(label))
  const counts = countLabels(examples(...frequent, 'biling', 'billlng', 'iblling', 'shippings', 'class 2', 'car', 'returns'))
  assert.deepEqual(likelySlips(counts), [
    { label: 'biling', meant: 'billing' },
    { label: 'billlng', meant: 'billing' },
    { label: 'iblling', meant: 'billing' },
    { label: 'shippings', meant: 'shipping' },
  ])
})
