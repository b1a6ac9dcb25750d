// Checkpoints of a hub as every command takes them: by name, with the settings of the hub as options. The hub is a server on this machine.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { inFolder } from '../testing/checkpoints.js'
import { commandError, thaw } from '../testing/command.js'
import { testHub } from '../testing/hub-server.js'
import { jsonLines, toyBackbone, toyQuestions, toyText } from '../testing/toy.js'
import { keptPlaces, takeHubOptions, withoutSecrets } from './hub-options.js'
import { createProgram } from './main.js'
import { namedFolders } from './named-checkpoint.js'

const token = 'hf_secret-of-ann'
/** Nothing comes from the environment of who runs the tests. */
const nothing = { HF_ENDPOINT: 'http://127.0.0.1:9', HF_TOKEN: '', HF_HUB_OFFLINE: '', THAW_REGISTRY: '', HF_HUB_CACHE: 'cache' }

const filesOf = (folder: string) => Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]))

/** A workplace with labelled questions, and a hub whose me/lm has 2 layers, and 1 layer where its revision v2 is asked for. */
const withHub = (use: (cwd: string, endpoint: string, run: (...args: string[]) => ReturnType<typeof thaw>) => Promise<void>) =>
  inFolder(async (cwd) => {
    await toyBackbone(join(cwd, 'two'))
    await toyBackbone(join(cwd, 'one'), { layers: 1 })
    await using hub = await testHub('me/lm', filesOf(join(cwd, 'two')), { token, tag: { name: 'v2', files: filesOf(join(cwd, 'one')) } })
    await Promise.all(['one', 'two'].map((name) => rm(join(cwd, name), { recursive: true })))
    await writeFile(join(cwd, 'train.jsonl'), jsonLines(toyQuestions(60)))
    await use(cwd, hub.origin, (...args) => thaw(args, { cwd, env: nothing }))
  })

const short = ['--train', 'train.jsonl', '--epochs', '1', '--threads', '1', '--no-baseline']

/** Every file below a folder that holds the text. */
const holding = (folder: string, text: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name)).includes(text))
    .map(({ name }) => name)

test('adapt takes the revision from the hub that is named, says so in card and config, and keeps no token', () =>
  withHub(async (cwd, endpoint, run) => {
    const places = ['--endpoint', endpoint, '--cache', 'own']
    const made = await run('adapt', 'me/lm', ...short, '--revision', 'v2', ...places, `--token=${token}`, '--recipe', 'lora', '--out', 'out')
    assert.equal(made.code, 0, made.stderr)
    assert.match(made.stderr, /^backbone +me\/lm, revision v2: causal, 1 layers × 16,/m)
    const card = readFileSync(join(cwd, 'out/README.md'), 'utf8')
    assert.ok(card.includes('\nAdapted from `me/lm`, revision `v2`.\n'), card)
    assert.ok(card.includes(`--no-baseline --revision v2 --endpoint ${endpoint} --cache own --recipe lora --out out\n`), card)
    const { thaw: details } = JSON.parse(readFileSync(join(cwd, 'out/config.json'), 'utf8')) as { thaw: Record<string, unknown> }
    assert.deepEqual([details.base, details.baseRevision], ['me/lm', 'v2'])
    assert.deepEqual(holding(cwd, token), [])
    assert.ok(!`${made.stdout}${made.stderr}`.includes(token))
    // a run that goes on finds its checkpoint where it was, without the options, and refuses another revision
    const again = await run('adapt', '--resume', '--seeds', '2', '--jobs', '2', '--out', 'out')
    assert.equal(again.code, 0, again.stderr)
    assert.match(again.stderr, /^backbone +me\/lm, revision v2:/m)
    assert.match(
      (await run('adapt', '--resume', '--revision', 'main', '--out', 'out')).stderr,
      /--revision "main": the run in out was started with "v2"/,
    )
    // an adapter knows the revision of its base
    const exported = await run('export', 'out', '--to', 'adapter', '--out', 'adapter')
    assert.match(exported.stderr, /^the adapter belongs on me\/lm, revision v2; adapter_config\.json/)
    assert.equal(JSON.parse(readFileSync(join(cwd, 'adapter/adapter_config.json'), 'utf8')).revision, 'v2')
    const predicted = await run('predict', 'adapter', 'who made the ship ?', '--cache', 'own')
    assert.equal(predicted.code, 0, predicted.stderr)
    const elsewhere = await run('predict', 'adapter', 'who made the ship ?', '--offline')
    assert.match(
      elsewhere.stderr,
      /trained on me\/lm, which cannot be loaded .*its revision v2 is not in the cache \(cache.*thaw hub pull me\/lm --revision v2/,
    )
  }))

test('offline with nothing cached: what is missing, and the command that helps', () =>
  withHub(async (_cwd, endpoint, run) => {
    const offline = await run('adapt', 'me/lm', ...short, '--endpoint', endpoint, '--offline', '--out', 'out')
    const path = join('cache', 'models--me--lm')
    assert.deepEqual(
      [offline.code, offline.stderr],
      [
        1,
        `thaw: me/lm: there is no folder of this name; as the name of a checkpoint on a hub: me/lm: offline, and it is not in the cache (${path}); pull it once while online: thaw hub pull me/lm, or give a folder\n`,
      ],
    )
    // what was pulled serves
    assert.equal((await run('hub', 'pull', 'me/lm', '--endpoint', endpoint, '--token', token)).code, 0)
    const generated = await run('generate', 'me/lm', 'the river', '--tokens', '2', '--offline')
    assert.equal(generated.code, 0, generated.stderr)
    assert.match((await run('generate', 'me/lm', 'x', '--offline', '--revision', 'v2')).stderr, /its revision v2 is not in the cache/)
  }))

test('generate, export, evaluate and pretrain take names and the same options', () =>
  withHub(async (cwd, endpoint, run) => {
    const places = ['--endpoint', endpoint, '--token', token, '--revision', 'v2']
    const refused = await run('generate', 'me/lm', 'the river', '--endpoint', endpoint)
    assert.match(refused.stderr, /as the name of a checkpoint on a hub: .*refused \(status 401\): a token is needed/)
    assert.equal((await run('generate', 'me/lm', 'the river', '--tokens', '2', ...places)).code, 0)
    assert.equal((await run('export', 'me/lm', '--to', 'safetensors', '--out', 'exported', ...places)).code, 0)
    const { n_layer } = JSON.parse(readFileSync(join(cwd, 'exported/config.json'), 'utf8')) as { n_layer: number }
    assert.equal(n_layer, 1)
    for (const args of [
      ['predict', 'me/lm', 'x'],
      ['evaluate', 'me/lm', '--test', 'train.jsonl'],
      ['ablate', 'me/lm', '--test', 'train.jsonl'],
    ])
      assert.match((await run(...args, ...places)).stderr, /^thaw: me\/lm: this checkpoint is no classifier/)
    await writeFile(join(cwd, 'text.txt'), toyText(60))
    const pretraining = ['pretrain', '--text', 'text.txt', '--from', 'me/lm', '--steps', '1', '--time', '8', '--threads', '1', '--out', 'more']
    const trained = await run(...pretraining, ...places)
    assert.equal(trained.code, 0, trained.stderr)
    assert.equal((await run(...pretraining, ...places, '--resume')).code, 0)
    assert.ok(!existsSync(join(cwd, 'me')))
    assert.deepEqual(holding(cwd, token), [])
  }))

test('a revision belongs to a name on a hub', async () => {
  await inFolder(async (folder) => {
    await toyBackbone(join(folder, 'lm'))
    await toyBackbone(join(folder, 'shelf', 'me', 'lm'))
    const place = join(folder, 'lm')
    assert.equal(
      await commandError(['generate', place, 'x', '--revision', 'v2']),
      `revision "v2": ${place} is a folder, which has no revisions; leave it out, or give the name of a checkpoint on a hub`,
    )
    // nor is what stands in a registry one
    const registry = ['--registry', join(folder, 'shelf'), '--cache', join(folder, 'none'), '--offline']
    assert.match(await commandError(['generate', 'me/lm', 'x', ...registry, '--revision', 'v2']), /its revision v2 is not in the cache/)
    await assert.rejects(namedFolders({ from: place, teacher: undefined }, { revision: 'v2' }), {
      message:
        '--revision v2: neither --from nor --teacher names a checkpoint on a hub; pull it first, and give the folder that is printed: thaw hub pull NAME --revision v2',
    })
    await assert.rejects(namedFolders({ from: 'me/a', teacher: 'me/b' }, { revision: 'v2' }), /--from and --teacher both name a checkpoint on a hub/)
  })
  await inFolder(async (folder) => {
    await writeFile(join(folder, 'train.jsonl'), jsonLines(toyQuestions(20)))
    const words = ['adapt', '--train', join(folder, 'train.jsonl'), '--out', join(folder, 'out'), '--revision', 'v2', '--token', token]
    const { stderr } = await thaw(words, { cwd: folder, env: nothing })
    assert.match(
      stderr,
      /--revision v2: no checkpoint was named that it could be one of; name it: thaw adapt OWNER\/NAME --train .* --revision v2\n$/,
    )
    assert.ok(!stderr.includes(token))
  })
})

test('secrets go neither into what is kept nor into commands to copy', async () => {
  const { hub, rest } = takeHubOptions({ token, proxy: 'http://ann:pass@proxy:3128', endpoint: 'https://hub.example', cache: undefined, top: 5 })
  assert.deepEqual([hub, rest], [{ endpoint: 'https://hub.example', token, proxy: 'http://ann:pass@proxy:3128' }, { top: 5 }])
  assert.deepEqual(keptPlaces(hub), { endpoint: 'https://hub.example' })
  assert.equal(keptPlaces({ token }), undefined)
  const words = (text: string) => withoutSecrets(text.split(' ')).join(' ')
  assert.equal(words(`adapt lm --token ${token} --out x --token=${token}`), 'adapt lm --out x')
  assert.equal(words('adapt --proxy ann:pass@proxy:1 lm --proxy=http://ann:pass@proxy:1 --proxy proxy:1'), 'adapt lm --proxy proxy:1')
  assert.match(await commandError(['generate', 'me/lm', 'x', '--endpoint', 'https://ann:pass@hub.example']), /without name and password/)
  assert.match(await commandError(['generate', 'me/lm', 'x', '--endpoint', 'hub.example']), /Expected an address, like https:\/\/hub\.example/)
})

test('the commands that load a checkpoint have the options, as a group', () => {
  const program = createProgram()
  for (const name of ['adapt', 'predict', 'evaluate', 'ablate', 'trade-offs', 'export', 'generate', 'pretrain', 'demo']) {
    const help = program.commands.find((command) => command.name() === name)!.helpInformation()
    const group = help.slice(help.indexOf('\nHub (of a checkpoint that is given by its name):\n'))
    for (const option of ['--revision', '--endpoint', '--registry', '--cache', '--token', '--proxy', '--offline'])
      assert.match(group, new RegExp(`^ {2}${option}\\b`, 'm'), `${name} ${option}`)
  }
})
