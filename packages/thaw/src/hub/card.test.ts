import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cardFacts, formatCard } from './card.js'

test('a card says the same to machines and to people', () => {
  const card = formatCard({
    name: 'trec "small"',
    summary: 'Question classification.',
    pipeline: 'text-classification',
    licence: 'cc-by-sa-3.0',
    languages: ['en'],
    base: 'me/wiki-masked',
    results: [
      { dataset: 'TREC-6', split: 'test', metric: 'accuracy', values: [0.9, 0.92] },
      { dataset: 'STS-B', split: 'test', metric: 'Pearson', values: [0.87, 0.89] },
      { dataset: 'WikiText-2', split: 'test', metric: 'perplexity', values: [105.25] },
    ],
    recipe: ['step 0–100: head   rate 1e-3'],
    command: 'thaw adapt wiki-masked --train train.jsonl --out trec',
    limits: ['English only'],
  })
  assert.ok(
    card.startsWith(
      '---\nlibrary_name: thaw\nlicense: "cc-by-sa-3.0"\nlanguage: ["en"]\npipeline_tag: "text-classification"\nbase_model: "me/wiki-masked"\n',
    ),
    card,
  )
  assert.ok(card.includes('- name: "trec \\"small\\""'), card)
  assert.ok(card.includes('      value: 0.91\n      name: "accuracy, mean of 2 seeds, deviation 0.0141"'), card)
  assert.ok(
    card.includes(
      '| TREC-6 | test | accuracy | 91.0 ± 1.4 % | 2 |\n| STS-B | test | Pearson | 0.880 ± 0.014 | 2 |\n| WikiText-2 | test | perplexity | 105.25 | 1 |',
    ),
    card,
  )
  assert.ok(card.includes('    - type: "pearson"\n'), card)
  assert.ok(card.includes('    step 0–100: head   rate 1e-3') && card.endsWith('## Limits\n\n- English only\n'), card)
})

test('what the card of a base says for machines is read again, however it is written', () => {
  assert.deepEqual(cardFacts(formatCard({ name: 'x', summary: 'y', licence: 'mit', languages: ['de', 'en'] })), {
    licence: 'mit',
    languages: ['de', 'en'],
  })
  assert.deepEqual(cardFacts('---\r\nlanguage:\r\n- en\r\n- fr\r\nlicense: apache-2.0\r\ntags:\r\n- x\r\n---\r\n'), {
    licence: 'apache-2.0',
    languages: ['en', 'fr'],
  })
  assert.deepEqual(cardFacts("---\nlanguage: 'en'\n---\nlicense: none"), { languages: ['en'] })
  assert.deepEqual(cardFacts('# no header\nlicense: mit'), {})
})

test('a base that is a folder and no name on a hub stands in the text alone', () => {
  const card = formatCard({ name: 'x', summary: 'y', base: './checkpoints/wiki' })
  assert.ok(!card.includes('base_model') && card.includes('Adapted from `./checkpoints/wiki`.'), card)
})
