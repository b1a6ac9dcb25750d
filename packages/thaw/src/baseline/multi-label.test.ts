import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tfidfMultiLabel } from './multi-label.js'

test('each label is learnt by itself; one that all have, or none, stays so', () => {
  const things = ['the river', 'a castle', 'my king', 'that song', 'the bridge', 'our garden']
  const train = things.flatMap((thing) => [
    { text: `please repair ${thing} now`, labels: ['always', 'repair', 'urgent'] },
    { text: `please repair ${thing}`, labels: ['always', 'repair'] },
    { text: `thank you for ${thing} now`, labels: ['always', 'urgent'] },
    { text: `thank you for ${thing}`, labels: ['always'] },
  ])
  const labels = ['always', 'never', 'repair', 'urgent']
  const floor = tfidfMultiLabel(train, labels)
  const said = (text: string) => labels.filter((_, k) => floor.probabilities(text)[k]! >= 0.5)
  assert.deepEqual(said('please repair the tower now'), ['always', 'repair', 'urgent'])
  assert.deepEqual(said('thank you for the tower now'), ['always', 'urgent'])
  assert.deepEqual(said('thank you'), ['always'])
  assert.deepEqual([...floor.probabilities('now')].slice(0, 2), [1, 0])
})
