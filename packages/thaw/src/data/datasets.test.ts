import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readSst2, readTrec } from './datasets.js'
import { sameText } from './example.js'

const folder = await mkdtemp(join(tmpdir(), 'thaw-datasets-'))
after(() => rm(folder, { recursive: true, force: true }))

test('TREC: a tenth of train for validation, the same at each reading, duplicates on one side', async () => {
  const question = (i: number) => `${['HUM:ind', 'LOC:city', 'NUM:count'][i % 3]} Question ${i % 90} caf\u00e9 ?`
  await writeFile(join(folder, 'train_5500.label'), Buffer.from(Array.from({ length: 99 }, (_, i) => `${question(i)}\n`).join(''), 'latin1'))
  await writeFile(join(folder, 'TREC_10.label'), 'HUM:ind Who ?\n')
  const { train, valid, test: tested, labels } = await readTrec(folder)
  assert.deepEqual([train.length, valid.length, tested.length, labels], [89, 10, 1, ['HUM', 'LOC', 'NUM']])
  const texts = new Set(train.map(sameText))
  assert.ok(!valid.some((example) => texts.has(sameText(example))))
  assert.deepEqual((await readTrec(folder)).valid, valid)
})

test('SST-2: three files with a header', async () => {
  for (const name of ['train', 'dev', 'test']) await writeFile(join(folder, `${name}.tsv`), `sentence\tlabel\n"good" ${name} \t1\nbad\t0\n`)
  const { train, valid, test: tested, labels } = await readSst2(folder)
  assert.deepEqual([train[0], valid.length, tested[0]!.text, labels], [{ text: '"good" train', label: '1', line: 2 }, 2, '"good" test', ['0', '1']])
})
