import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { type ReadExamplesOptions, readExamples, readLines } from './read-examples.js'
import { csvLine } from './table.js'

const folder = await mkdtemp(join(tmpdir(), 'thaw-examples-'))
after(() => rm(folder, { recursive: true, force: true }))
const read = async (name: string, content: string | Uint8Array, options?: ReadExamplesOptions) => {
  await writeFile(join(folder, name), content)
  return readExamples(join(folder, name), options)
}
const fails = async (name: string, content: string | Uint8Array, message: string, options?: ReadExamplesOptions) =>
  assert.rejects(read(name, content, options), { message: `${join(folder, name)}${message}` })

test('JSONL: fields are found, empty lines skipped, numbers are labels too', async () => {
  const { examples, labels, understood } = await read(
    'a.jsonl',
    '{"id": 1, "text": "one", "label": 1}\n\n{"text": " two ", "label": 0, "more": true}\n',
  )
  assert.deepEqual(examples, [
    { text: 'one', label: '1', line: 1 },
    { text: 'two', label: '0', line: 3 },
  ])
  assert.deepEqual(labels, ['0', '1'])
  assert.deepEqual(understood, {
    format: 'jsonl',
    columns: ['id', 'text', 'label', 'more'],
    text: ['text'],
    pair: undefined,
    label: 'label',
    encoding: 'utf-8',
    rows: 2,
  })
})

test('CSV: byte order mark, separator, quoted separators, quotes and line ends, several text columns, lines of the file', async () => {
  const csv = '\ufeffSubject;Body;Queue\r\n"Printer; broken";"It says ""PC\r\nLOAD LETTER"""; hardware\r\n\r\nPassword;;accounts\r\n'
  const { examples, understood } = await read('t.csv', csv, { text: ['Subject', 'Body'] })
  assert.deepEqual(examples, [
    { text: 'Printer; broken It says "PC\nLOAD LETTER"', label: 'hardware', line: 2 },
    { text: 'Password', label: 'accounts', line: 5 },
  ])
  assert.deepEqual([understood.separator, understood.columns, understood.label], [';', ['Subject', 'Body', 'Queue'], 'Queue'])
  for (const [separator, line] of [
    [',', 'a|b'],
    ['|', 'a, b'],
    ['\t', 'a, b'],
    [';', '1,5'],
  ] as const) {
    const { understood: found } = await read('u.csv', `text${separator}label\n${line}${separator}x\n${line}${separator}y\n`)
    assert.equal(found.separator, separator)
  }
})

test('CSV written from any fields is read back', async () => {
  const field = fc.string({ unit: fc.constantFrom('a', 'é', ',', ';', '"', '\n', '\r\n', '\t', ' ') }).map((text) => `x${text}x`)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(field, field), { minLength: 1 }), fc.constantFrom('\n', '\r\n', '\n\n'), async (rows, end) => {
      const quote = (text: string) => `"${text.replaceAll('"', '""')}"`
      const csv = ['text,label', ...rows.map((row) => row.map(quote).join(','))].join(end)
      const { examples } = await read('p.csv', csv)
      assert.deepEqual(
        examples.map(({ text, label }) => [text, label]),
        rows.map((row) => row.map((text) => text.replaceAll('\r\n', '\n'))),
      )
      let line = 1 + (end === '\n\n' ? 2 : 1)
      for (const [i, row] of rows.entries()) {
        assert.equal(examples[i]!.line, line)
        line += row.join('').split('\n').length + (end === '\n\n' ? 1 : 0)
      }
    }),
    { numRuns: 60 },
  )
})

test('TSV: bare quotes are characters, proper quoting is undone', async () => {
  const bare = await read('b.tsv', 'sentence\tlabel\n"so bad it\tneg\na "fine" film"\tpos\n')
  assert.deepEqual(
    bare.examples.map(({ text }) => text),
    ['"so bad it', 'a "fine" film"'],
  )
  const quoted = await read('q.tsv', 'text\tlabel\n"he said ""no"""\tneg\n"two\nlines"\tpos\nplain\tpos\n')
  assert.deepEqual(
    quoted.examples.map(({ text, line }) => [text, line]),
    [
      ['he said "no"', 2],
      ['two\nlines', 3],
      ['plain', 5],
    ],
  )
})

test('a file without header is read by column numbers, a pair by its column, the rest unlabelled', async () => {
  const byNumber = await read('n.csv', '3,First,Title\n4,Second,"x, y"\n', { text: ['2', '3'], label: '1' })
  assert.deepEqual(byNumber.examples, [
    { text: 'First Title', label: '3', line: 1 },
    { text: 'Second x, y', label: '4', line: 2 },
  ])
  const pairs = await read('p.tsv', 'index\tsentence1\tsentence2\tlabel\n0\ta\tb\tyes\n', { text: ['sentence1'], pair: 'sentence2' })
  assert.deepEqual(pairs.examples, [{ text: 'a', pair: 'b', label: 'yes', line: 2 }])
  const unlabelled = await read('l.csv', 'text,label\na,\nb,x\n', { label: false })
  assert.deepEqual(unlabelled.examples, [
    { text: 'a', line: 2 },
    { text: 'b', line: 3 },
  ])
  assert.deepEqual(unlabelled.labels, [])
})

test('TREC is known by its lines, latin-1, coarse or fine', async () => {
  const trec = Buffer.from('ENTY:food What is a b\u00e9arnaise ?\nHUM:ind Who is it ?\n', 'latin1')
  const { examples, understood } = await read('trec.txt', trec)
  assert.deepEqual(examples[0], { text: 'What is a béarnaise ?', label: 'ENTY', line: 1 })
  assert.deepEqual(understood, { format: 'trec', text: ['question'], label: 'coarse', encoding: 'latin1', rows: 2 })
  assert.deepEqual((await read('trec.txt', trec, { label: 'fine' })).labels, ['ENTY:food', 'HUM:ind'])
})

test('the format is found from the content when the ending says nothing; compressed files are unpacked', async () => {
  assert.equal((await read('x.txt', '{"text": "a"}\n')).understood.format, 'jsonl')
  assert.equal((await read('x.txt', 'text\tlabel\na\tb\n')).understood.format, 'tsv')
  assert.equal((await read('x.txt', 'text,label\na,b\n')).understood.format, 'csv')
  assert.equal((await read('x.csv.gz', gzipSync('text,label\na,b\n'))).examples.length, 1)
  assert.equal((await read('x.csv', Buffer.from('\ufefftext\tlabel\na\tb\n', 'utf16le'))).understood.encoding, 'utf-16le')
})

test('onlyLabelled leaves rows without a label out', async () => {
  const { examples, understood } = await read('o.csv', 'text,label\na,\nb,x\n', { onlyLabelled: true })
  assert.deepEqual([examples.length, understood.rows], [1, 2])
})

test('skipEmpty leaves rows without a text out and keeps their lines; a column without any text is told by name', async () => {
  const csv = 'title,body,label\n,one,x\n,,y\n, ,\n,two,y\n'
  const { examples, understood, labels } = await read('s.csv', csv, { text: ['body'], skipEmpty: true })
  assert.deepEqual([examples.map(({ line }) => line), understood.emptyLines, understood.rows, labels], [[2, 5], [3, 4], 4, ['x', 'y']])
  const pairs = await read('s.csv', 'a,b,label\none,,x\ntwo,2,y\n', { text: ['a'], pair: 'b', skipEmpty: true })
  assert.deepEqual([pairs.examples.length, pairs.understood.emptyLines], [1, [2]])
  await fails(
    's.csv',
    csv,
    ': there is no text in any of 4 rows ("title" is empty); name the column with the text by --text; columns here: "title", "body", "label"',
    { text: ['title'], skipEmpty: true },
  )
})

test('mixed encodings are told, with the lines of each, and read line by line where asked for', async () => {
  const mixed = Buffer.concat([
    Buffer.from('text,label\ncafé,x\nthé,y\n'),
    Buffer.from('na\xefve \x93yes\x94,x\n', 'latin1'),
    Buffer.from('plain,y\n'),
  ])
  await fails(
    'm.csv',
    mixed,
    ':4: byte 0xEF at position 28 is not valid UTF-8; 1 line is not, 2 with letters beyond ASCII are: the file mixes encodings. Read each line by itself with --encoding mixed (UTF-8, else Windows-1252)',
  )
  const { examples, understood } = await read('m.csv', mixed, { encoding: 'mixed' })
  assert.deepEqual(
    examples.map(({ text }) => text),
    ['café', 'thé', 'naïve “yes”', 'plain'],
  )
  assert.equal(understood.encoding, 'utf-8, 1 line windows-1252')
})

test('errors name file and line, what was expected, what came, the way out', async () => {
  await fails(
    'e.csv',
    'body,kind\na,b\n',
    ':1: no column "label"; columns here: "body", "kind"; a file without a header line is read by column numbers, for example --text 2,3 --label 1',
    { label: 'label' },
  )
  await fails(
    'e.csv',
    'a,b,c\n1,2,3\n',
    ':1: which column is the text? Name it with --text; columns here: "a", "b", "c"; a file without a header line is read by column numbers, for example --text 2,3 --label 1',
  )
  await fails('e.jsonl', '{"a": 1}\n', ': no field "text"; fields here: "a"', { text: ['text'] })
  await fails('e.jsonl', '{"text": "a"}\n{"text": "b"\n', ':2: expected one JSON object a line, like {"text": "…", "label": "…"}; found {"text": "b"')
  await fails('e.jsonl', '["a"]\n', ':1: expected one JSON object a line, like {"text": "…", "label": "…"}; found ["a"]')
  await fails('e.jsonl', '{"text": ["a"]}\n', ':1: field "text": expected a text, found an array')
  await fails(
    'e.csv',
    'text,label\n"a\nb",x\nc,d,y\n',
    ':4: expected 2 fields separated by , (text, label), found 3; put a field that holds the separator in double quotes',
  )
  await fails(
    'e.tsv',
    'text\tlabel\na\n',
    ':2: expected 2 fields separated by tab (text, label), found 1; put a field that holds the separator in double quotes',
  )
  await fails(
    'e.csv',
    'text,label\n"a" b,x\n',
    ':2: not valid CSV: a quoted field goes on after its closing quote; write a quote inside a quoted field twice ("")',
  )
  await fails(
    'e.csv',
    'text,label\n"a,x\n',
    ':2: not valid CSV: a quote is opened and never closed; close it, or write a quote inside a quoted field twice ("")',
  )
  await fails(
    'e.csv',
    'text,label\na"b,x\n',
    ':2: not valid CSV: a quote stands inside a field that does not begin with one; put the whole field in quotes and write the inner quote twice ("")',
  )
  await fails('e.csv', 'text,label\na,x\n ,y\n', ':3: the text is empty ("text"); fill it in or remove the line')
  await fails(
    'e.csv',
    'text,label\na,x\nb,\n',
    ':3: the label is missing ("label" is empty); fill it in, or leave such rows out with --only-labelled',
  )
  await fails('e.csv', 'text,label\na,\n', ': no examples found in 1 rows: none has a label ("label")', { onlyLabelled: true })
  await fails('e.csv', 'text,label\n', ': no examples found after the header line')
  await fails('e.csv', '', ': the file is empty; expected labelled texts')
  await fails(
    'e.csv',
    Buffer.from('text,label\ncafé,x\n', 'latin1'),
    ':2: byte 0xE9 at position 14 is not valid UTF-8; if the file has another encoding, name it, for example --encoding latin1',
  )
  await fails('e.label', 'HUM:ind Who ?\nwhat\n', ':2: expected COARSE:fine and a question, like "HUM:ind Who wrote Hamlet ?"; found "what"')
  await fails('e.json', '[\n{"text": "a"}]\n', ': this is a JSON array; expected one JSON object a line (JSONL)')
  await fails('e.txt', 'just a line\n', ': the format is not clear from the name or the content; name it with --format jsonl, csv, tsv or trec')
  await assert.rejects(readExamples(join(folder, 'none.csv')), { message: `${join(folder, 'none.csv')}: no such file` })
})

test('rows are kept whole, those without a text too where asked for, and are written back as they were', async () => {
  const csv = 'id,text\n1,"a ""b"", c"\n2,\n3," d"\n'
  const { examples, records } = await read('whole.csv', csv, { label: false, keepEmpty: true })
  assert.deepEqual(
    examples.map(({ text }) => text),
    ['a "b", c', '', 'd'],
  )
  assert.equal(['id,text', ...records.map((record) => csvLine(record as string[], ','))].map((line) => `${line}\n`).join(''), csv)
  const { records: objects } = await read('whole.jsonl', '{"text": "a", "more": [1]}\n', { label: false })
  assert.deepEqual(objects, [{ text: 'a', more: [1] }])
  assert.equal((await read('numbers.tsv', 'x\ty\n', { text: ['2'], label: '1' })).understood.byNumber, true)
})

test('plain texts, a line each', async () => {
  await writeFile(join(folder, 'plain.txt'), '\ufeffone\r\n\n two \n')
  assert.deepEqual(await readLines(join(folder, 'plain.txt')), [
    { text: 'one', line: 1 },
    { text: '', line: 2 },
    { text: 'two', line: 3 },
  ])
})
