import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatCard } from './card.js'

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
  assert.ok(card.includes('      value: 0.91\n      name: "accuracy, mean of 2 seeds"'), card)
  assert.ok(card.includes('| TREC-6 | test | accuracy | 91.0 ± 1.4 % | 2 |\n| WikiText-2 | test | perplexity | 105.25 | 1 |'), card)
  assert.ok(card.includes('    step 0–100: head   rate 1e-3') && card.endsWith('## Limits\n\n- English only\n'), card)
})
