import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { openTokenCache } from './token-cache.js'
import { type TokenizeCorpusOptions, tokenizeCorpus } from './tokenize-corpus.js'
import { countWords } from './tokenize-job.js'
import { loader, wordTokenizer } from './word-tokenizer.test.fixture.js'

const folder = await mkdtemp(join(tmpdir(), 'thaw-tokens-'))
after(() => rm(folder, { recursive: true, force: true }))
let caches = 0
const newFolder = () => join(folder, `cache-${caches++}`)
const words = ['the', 'cat', 'sat', 'on', 'mat']
const tokenizer = wordTokenizer({ words, size: 7 })
const corpus = join(folder, 'corpus.txt')
await writeFile(corpus, 'the cat\nsat\n\non the\u00a0mat x\n')
const build = (cacheFolder: string, more: Partial<TokenizeCorpusOptions> = {}) =>
  tokenizeCorpus([corpus], { tokenizer, cacheFolder, loader, endOfText: 6, ...more })

test('ids, counts and the end of each document', async () => {
  const cache = await build(newFolder())
  assert.deepEqual([...(await cache.read(0, cache.tokens))], [1, 2, 3, 6, 4, 1, 5, 0, 6])
  assert.deepEqual([cache.tokens, cache.words, cache.documents], [9, 7, 2])
  assert.equal(cache.index.bytesPerToken, 2)
  assert.equal((await readFile(`${cache.path}.tokens`)).length, 16 + 18)
  assert.deepEqual([...(await cache.read(7, 2))], [0, 6])
  await assert.rejects(cache.read(8, 2), { message: `${cache.path}.tokens: expected a range inside 0 to 9; got 2 tokens from 8` })
  await cache.close()
})

test('threads write what one place writes, in the same order', async () => {
  const large = join(folder, 'large.txt')
  const line = (i: number) => `${words[i % 5]} ${words[(i * 7) % 5]} ${'on '.repeat(i % 40)}\n\n`
  await writeFile(large, Array.from({ length: 60_000 }, (_, i) => line(i)).join(''))
  const read = async (workers: number) => {
    const seen: number[] = []
    const cache = await tokenizeCorpus([large], {
      tokenizer,
      cacheFolder: newFolder(),
      loader,
      endOfText: 6,
      workers,
      onProgress: ({ tokens }) => seen.push(tokens),
    })
    const ids = await cache.read(0, cache.tokens)
    await cache.close()
    assert.equal(seen.at(-1), cache.tokens)
    return { ids, words: cache.words, documents: cache.documents }
  }
  const alone = await read(0)
  assert.ok(alone.ids.length > 1e6)
  assert.deepEqual(await read(3), alone)
})

test('a second call opens the cache; another tokenizer, option or a changed file makes it again', async () => {
  const cacheFolder = newFolder()
  const progress: number[] = []
  const onProgress = () => progress.push(1)
  const path = async (more: Partial<TokenizeCorpusOptions> = {}) => {
    const before = progress.length
    const cache = await build(cacheFolder, { onProgress, ...more })
    await cache.close()
    return { path: cache.path, made: progress.length > before }
  }
  const first = await path()
  assert.deepEqual(first.made, true)
  assert.deepEqual(await path(), { ...first, made: false })
  for (const more of [{ endOfText: undefined }, { documents: 'line' as const }, { tokenizer: wordTokenizer({ words: [...words, 'x'], size: 7 }) }]) {
    const other = await path(more)
    assert.equal(other.made, true)
    assert.notEqual(other.path, first.path)
  }
  await utimes(corpus, new Date(), new Date(1e12))
  assert.deepEqual(await path(), first, 'made again in the same place')
  assert.equal((await readdir(cacheFolder)).length, 8)
})

test('standard input is read each time', async () => {
  const cacheFolder = newFolder()
  const from = async (text: string) => {
    const cache = await tokenizeCorpus(['-'], { tokenizer, cacheFolder, stdin: Readable.from([Buffer.from(text)]), workers: 0 })
    const ids = [...(await cache.read(0, cache.tokens))]
    await cache.close()
    return ids
  }
  assert.deepEqual(await from('the cat'), [1, 2])
  assert.deepEqual(await from('on the mat'), [4, 1, 5])
})

test('32 bits an id above 65,536 ids', async () => {
  const cache = await build(newFolder(), { tokenizer: wordTokenizer({ words, size: 65_537 }), endOfText: 65_536 })
  assert.equal(cache.index.bytesPerToken, 4)
  assert.deepEqual([...(await cache.read(2, 4))], [3, 65_536, 4, 1])
  await cache.close()
})

test('a damaged cache is named, with the way out', async () => {
  const cacheFolder = newFolder()
  const cache = await build(cacheFolder)
  await cache.close()
  const { path } = cache
  const wayOut = `delete ${path}.json and the corpus is tokenized again`
  const whole = await readFile(`${path}.tokens`)
  await truncate(`${path}.tokens`, 30)
  await assert.rejects(build(cacheFolder), { message: `${path}.tokens: damaged token cache: expected 34 bytes for 9 tokens, found 30; ${wayOut}` })
  await writeFile(`${path}.tokens`, Buffer.from(whole).fill(0, 0, 4))
  await assert.rejects(build(cacheFolder), { message: `${path}.tokens: damaged token cache: its head is not that of a token cache; ${wayOut}` })
  await rm(`${path}.tokens`)
  await assert.rejects(build(cacheFolder), { message: `${path}.tokens: damaged token cache: the file is missing; ${wayOut}` })
  await writeFile(`${path}.json`, '{"version": 1, "tok')
  await assert.rejects(build(cacheFolder), { message: `${path}.json: damaged token cache: not an index of version 1; ${wayOut}` })
  await rm(`${path}.json`)
  await assert.rejects(openTokenCache(path), { message: `${path}.json: no token cache here` })
  await (await build(cacheFolder)).close()
})

test('a run killed while writing leaves no cache; the next one cleans up and completes', async () => {
  const cacheFolder = newFolder()
  const script = `
    import { tokenizeCorpus } from ${JSON.stringify(new URL('./tokenize-corpus.js', import.meta.url).href)}
    import { wordTokenizer } from ${JSON.stringify(loader.module)}
    import { Readable } from 'node:stream'
    async function* endless() { for (;;) { yield Buffer.from('the cat sat '.repeat(20000) + '\\n\\n'); await new Promise((go) => setTimeout(go, 1)) } }
    await tokenizeCorpus(['-'], { tokenizer: wordTokenizer({ words: ${JSON.stringify(words)} }), cacheFolder: ${JSON.stringify(cacheFolder)}, workers: 0,
      stdin: Readable.from(endless()), onProgress: ({ tokens }) => { if (tokens > 200000) console.log('writing') } })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  const left = await readdir(cacheFolder)
  assert.ok(left.length === 1 && left[0]!.endsWith('.tmp'), String(left))
  // The file of a process that still runs (this one) stays.
  await writeFile(join(cacheFolder, `other.${process.pid}-00000000.tmp`), '')
  await (await build(cacheFolder)).close()
  const names = (await readdir(cacheFolder)).map((name) => name.replace(/^[0-9a-f]{24}/, 'KEY')).sort()
  assert.deepEqual(names, ['KEY.json', 'KEY.tokens', `other.${process.pid}-00000000.tmp`].sort())
})

test('errors while tokenizing come out, from threads too, and leave nothing behind', async () => {
  for (const workers of [0, 2]) {
    const cacheFolder = newFolder()
    const reject = (json: object, message: string, more: Partial<TokenizeCorpusOptions> = {}) =>
      assert.rejects(build(cacheFolder, { tokenizer: wordTokenizer(json), workers, endOfText: undefined, ...more }), { message })
    await reject({ words, poison: 'mat' }, 'poisoned by mat')
    await reject({ words, size: 5 }, 'tokenizer: id 5 is outside its vocabulary of 5')
    if (workers > 0)
      await reject({ words }, `${loader.module}: expected an exported function 'none'; exports: exits, loader, wordTokenizer`, {
        loader: { ...loader, export: 'none' },
      })
    if (workers > 0)
      await reject({ words }, 'a tokenizing thread ended (exit code 3); run again with workers: 0 to see its error', {
        loader: { ...loader, export: 'exits' },
      })
    assert.deepEqual(await readdir(cacheFolder), [])
  }
  const empty = join(folder, 'empty.txt')
  await writeFile(empty, '\n\n')
  await assert.rejects(tokenizeCorpus([empty], { tokenizer, cacheFolder: newFolder() }), {
    message: `${empty}: no text found; expected at least one document that is not empty`,
  })
  await assert.rejects(build(newFolder(), { endOfText: 7 }), { message: 'endOfText: expected an id from 0 to 6; got 7' })
})

test('words are counted as /\\S+/g counts them', () => {
  const unit = fc.constantFrom('a', 'é', '😀', ' ', '\n', '\t', '\v', '\u00a0', '\u2003', '\u3000', '\ufeff', '\u0085', '\u200b', '\u001f')
  fc.assert(fc.property(fc.string({ unit }), (text) => assert.equal(countWords(text), text.match(/\S+/g)?.length ?? 0)))
})
