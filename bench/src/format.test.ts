import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cells, formatConfig, formatNumber, markdownTable } from './format.js'

test('numbers keep about four digits', () => {
  assert.deepEqual([12345.6, 0.0123456, 3, 999.96, -2500.4, 0, Number.NaN].map(formatNumber), [
    '12,346',
    '0.01235',
    '3',
    '1000',
    '-2,500',
    '0',
    'NaN',
  ])
})

test('a configuration reads as words, its name first and bare', () => {
  assert.equal(formatConfig({ name: 'a', threads: 2, sizes: [1, 2], arena: false }), 'a, threads 2, sizes [1,2], arena false')
})

test('bytes are shown in MiB, with the deviation in the same unit', () => {
  const row = { bench: 'x', config: {}, metric: 'peak_memory', unit: 'bytes', ours: 3 << 20, sd: 1 << 20, seeds: 1 }
  assert.deepEqual(cells(row), ['', 'peak_memory', '3 MiB ± 1 (1 seed)', '', ''])
})

test('a bar in a cell does not break the table', () => {
  assert.equal(markdownTable(['a'], [['x|y']]), '| a |\n| --- |\n| x\\|y |')
})
