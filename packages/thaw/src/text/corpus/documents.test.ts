import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, test } from 'node:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { type Document, type ReadDocumentsOptions, readDocuments } from './documents.js'
import { corpusFiles } from './files.js'

const folder = await mkdtemp(join(tmpdir(), 'thaw-documents-'))
after(() => rm(folder, { recursive: true, force: true }))
const write = async (name: string, content: string | Uint8Array) => {
  await writeFile(join(folder, name), content)
  return join(folder, name)
}
const all = async (patterns: string[], options?: ReadDocumentsOptions): Promise<Document[]> => {
  const documents: Document[] = []
  for await (const document of readDocuments(patterns, options)) documents.push(document)
  return documents
}
const texts = async (patterns: string[], options?: ReadDocumentsOptions) => (await all(patterns, options)).map(({ text }) => text)

test('four kinds of documents', async () => {
  const path = await write('kinds.txt', '\n= One =\n\nfirst line\r\nsecond line\n\n\n\n= Two =\n \nlast')
  assert.deepEqual(await texts([path]), ['= One =', 'first line\nsecond line', '= Two =', 'last'])
  assert.deepEqual(await texts([path], { documents: 'line' }), ['= One =', 'first line', 'second line', '= Two =', 'last'])
  assert.deepEqual(await texts([path], { documents: 'articles' }), ['= One =\n\nfirst line\nsecond line', '= Two =\n\nlast'])
  assert.deepEqual(await texts([path], { documents: 'file' }), ['= One =\n\nfirst line\nsecond line\n\n\n\n= Two =\n\nlast'])
})

test('lines survive any text and any cut of the input', async () => {
  const line = fc.string({ unit: 'grapheme' }).filter((text) => text.trim() !== '' && !/[\r\n]/.test(text) && !text.startsWith('\ufeff'))
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.integer({ min: 1, max: 9 }), async (lines, size) => {
      const bytes = Buffer.from(lines.join('\n'), 'utf8')
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
      assert.deepEqual(await texts(['-'], { documents: 'line', stdin: Readable.from(pieces) }), lines)
    }),
    { numRuns: 50 },
  )
})

test('globs are expanded and sorted, each file is read once, a name with brackets is a name', async () => {
  await mkdir(join(folder, 'glob'))
  for (const name of ['b.txt', 'a.txt', 'B.txt', '[a].txt']) await write(`glob/${name}`, name)
  const base = join(folder, 'glob').replaceAll('\\', '/')
  assert.deepEqual(await texts([`${base}/?.txt`]), ['B.txt', 'a.txt', 'b.txt'])
  assert.deepEqual(await texts([`${base}/b.txt`, `${base}/*.txt`]), ['b.txt', 'B.txt', '[a].txt', 'a.txt'])
  assert.deepEqual(await texts([`${base}/[a].txt`]), ['[a].txt'])
  assert.equal((await corpusFiles([`${base.replaceAll('/', '\\')}\\*.txt`], 'win32')).length, 4)
  assert.equal((await all([`${base}/a.txt`]))[0]!.source, `${base}/a.txt`)
})

test('gzip, brotli and standard input; progress counts bytes on disk', async () => {
  const text = 'one\n\ntwo\n'
  const zipped = await write('z.txt.gz', gzipSync(text))
  const brotli = await write('z.txt.br', brotliCompressSync(text))
  const progress: [number, number | undefined][] = []
  assert.deepEqual(await texts([zipped, brotli], { onProgress: (...now) => progress.push(now) }), ['one', 'two', 'one', 'two'])
  const total = gzipSync(text).length + brotliCompressSync(text).length
  assert.deepEqual(progress, [
    [gzipSync(text).length, total],
    [total, total],
  ])
  assert.deepEqual(await all(['-'], { stdin: Readable.from([Buffer.from(text)]) }), [
    { text: 'one', source: 'standard input' },
    { text: 'two', source: 'standard input' },
  ])
})

test('a document of over a million characters comes in parts that join to it', async () => {
  const lines = Array.from({ length: 30_000 }, (_, i) => `line ${i} ${'x'.repeat(i % 90)}${i % 7 === 0 ? '\n' : ''}`)
  const text = lines.join('\n').trim()
  const parts = await all([await write('long.txt', `${text}\n`)], { documents: 'file' })
  assert.equal(parts.map((part) => part.text).join(''), text)
  assert.deepEqual(
    parts.map((part) => part.more),
    [true, undefined],
  )
  assert.deepEqual((await texts([join(folder, 'long.txt')], { documents: 'line' })).length, 30_000)
})

test('errors name the file and the way out', async () => {
  const bad = await write('bad.txt', Buffer.concat([Buffer.alloc(300_000, 'abc\n'), Buffer.from([0xff])]))
  await assert.rejects(texts([bad]), {
    message: `${bad}:75001: byte 0xFF at position 300000 is not valid UTF-8; if the file has another encoding, name it, for example --encoding latin1`,
  })
  assert.equal((await texts([bad], { encoding: 'latin1', documents: 'line' })).at(-1), 'ÿ')
  const cut = await write('cut.txt.gz', gzipSync('some text'.repeat(1000)).subarray(0, 40))
  await assert.rejects(texts([cut]), { message: `${cut}: the gzip data are cut off or damaged (Z_BUF_ERROR); fetch or pack the file again` })
  const damaged = await write('cut.txt.br', brotliCompressSync('some text'.repeat(1000)).subarray(0, 20))
  await assert.rejects(texts([damaged]), { message: /cut\.txt\.br: the brotli data are cut off or damaged \(\w+\); fetch or pack the file again$/ })
  await assert.rejects(texts([`${folder}/none-*.txt`]), {
    message: `${folder}/none-*.txt: no such file, and no file matches it as a pattern (looked from ${process.cwd()})`,
  })
  await assert.rejects(texts([folder]), {
    message: `${folder}: expected a file, found a folder; name its files, for example ${folder.replaceAll('\\', '/')}/**/*.txt`,
  })
  await assert.rejects(texts([]), { message: 'no input files: expected at least one path, glob or - for standard input' })
  await assert.rejects(texts([bad], { documents: 'page' as 'line' }), {
    message: "documents: expected 'line', 'blank-lines', 'articles' or 'file'; got 'page'",
  })
})
