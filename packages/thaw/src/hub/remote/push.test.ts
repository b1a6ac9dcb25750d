import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { inFolder, tinyBert, tinyParameters } from '../../testing/checkpoints.js'
import { testHub } from '../../testing/hub-server.js'
import { pushHub } from '../../testing/push-server.js'
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

test('a checkpoint goes to a hub in one commit: the repository is made, large files go to their store, without the token', () =>
  inFolder(async (folder) => {
    await writeCheckpoint(folder, { config: { model: tinyBert }, parameters: tinyParameters(tinyBert), extra: { 'README.md': '# tiny' } })
    await using hub = await pushHub('secret')
    const push = (name: string, token: string) => pushToHub(folder, name, { endpoint: `${hub.origin}/`, token, message: 'Tiny' })
    assert.equal(await push('me/tiny', 'secret'), `${hub.origin}/me/tiny`)
    const pushed = hub.repositories.get('me/tiny')!
    assert.deepEqual([...pushed.keys()].sort(), ['README.md', 'config.json', 'model.safetensors'])
    for (const [path, data] of pushed) assert.ok(data.equals(readFileSync(join(folder, path))), path)
    assert.deepEqual([[...hub.authorized.hub], [...hub.authorized.store], hub.titles], [['Bearer secret'], [undefined], ['Tiny']])
    writeFileSync(join(folder, 'README.md'), '# tinier')
    await push('me/tiny', 'secret')
    assert.equal(String(pushed.get('README.md')), '# tinier')
    await assert.rejects(push('me/other', 'wrong'), {
      message: `${hub.origin}/me/other: refused (status 401): the token may have expired, or lacks the right to write there`,
    })
    await assert.rejects(push('tiny', 'secret'), { message: 'tiny: a checkpoint on a hub belongs to somebody: owner/tiny' })
    await assert.rejects(
      pushToHub(folder, 'me/tiny', { endpoint: 'http://127.0.0.1:9', token: 'secret' }),
      /^Error: http:\/\/127\.0\.0\.1:9\/me\/tiny: not pushed: .+; nothing there has changed, push again$/,
    )
  }))

test('what is no checkpoint, and a hub without a token, are refused', () =>
  inFolder(async (folder) => {
    await assert.rejects(pushToRegistry(folder, 'me/x', folder), /no config\.json; give the folder of a checkpoint/)
    await assert.rejects(pushToHub(folder, 'me/x', { endpoint: 'https://hub.example', token: undefined }), {
      message: 'pushing me/x to https://hub.example needs a token with the right to write: set HF_TOKEN, or give one',
    })
  }))
