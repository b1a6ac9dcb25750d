// `thaw hub` as a user runs it, against a server on this machine.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { inFolder } from '../testing/checkpoints.js'
import { thaw } from '../testing/command.js'
import { testHub } from '../testing/hub-server.js'
import { pushHub } from '../testing/push-server.js'
import { toyBackbone } from '../testing/toy.js'

const card = '---\nlicense: mit\n---\n# tiny\n'
const files = { 'config.json': Buffer.from('{}'), 'model.safetensors': Buffer.from('weights'), 'README.md': Buffer.from(card) }
const nothing = { HF_ENDPOINT: 'http://127.0.0.1:9', HF_TOKEN: '', HF_HUB_OFFLINE: '', THAW_REGISTRY: '', HF_HUB_CACHE: 'cache' }

test('pull, list, card: endpoint, token and cache by options and by the environment; offline from the cache', () =>
  inFolder(async (cwd) => {
    await using hub = await testHub('me/tiny', files, { token: 'secret' })
    const run = (args: string[], env = {}) => thaw(['hub', ...args], { cwd, env: { ...nothing, ...env } })
    const empty = await run(['list'])
    assert.deepEqual(
      [empty.stdout, empty.stderr],
      ['', 'nothing in the cache; name a --registry folder, or pull a checkpoint: thaw hub pull owner/name\n'],
    )
    assert.match(
      (await run(['pull', 'me/tiny', '--endpoint', hub.origin])).stderr,
      /^thaw: .*me\/tiny: refused \(status 401\): a token is needed; set HF_TOKEN, or give one\n$/,
    )
    assert.match((await run(['pull', 'me/tiny', '--offline'])).stderr, /^thaw: me\/tiny: offline, and it is not in the cache/)
    const snapshot = (cache: string) => `${join(cache, 'models--me--tiny', 'snapshots', 'a'.repeat(40))}\n`
    const byOptions = await run(['pull', 'me/tiny', '--endpoint', hub.origin, '--token', 'secret', '--cache', 'own'])
    assert.deepEqual([byOptions.stdout, byOptions.stderr], [snapshot('own'), ''])
    const byEnvironment = await run(['pull', 'me/tiny'], { HF_ENDPOINT: hub.origin, HF_TOKEN: 'secret' })
    assert.deepEqual([byEnvironment.stdout, byEnvironment.stderr], [snapshot('cache'), ''])
    assert.equal((await run(['list'])).stdout, 'me/tiny\n')
    for (const offline of [['--offline'], []])
      assert.equal((await run(['card', 'me/tiny', ...offline], offline.length > 0 ? {} : { HF_HUB_OFFLINE: 'true' })).stdout, card)
    assert.match(
      (await run(['pull', 'me/tiny', '--endpoint', hub.origin, '--proxy', '127.0.0.1:9'])).stderr,
      /cannot be reached \(through the proxy http:\/\/127\.0\.0\.1:9: connect ECONNREFUSED/,
    )
  }))

test('push: to a registry folder, to a hub; without a card that is said where one is asked for', () =>
  inFolder(async (cwd) => {
    await toyBackbone(join(cwd, 'lm'))
    const run = (args: string[], env = {}) => thaw(['hub', ...args], { cwd, env: { ...nothing, ...env } })
    assert.equal((await run(['push', 'lm', 'me/lm', '--registry', 'shelf'])).stdout, `${join('shelf', 'me', 'lm')}\n`)
    assert.equal((await run(['card', 'me/lm'], { THAW_REGISTRY: 'shelf' })).stderr, 'thaw: me/lm: it has no card (README.md)\n')
    await using hub = await pushHub('secret')
    assert.match(
      (await run(['push', 'lm', 'me/lm', '--endpoint', hub.origin])).stderr,
      /^thaw: pushing me\/lm to .* needs a token with the right to write: set HF_TOKEN/,
    )
    const pushed = await run(['push', 'lm', 'me/lm', '--endpoint', hub.origin, '--token', 'secret'])
    assert.deepEqual([pushed.stdout, pushed.stderr], [`${hub.origin}/me/lm\n`, ''])
    assert.ok(hub.repositories.get('me/lm')!.has('model.safetensors'))
  }))
