import assert from 'node:assert/strict'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { load } from '../adapt/index.js'
import { inFolder } from '../testing/checkpoints.js'
import { toyBackbone } from '../testing/toy.js'
import { bundledFolder } from './bundled.js'

test('an installed checkpoint package is found by its short name, from the folder where it is asked for and from those above it', () =>
  inFolder(async (root) => {
    const folder = join(root, 'node_modules', '@thaw', 'tiny-one')
    await mkdir(join(root, 'app', 'src'), { recursive: true })
    await mkdir(join(root, 'node_modules', '@thaw'), { recursive: true })
    await toyBackbone(join(root, 'made'))
    await rename(join(root, 'made'), folder)
    const from = [join(root, 'app', 'src', 'x.js')]
    assert.equal(bundledFolder('tiny-one', from), undefined) // no package yet
    await writeFile(join(folder, 'package.json'), '{"name": "@thaw/tiny-one", "version": "1.0.0"}')
    const found = bundledFolder('tiny-one', from)
    assert.equal(found && (await load(found)).config.hidden, 16)
    for (const name of ['../tiny-one', 'tiny-two', 'Tiny', '']) assert.equal(bundledFolder(name, from), undefined)
  }))

test('a package without a checkpoint in it is none', () =>
  inFolder(async (root) => {
    await mkdir(join(root, 'node_modules', '@thaw', 'empty'), { recursive: true })
    await writeFile(join(root, 'node_modules', '@thaw', 'empty', 'package.json'), '{}')
    assert.equal(bundledFolder('empty', [join(root, 'x.js')]), undefined)
  }))
