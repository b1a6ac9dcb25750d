import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { inFolder, tinyBert, tinyParameters } from '../../testing/checkpoints.js'
import { testHub } from '../../testing/hub-server.js'
import { readCheckpoint, writeCheckpoint } from '../checkpoint.js'
import { pull } from './pull.js'
import { pushToHub, pushToRegistry } from './push.js'

test('a checkpoint goes into a registry, and comes back from it by folder and by a plain server', () =>
  inFolder(async (folder) => {
    const [made, registry, cache] = ['made', 'registry', 'cache'].map((name) => join(folder, name)) as [string, string, string]
    await writeCheckpoint(made, { config: { model: tinyBert }, parameters: tinyParameters(tinyBert) })
    mkdirSync(join(made, 'training'))
    writeFileSync(join(made, 'training', 'training.safetensors'), 'a run’s own state')
    const target = await pushToRegistry(made, 'me/tiny', registry)
    assert.deepEqual(readdirSync(target).sort(), ['SHA256SUMS', 'config.json', 'model.safetensors'])
    assert.equal(await pull('me/tiny', { registry }), target)
    const served = Object.fromEntries(readdirSync(target).map((file) => [file, readFileSync(join(target, file))]))
    await using hub = await testHub('me/tiny', served, { plain: true })
    await using checkpoint = await readCheckpoint(await pull('me/tiny', { endpoint: hub.origin, cache, registry: '' }))
    assert.deepEqual(checkpoint.config.model, tinyBert)
  }))

test('what is no checkpoint, and a hub without a token, are refused', () =>
  inFolder(async (folder) => {
    await assert.rejects(pushToRegistry(folder, 'me/x', folder), /no config\.json; give the folder of a checkpoint/)
    await assert.rejects(pushToHub(folder, 'me/x', { endpoint: 'https://hub.example', token: undefined }), {
      message: 'pushing me/x to https://hub.example needs a token with the right to write: set HF_TOKEN, or give one',
    })
  }))
