import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type ReadExamplesOptions, readExamples } from './read-examples.js'
import { split } from './split.js'
import { statistics } from './statistics.js'

const folder = await mkdtemp(join(tmpdir(), 'thaw-labels-'))
after(() => rm(folder, { recursive: true, force: true }))
const read = async (name: string, content: string, options: ReadExamplesOptions = {}) => {
  await writeFile(join(folder, name), content)
  return readExamples(join(folder, name), { multiLabel: true, ...options })
}
const fails = (name: string, content: string, message: string, options: ReadExamplesOptions = {}) =>
  assert.rejects(read(name, content, options), { message: `${join(folder, name)}${message}` })
const sets = async (name: string, content: string, options?: ReadExamplesOptions) =>
  (await read(name, content, options)).examples.map(({ labels }) => labels)

test('JSONL: lists, none among them; one label as a text; labels in a text', async () => {
  const { examples, labels } = await read(
    'a.jsonl',
    '{"text": "a", "tags": ["x", " y ", "x"]}\n{"text": "b", "tags": []}\n{"text": "c", "tags": "z"}\n{"text": "d", "tags": [3]}\n',
  )
  assert.deepEqual(examples, [
    { text: 'a', labels: ['x', 'y'], line: 1 },
    { text: 'b', labels: [], line: 2 },
    { text: 'c', labels: ['z'], line: 3 },
    { text: 'd', labels: ['3'], line: 4 },
  ])
  assert.deepEqual(labels, ['3', 'x', 'y', 'z'])
  assert.deepEqual(await sets('b.jsonl', '{"text": "a", "label": "x;y"}\n'), [['x', 'y']])
})

test('tables: the separator is found, or told; alone it says that no label fits', async () => {
  for (const [separator, name] of [
    ['|', 'a.csv'],
    [';', 'b.csv'],
  ] as const) {
    const found = await read(name, `text,labels\na,x${separator} y\nb,x\nc,${separator}\n`)
    assert.deepEqual(
      found.examples.map(({ labels }) => labels),
      [['x', 'y'], ['x'], []],
    )
    assert.equal(found.understood.labelSeparator, separator)
  }
  assert.deepEqual(await sets('c.tsv', 'text\tlabels\na\tx, y\n'), [['x', 'y']])
  // a comma is part of a name where something surer separates, or where it is told so
  assert.deepEqual(await sets('d.tsv', 'text\tlabels\na\tBoston, MA|y\n'), [['Boston, MA', 'y']])
  assert.deepEqual(await sets('e.tsv', 'text\tlabels\na\tx/y\nb\tp, q\n', { labelSeparator: '/' }), [['x', 'y'], ['p, q']])
  const one = await read('f.tsv', 'text\tlabels\na\tx\nb\ty\n')
  assert.deepEqual(
    one.examples.map(({ labels }) => labels),
    [['x'], ['y']],
  )
  assert.equal(one.understood.labelSeparator, undefined)
})

test('what is no list of labels is named with file and line', async () => {
  await fails(
    'a.jsonl',
    '{"text": "a", "label": ["x", ""]}\n',
    ':1: "label": an empty label in ["x",""]; fill it in or take it out ([] says that no label fits)',
  )
  await fails(
    'a.jsonl',
    '{"text": "a", "label": ["x", null]}\n',
    ':1: "label": an empty label in ["x",null]; fill it in or take it out ([] says that no label fits)',
  )
  await fails('a.jsonl', '{"text": "a", "label": ["x", ["y"]]}\n', ':1: "label": expected a list of texts as labels, found a list in it')
  await fails('a.tsv', 'text\tlabel\na\tx||y\n', ':2: "label": an empty label in "x||y"; fill it in or take it out (| alone says that no label fits)')
  await fails(
    'a.tsv',
    'text\tlabel\na\tx|y\nb\t\n',
    ':3: the label is missing ("label" is empty); fill it in, or leave such rows out with --only-labelled, or write | alone where no label fits',
  )
  await fails(
    'b.jsonl',
    '{"text": "a", "label": ["x"]}\n{"text": "b"}\n',
    ':2: the label is missing ("label" is empty); fill it in, or leave such rows out with --only-labelled, or write [] where no label fits',
  )
  await fails(
    'b.tsv',
    'text\tlabel\na\tx|y\nb\tx;y\n',
    ': the labels hold | and ;: it is not clear which of them separates labels; name it with --label-separator',
  )
  await fails(
    'c.jsonl',
    '{"text": "a", "label": "x"}\n{"text": "b", "label": ["x", "y"]}\n',
    ':2: field "label": expected one label, found a list; where texts have several, adapt with --multi-label',
    { multiLabel: false },
  )
  assert.equal((await sets('c.tsv', 'text\tlabel\na\tx|y\nb\t\n', { onlyLabelled: true })).length, 1)
})

test('statistics count each label; a text with other sets is pointed at; a split has the rare labels on both sides', async () => {
  const rows = Array.from({ length: 60 }, (_, i) => `text ${i}\tcommon${i % 6 === 0 ? '|rare' : ''}${i % 2 === 0 ? '|even' : ''}`)
  const { examples } = await read('s.tsv', `text\tlabel\n${rows.join('\n')}\nTEXT 0\tcommon\nnothing\t|\n`)
  const found = statistics(examples)
  assert.deepEqual(
    found.labels.map(({ label, counts }) => [label, counts.train]),
    [
      ['common', 61],
      ['even', 30],
      ['rare', 10],
    ],
  )
  assert.equal(found.splits.train!.unlabelled, 1)
  assert.deepEqual(found.conflicts, [
    {
      text: 'text 0',
      labels: ['common', 'common + even + rare'],
      where: [
        { split: 'train', line: 2 },
        { split: 'train', line: 62 },
      ],
    },
  ])
  for (const seed of [1, 2, 3, 4, 5]) {
    const { valid } = split(examples, { fraction: 0.2, seed })
    const rare = valid.filter(({ labels }) => labels!.includes('rare')).length
    assert.ok(rare >= 1 && rare <= 3, `seed ${seed}: ${rare} of 10`)
  }
})
