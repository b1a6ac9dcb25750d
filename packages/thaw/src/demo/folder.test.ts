import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { inFolder } from '../testing/checkpoints.js'
import { cleanFolder } from './folder.js'

test('a folder is made, and what an earlier run left in it is removed', () =>
  inFolder(async (parent) => {
    const folder = join(parent, 'a', 'demo')
    await cleanFolder(folder)
    await mkdir(join(folder, 'pretrained'))
    await writeFile(join(folder, 'pretrained', 'config.json'), '{}')
    await writeFile(join(folder, 'report.html'), '')
    await cleanFolder(folder)
    assert.deepEqual(await readdir(folder), ['.thaw-demo'])
  }))

test("a folder that is not the demo's stays as it is", () =>
  inFolder(async (folder) => {
    await writeFile(join(folder, 'thesis.tex'), '')
    await assert.rejects(cleanFolder(folder), {
      message: `${folder}: this folder holds something that is not the demo's (thesis.tex); name another one with --out`,
    })
    assert.deepEqual(await readdir(folder), ['thesis.tex'])
  }))
