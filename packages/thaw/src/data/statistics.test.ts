import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Example } from './example.js'
import { formatStatistics } from './format-statistics.js'
import { statistics } from './statistics.js'

const examplesOf = (...rows: [string, string?][]): Example[] =>
  rows.map(([text, label], i) => ({ text, ...(label === undefined ? {} : { label }), line: i + 1 }))
const train = examplesOf(['who is he', 'HUM'], ['Who is he', 'HUM'], ['where is it then', 'LOC'], ['what', 'Loc'], ['why why', 'DESC'])
const valid = examplesOf(['who  is he', 'LOC'], ['new', 'HUM'])
const test_ = examplesOf(['what', 'NUM'], ['new'])

test('statistics finds duplicates, conflicts, odd labels and lengths', () => {
  const stats = statistics(train, valid, test_, undefined, 2)
  assert.deepEqual(stats.splits.train, {
    examples: 5,
    unlabelled: 0,
    lengths: { min: 1, median: 3, p90: 4, p99: 4, max: 4, mean: 2.6 },
    truncated: 3,
    duplicates: 1,
  })
  assert.deepEqual(stats.across, [
    { in: 'valid', of: 'train', examples: 1 },
    { in: 'test', of: 'train', examples: 1 },
    { in: 'test', of: 'valid', examples: 1 },
  ])
  assert.deepEqual(
    stats.conflicts.map(({ labels, where }) => [labels, where.map(({ split, line }) => `${split} ${line}`)]),
    [
      [
        ['HUM', 'LOC'],
        ['train 1', 'train 2', 'valid 1'],
      ],
      [
        ['Loc', 'NUM'],
        ['train 4', 'test 1'],
      ],
    ],
  )
  assert.deepEqual([stats.similarLabels, stats.seenOnce, stats.unseen], [[['LOC', 'Loc']], ['DESC', 'LOC', 'Loc'], ['NUM']])
})

test('lengths by a tokenizer, pairs added up', () => {
  const { splits, lengthUnit } = statistics([{ text: 'abc', pair: 'de', line: 1 }], undefined, undefined, (text) => text.length, 5)
  assert.deepEqual([splits.train!.lengths.max, splits.train!.truncated, lengthUnit], [5, 0, 'tokens'])
})

test('an example counts in each split it stands in', () => {
  assert.deepEqual(statistics(train, train).across, [{ in: 'valid', of: 'train', examples: 5 }])
})

test('the table', () => {
  assert.equal(
    formatStatistics(statistics(train, valid, test_, undefined, 2)),
    [
      '                       train        valid         test',
      'examples                   5            2            2',
      '  HUM            2  (40.0 %)  1  (50.0 %)  0   (0.0 %)',
      '  DESC           1  (20.0 %)  0   (0.0 %)  0   (0.0 %)',
      '  LOC            1  (20.0 %)  1  (50.0 %)  0   (0.0 %)',
      '  Loc            1  (20.0 %)  0   (0.0 %)  0   (0.0 %)',
      '  NUM            0   (0.0 %)  0   (0.0 %)  1  (50.0 %)',
      '  without label  0   (0.0 %)  0   (0.0 %)  1  (50.0 %)',
      'words: median              3            1            1',
      '  90 %, 99 %            4, 4         3, 3         1, 1',
      '  longest                  4            3            1',
      'cut at 2         3  (60.0 %)  1  (50.0 %)  0   (0.0 %)',
      'duplicates                 1            0            0',
      'also in train              0            1            1',
      'also in valid              0            0            1',
      '! texts with different labels: 2, first "who is he" (HUM, LOC: train line 1, train line 2, valid line 1)',
      '! labels that differ only by case or spaces: "LOC", "Loc"',
      '! labels with one training example, from which nothing is learnt: DESC, LOC, Loc; add examples, join them with others, or remove them',
      '! labels that training never sees: NUM',
    ].join('\n'),
  )
  assert.equal(
    formatStatistics(statistics(examplesOf(['a b', 'x'], ['c', 'x'], ['d e f', 'y'], ['g', 'y']))),
    [
      '                     train',
      'examples                 4',
      '  x            2  (50.0 %)',
      '  y            2  (50.0 %)',
      'words: median            1',
      '  90 %, 99 %          3, 3',
      '  longest                3',
      'duplicates               0',
    ].join('\n'),
  )
})

test('many labels are summed up', () => {
  const rows = Array.from({ length: 100 }, (_, i): [string, string] => [`text ${i}`, `label-${i % 25}`])
  const lines = formatStatistics(statistics(examplesOf(...rows))).split('\n')
  assert.ok(
    lines.some((line) => /^ {2}5 more labels +20 +\(20\.0 %\)$/.test(line)),
    lines.join('\n'),
  )
})

test('labels that validation lacks are named', () => {
  const lines = formatStatistics(statistics(examplesOf(['a', 'x'], ['b', 'x'], ['c', 'y'], ['d', 'y']), examplesOf(['e', 'x']))).split('\n')
  assert.equal(lines.at(-1), '! labels without a validation example, so that their mistakes do not show there: y')
})

test('slips among labels and texts read in a wrong encoding are pointed at, with the first line', () => {
  const rows = Array.from({ length: 30 }, (_, i): [string, string] => [`text ${i}`, i < 20 ? 'billing' : 'other'])
  const lines = formatStatistics(
    statistics(examplesOf(...rows, ['un cafÃ© noir', 'biling'], ['itâ€™s', 'other'], ['caf\ufffd', 'other'], ['Ã la carte', 'other'])),
  ).split('\n')
  assert.deepEqual(
    lines.filter((line) => line.startsWith('!')),
    [
      '! the label "biling" looks like a slip of "billing"; correct it in the file if it is one',
      '! labels with one training example, from which nothing is learnt: biling; add examples, join them with others, or remove them',
      '! texts with characters such as “Ã©” or “\ufffd”, read in a wrong encoding once: 3, first train line 31',
    ],
  )
})
