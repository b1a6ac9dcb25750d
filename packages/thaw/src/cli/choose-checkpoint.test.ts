import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { inFolder } from '../testing/checkpoints.js'
import { toyBackbone } from '../testing/toy.js'
import { type ChoiceOptions, chooseCheckpoint, proposal } from './choose-checkpoint.js'
import { namedCheckpoint } from './named-checkpoint.js'

/** Runs with an empty cache and a registry folder, and gives what was said on stderr. */
async function saying<T>(registry: string, use: () => Promise<T>): Promise<{ result: T | Error; said: string }> {
  const before = { cache: process.env.HF_HUB_CACHE, registry: process.env.THAW_REGISTRY, write: process.stderr.write }
  let said = ''
  process.env.HF_HUB_CACHE = join(registry, 'no-cache')
  process.env.THAW_REGISTRY = registry
  process.stderr.write = ((text: string) => {
    said += text
    return true
  }) as typeof process.stderr.write
  try {
    return { result: await use().catch((error: Error) => error), said }
  } finally {
    process.stderr.write = before.write
    for (const [name, value] of [
      ['HF_HUB_CACHE', before.cache],
      ['THAW_REGISTRY', before.registry],
    ] as const)
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
  }
}

const choice = (more: Partial<ChoiceOptions>): ChoiceOptions => ({
  hub: {},
  commandWith: (checkpoint) => `thaw adapt ${checkpoint} --train t.csv --out t`,
  ask: undefined,
  serves: undefined,
  ...more,
})

test('the proposal says what is downloaded: name, size, languages, licence', () => {
  const text = proposal().join('\n')
  for (const part of ['sentence-transformers/all-MiniLM-L6-v2', '22.7 M parameters', 'English', 'Apache-2.0', '92 MB'])
    assert.ok(text.includes(part), text)
})

test('what is on this machine is taken without a question', () =>
  inFolder(async (registry) => {
    await toyBackbone(join(registry, 'sentence-transformers/all-MiniLM-L6-v2'))
    const { result, said } = await saying(registry, () => chooseCheckpoint(choice({})))
    assert.deepEqual(result, { name: 'sentence-transformers/all-MiniLM-L6-v2', folder: join(registry, 'sentence-transformers/all-MiniLM-L6-v2') })
    assert.match(said, /which is on this machine already/)
  }))

test('without a terminal, or offline, the bundled one is taken, and it is said', () =>
  inFolder(async (registry) => {
    const mute = await saying(registry, () => chooseCheckpoint(choice({ serves: '/bundle' })))
    assert.deepEqual(mute.result, { name: 'wiki-masked', folder: '/bundle' })
    assert.match(mute.said, /there is no terminal to ask on: the bundled wiki-masked\n/)
    assert.match(mute.said, /take it with {2}thaw adapt sentence-transformers\/all-MiniLM-L6-v2 --train t\.csv --out t --overwrite\n/)
    const offline = await saying(registry, () =>
      chooseCheckpoint(choice({ serves: '/bundle', hub: { offline: true }, ask: async () => assert.fail('asked') })),
    )
    assert.match(offline.said, /and no server is asked: the bundled wiki-masked\n/)
  }))

test('where nothing is here, the ways out are printed', () =>
  inFolder(async (registry) => {
    const { result } = await saying(registry, () => chooseCheckpoint(choice({ hub: { offline: true } })))
    const { message } = result as Error
    assert.match(message, /^no checkpoint was named, and none is on this machine \(offline\)\n/)
    assert.match(message, /\ntake it: {2}thaw adapt sentence-transformers\/all-MiniLM-L6-v2 --train t\.csv --out t\n/)
    assert.match(message, /\noffline: {2}npm install @thaw\/wiki-masked .*; then thaw adapt wiki-masked --train t\.csv --out t$/)
  }))

test('on a terminal the user is asked until the answer is one', () =>
  inFolder(async (registry) => {
    const answers = ['what?', 'b']
    const questions: string[] = []
    const ask = async (question: string) => {
      questions.push(question)
      return answers.shift()!
    }
    const { result, said } = await saying(registry, () => chooseCheckpoint(choice({ ask, serves: '/bundle' })))
    assert.deepEqual(result, { name: 'wiki-masked', folder: '/bundle' })
    assert.deepEqual(questions, Array(2).fill('Download it? [Y]es, [b]undled wiki-masked, [n]o: '))
    assert.match(said, /offline +the bundled wiki-masked serves/)
    const declined = await saying(registry, () => chooseCheckpoint(choice({ ask: async () => 'n' })))
    assert.equal(
      (declined.result as Error).message,
      'nothing was downloaded; name a checkpoint, a folder or a name on a hub: thaw adapt CHECKPOINT --train t.csv --out t',
    )
  }))

test('a download that fails says what serves offline', () =>
  inFolder(async (registry) => {
    process.env.HF_ENDPOINT = 'http://127.0.0.1:9'
    try {
      const { result } = await saying(registry, () => chooseCheckpoint(choice({ ask: async () => '', serves: '/bundle' })))
      assert.match((result as Error).message, /cannot be reached .*\noffline: the bundled one serves: thaw adapt wiki-masked --train t\.csv --out t$/)
    } finally {
      delete process.env.HF_ENDPOINT
    }
  }))

test('a name that is neither a folder nor on a hub says both', () =>
  inFolder(async (registry) => {
    const { result } = await saying(registry, () => namedCheckpoint('tickets-lm', { offline: true }))
    assert.match(
      (result as Error).message,
      /^tickets-lm: there is no folder of this name; as the name of a checkpoint on a hub: tickets-lm: offline, and/,
    )
    assert.deepEqual(await namedCheckpoint('./some/folder', { offline: true }), { name: './some/folder', folder: './some/folder' })
  }))
