import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { inFolder } from '../testing/checkpoints.js'
import { presentFolder, replaceFolder } from './replace-folder.js'

const put = (text: string) => (folder: string) => writeFile(join(folder, 'a'), text)
const nothing = () => false

test('a folder is made, replaced, and what is to be kept is kept', () =>
  inFolder(async (parent) => {
    const folder = join(parent, 'deep', 'x')
    await replaceFolder(folder, put('1'), nothing)
    await writeFile(join(folder, 'mine'), 'm')
    await writeFile(join(folder, 'stale'), 's')
    await replaceFolder(`${folder}/`, put('2'), (entry) => entry === 'mine')
    assert.deepEqual(readdirSync(folder).sort(), ['a', 'mine'])
    assert.equal(readFileSync(join(folder, 'a'), 'utf8'), '2')
    assert.deepEqual(readdirSync(join(parent, 'deep')), ['x'])
  }))

test('a failing writer changes nothing', () =>
  inFolder(async (parent) => {
    const folder = join(parent, 'x')
    await replaceFolder(folder, put('1'), nothing)
    const fails = replaceFolder(folder, () => Promise.reject(new Error('disk full')), nothing)
    await assert.rejects(fails, { message: 'disk full' })
    const names = replaceFolder(folder, (to) => Promise.reject(new Error(`${to}/a: too large`)), nothing)
    await assert.rejects(names, { message: `${folder}/a: too large` })
    assert.deepEqual(readdirSync(parent), ['x'])
    assert.equal(readFileSync(join(folder, 'a'), 'utf8'), '1')
  }))

test('every state between two renames is recovered, by readers and by the next writer', () =>
  inFolder(async (parent) => {
    const folder = join(parent, 'x')
    const fresh = join(parent, '.x.new')
    const old = join(parent, '.x.old')
    assert.equal(await presentFolder(folder), undefined)
    for (const [left, found] of [
      [[folder, fresh], folder],
      [[fresh, old], fresh],
      [[folder, old], folder],
      [[old], old],
    ] as const) {
      for (const path of left) await mkdir(path)
      await mkdir(join(parent, '.x.writing-999999999-ab'), { recursive: true })
      assert.equal(await presentFolder(folder), found)
      await writeFile(join(found, 'mine'), 'm')
      await replaceFolder(folder, put('2'), (entry) => entry === 'mine')
      assert.deepEqual(readdirSync(folder).sort(), ['a', 'mine'])
      assert.deepEqual(readdirSync(parent), ['x'])
      await rm(folder, { recursive: true })
    }
  }))

test(
  'a symbolic link stays a link, and leads to what was moved aside',
  { skip: process.platform === 'win32' && 'links need rights on Windows' },
  () =>
    inFolder(async (parent) => {
      const folder = join(parent, 'x')
      const link = join(parent, 'link')
      await symlink('x', link)
      await replaceFolder(link, put('1'), nothing)
      await replaceFolder(link, put('2'), nothing)
      assert.deepEqual(readdirSync(parent), ['link', 'x'])
      await rename(folder, join(parent, '.x.new'))
      assert.equal(readFileSync(join((await presentFolder(link))!, 'a'), 'utf8'), '2')
    }),
)

test('killed at random moments (kill -9), the folder is always complete', () =>
  inFolder(async (parent) => {
    const folder = join(parent, 'x')
    const program = `
      import { replaceFolder } from ${JSON.stringify(new URL('./replace-folder.js', import.meta.url).href)}
      import { writeFileSync } from 'node:fs'
      for (let n = 0; ; n++) {
        await replaceFolder(${JSON.stringify(folder)}, async (to) => { for (const name of ['a', 'b']) writeFileSync(to + '/' + name, String(n)) }, () => false)
        if (n === 0) console.log('ready')
      }`
    for (let round = 0; round < 6; round++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
      await once(child.stdout, 'data')
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 30))
      child.kill('SIGKILL')
      await once(child, 'exit')
      const found = await presentFolder(folder)
      assert.ok(found && existsSync(join(found, 'a')))
      assert.equal(readFileSync(join(found, 'a'), 'utf8'), readFileSync(join(found, 'b'), 'utf8'))
    }
  }))

test('the root of a file system is refused', async () => {
  await assert.rejects(presentFolder('/'), { message: '/: the root of a file system cannot be a checkpoint; name a folder inside it' })
})
