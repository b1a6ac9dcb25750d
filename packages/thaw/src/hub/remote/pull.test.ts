// Pulling from servers that are slow of answer, cut connections, lie about lengths and hashes, redirect, refuse, and list paths that lead elsewhere.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { inFolder } from '../../testing/checkpoints.js'
import { type Misbehaviour, type TestHub, testHub } from '../../testing/hub-server.js'
import { type HubOptions, pull } from './pull.js'

const name = 'someone/tiny'
const weights = Buffer.from(Uint8Array.from({ length: 50_000 }, (_, i) => (i * 7) % 251))
const files = {
  'config.json': Buffer.from('{"model_type":"bert"}'),
  'tokenizer.json': Buffer.from('{}'),
  'model.safetensors': weights,
  'pytorch_model.bin': Buffer.from('a pickle'),
}

const withHub = (
  behave: Misbehaviour,
  use: (hub: TestHub, cache: string, pullIt: (more?: HubOptions) => Promise<string>) => Promise<void>,
  content: Record<string, Buffer> = files,
) =>
  inFolder(async (cache) => {
    await using hub = await testHub(name, content, behave)
    await use(hub, cache, (more = {}) => pull(name, { endpoint: hub.origin, cache, patience: 1, registry: '', ...more }))
  })

const isWhole = (folder: string) => assert.ok(readFileSync(join(folder, 'model.safetensors')).equals(weights))

test('what a checkpoint is loaded from is pulled once, into the layout of the hub’s own cache', () =>
  withHub({}, async (hub, cache, pullIt) => {
    const folder = await pullIt()
    assert.equal(folder, join(cache, 'models--someone--tiny', 'snapshots', 'a'.repeat(40)))
    assert.deepEqual(readdirSync(folder).sort(), ['config.json', 'model.safetensors', 'tokenizer.json'])
    isWhole(folder)
    const before = hub.requests.filter(({ path }) => path.includes('/resolve/')).length
    await pullIt()
    assert.equal(hub.requests.filter(({ path }) => path.includes('/resolve/')).length, before)
    assert.equal(await pull(name, { cache, offline: true, registry: '' }), folder)
  }))

test('a cut connection is taken up where it broke', () =>
  withHub({ cut: { after: 15_000, times: 3 } }, async (hub, _cache, pullIt) => {
    const seen: number[] = []
    isWhole(await pullIt({ onProgress: ({ path, bytes }) => path === 'model.safetensors' && seen.push(bytes) }))
    const ranges = hub.requests.filter(({ path }) => path.endsWith('model.safetensors')).map(({ range }) => range)
    assert.equal(ranges[0], undefined)
    // how much of a broken piece arrives is the network's affair: each request goes on from what came, and no byte comes twice
    const starts = ranges.slice(1).map((range) => Number(/^bytes=(\d+)-$/.exec(range ?? 'bytes=0-')![1]))
    assert.equal(starts.length, 3)
    starts.forEach((start, i) => {
      const before = starts[i - 1] ?? 0
      assert.ok(start >= before && start <= before + 15_000, ranges.join())
    })
    assert.equal(seen.at(-1), 50_000)
  }))

test('a connection that falls silent counts as cut', () =>
  withHub({ stall: { after: 15_000, times: 2 } }, async (hub, cache, pullIt) => {
    isWhole(await pullIt({ idle: 400 }))
    hub.behave.stall = { after: 0, times: 9 }
    await assert.rejects(
      pullIt({ idle: 400, attempts: 2, cache: join(cache, 'again') }),
      /the connection was cut 2 times without progress \(nothing came for 0\.4 s\)/,
    )
  }))

test('a server that says nothing to a question is given up', () =>
  withHub({ silent: /\/revision\// }, async (hub, _cache, pullIt) => {
    await assert.rejects(pullIt({ idle: 300 }), {
      message: `${hub.origin}: cannot be reached (nothing came for 0.3 s); work offline with a folder, or name another endpoint`,
    })
  }))

test('a server without ranges sends everything again', () =>
  withHub({ cut: { after: 15_000, times: 1 }, noRanges: true }, async (_hub, _cache, pullIt) => isWhole(await pullIt())))

test('what an earlier process left is gone on with; a part of another version is thrown away', () =>
  withHub({}, async (hub, cache, pullIt) => {
    const snapshot = join(cache, 'models--someone--tiny', 'snapshots', 'a'.repeat(40))
    mkdirSync(snapshot, { recursive: true })
    writeFileSync(join(snapshot, 'model.safetensors.incomplete'), weights.subarray(0, 20_000))
    isWhole(await pullIt())
    assert.ok(hub.requests.some(({ range }) => range === 'bytes=20000-'))
    writeFileSync(join(snapshot, 'tokenizer.json.incomplete'), 'much longer than the file')
    await pullIt()
    assert.ok(existsSync(join(snapshot, 'tokenizer.json')))
  }))

test('a busy server is asked again; one that is cut without end is given up, and what came is kept', async () => {
  for (const path of [/\/api\/.*\/revision\//, /\/tree\//, /model\.safetensors$/]) {
    const busy = { path, times: 2 }
    await withHub({ busy }, async (_hub, _cache, pullIt) => isWhole(await pullIt()))
    assert.equal(busy.times, 0)
  }
  await withHub({ cut: { after: 0, times: 99 } }, async (_hub, _cache, pullIt) => {
    await assert.rejects(pullIt({ attempts: 3 }), /the connection was cut 3 times without progress .*what has arrived is kept: call again to go on/)
  })
})

test('wrong lengths and hashes are found, and nothing of them stays', async () => {
  await withHub({ wrongLength: true }, async (_hub, cache, pullIt) => {
    await assert.rejects(pullIt({ attempts: 2 }), /50000 of 50001 bytes came/)
    assert.ok(!existsSync(join(cache, 'models--someone--tiny', 'refs', 'main')))
  })
  await withHub({ wrongHash: true }, async (_hub, cache, pullIt) => {
    const expected = createHash('sha256').update(weights).digest('hex')
    await assert.rejects(pullIt(), new RegExp(`its hash is ${expected}, expected f{64}; it was deleted`))
    const snapshot = join(cache, 'models--someone--tiny', 'snapshots', 'a'.repeat(40))
    assert.ok(!readdirSync(snapshot).some((file) => file.startsWith('model.safetensors')))
  })
})

test('the token goes to the hub and not to where it redirects', () =>
  withHub({ token: 'secret' }, async (hub, _cache, pullIt) => {
    await assert.rejects(pullIt(), /refused \(status 401\): a token is needed; set HF_TOKEN, or give one/)
    await assert.rejects(pullIt({ token: 'wrong' }), /refused \(status 401\) with the given token: it may have expired/)
    // localhost and 127.0.0.1 are one server and two origins
    await using cdn = await testHub(name, files)
    hub.behave.redirectTo = cdn.origin
    isWhole(await pullIt({ token: 'secret' }))
    assert.ok(cdn.requests.length > 0 && cdn.requests.every(({ authorization }) => authorization === undefined))
  }))

test('the token does not go to where a list says that it goes on', () =>
  withHub({ token: 'secret' }, async (hub, _cache, pullIt) => {
    await using other = await testHub(name, {})
    hub.behave.next = `${other.origin}/api/models/${name}/tree/${'a'.repeat(40)}`
    isWhole(await pullIt({ token: 'secret' }))
    assert.deepEqual(
      other.requests.map(({ authorization }) => authorization),
      [undefined],
    )
  }))

test('a list with paths that lead elsewhere is refused before anything is written', async () => {
  for (const path of ['../../evil.safetensors', '/etc/model.safetensors', 'a/../../config.json', 'C:\\config.json'])
    await withHub({ listed: [{ type: 'file', path, size: 1, oid: 'b'.repeat(40) }] }, async (_hub, cache, pullIt) => {
      await assert.rejects(pullIt(), /which is no path inside the checkpoint; nothing was written/)
      assert.deepEqual(readdirSync(cache), [])
    })
  for (const bad of ['../x', 'a/b/c', 'a/..', '.hidden', 'a b', ''])
    await assert.rejects(pull(bad, { offline: true, registry: '' }), /is no name of a checkpoint: expected owner\/name/)
  await assert.rejects(
    pull('a/b', { offline: true, registry: '', revision: '../../x' }),
    /revision "\.\.\/\.\.\/x": expected a branch, a tag or a commit/,
  )
})

test('a pickle is refused with the reason and the way out', () =>
  withHub(
    {},
    async (_hub, _cache, pullIt) => {
      await assert.rejects(pullIt(), /only there as pytorch_model\.bin, a Python pickle, which runs whatever code it contains/)
      await assert.rejects(pullIt(), /often refs\/pr\/1: thaw hub pull someone\/tiny --revision refs\/pr\/1\)/)
    },
    { 'config.json': files['config.json'], 'pytorch_model.bin': files['pytorch_model.bin'] },
  ))

test('a plain HTTP server, with and without a list of sums; a registry folder', async () => {
  await withHub({ plain: true }, async (_hub, cache, pullIt) => {
    const folder = await pullIt()
    isWhole(folder)
    assert.equal(folder, join(cache, 'models--someone--tiny', 'snapshots', 'plain'))
  })
  const sum = (data: Buffer) => createHash('sha256').update(data).digest('hex')
  const sums = (hash: string) => Buffer.from(`${sum(files['config.json'])}  config.json\n${hash}  model.safetensors\n`)
  await withHub({ plain: true }, async (_hub, _cache, pullIt) => isWhole(await pullIt()), { ...files, SHA256SUMS: sums(sum(weights)) })
  await withHub({ plain: true }, async (_hub, _cache, pullIt) => void (await assert.rejects(pullIt(), /its hash is/)), {
    ...files,
    SHA256SUMS: sums('0'.repeat(64)),
  })
  const [first, second] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const
  const index = (weight_map: object) => Buffer.from(JSON.stringify({ weight_map }))
  const shards = { 'config.json': files['config.json'], [first]: weights, [second]: weights }
  await withHub({ plain: true }, async (_hub, _cache, pullIt) => assert.ok(readFileSync(join(await pullIt(), second)).equals(weights)), {
    ...shards,
    'model.safetensors.index.json': index({ a: first, b: second, c: first }),
  })
  await withHub(
    { plain: true },
    async (_hub, _cache, pullIt) => void (await assert.rejects(pullIt(), /lists a file "\.\.\/b\.safetensors", which is no path/)),
    {
      ...shards,
      'model.safetensors.index.json': index({ a: '../b.safetensors' }),
    },
  )
  await inFolder(async (registry) => {
    mkdirSync(join(registry, name), { recursive: true })
    writeFileSync(join(registry, name, 'config.json'), '{}')
    assert.equal(await pull(name, { registry }), join(registry, name))
  })
})

test('names that are nowhere, servers that are not there, and being offline say what to do', async () => {
  await withHub({}, async (hub) => {
    await assert.rejects(
      pull('nobody/nothing', { endpoint: hub.origin, registry: '' }),
      /nobody\/nothing\/config\.json: not found \(status 404\); check the name and the revision/,
    )
  })
  await inFolder(async (cache) => {
    await assert.rejects(
      pull(name, { endpoint: 'http://127.0.0.1:9', cache, registry: '' }),
      /http:\/\/127\.0\.0\.1:9: cannot be reached .*work offline with a folder/,
    )
    await assert.rejects(pull(name, { cache, offline: true, registry: '' }), /offline, and it is not in the cache .*thaw hub pull someone\/tiny/)
  })
})
