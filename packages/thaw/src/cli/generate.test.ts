// `thaw generate` as a process: one line on stdout, whatever the text holds, and nothing else there.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { writeCheckpoint } from '../hub/checkpoint.js'
import { inFolder } from '../testing/checkpoints.js'
import { randomParameters, smallCausal } from '../testing/models.js'
import { trainByteLevelBpe } from '../text/tokenizer/index.js'
import { oneLine } from './generate.js'

const thaw = (args: string[], input?: string) =>
  spawnSync(process.execPath, [fileURLToPath(new URL('../../bin/thaw.js', import.meta.url)), ...args], {
    encoding: 'utf8',
    ...(input ? { input } : {}),
  })

test('thaw generate', async () => {
  await inFolder(async (folder) => {
    const tokenizer = await trainByteLevelBpe(['one\ntwo\nthree\n', 'four\nfive\n'], { vocabulary: 262 })
    const config = { ...smallCausal, vocabulary: tokenizer.size }
    const parameters = [...randomParameters(config)].map(([path, values]) => ({ path, ...values }))
    await writeCheckpoint(`${folder}/model`, { config: { model: config }, parameters, tokenizer })
    const common = ['--threads', '1', '--no-stop']

    const greedy = thaw(['generate', `${folder}/model`, '-', ...common], 'one\ntwo three four five six seven\n')
    assert.equal(greedy.status, 0, greedy.stderr)
    assert.match(greedy.stdout, /^one\\ntwo three four five six seven.+\n$/)
    assert.equal(greedy.stdout.split('\n').length, 2)
    assert.match(greedy.stderr, /^the text has \d+ tokens; the model sees the last 16 of them\n$/)

    const settings = ['--top-k', '20', '--seed', '5', ...common]
    const line = thaw(['generate', `${folder}/model`, 'one', ...settings])
    const stream = thaw(['generate', `${folder}/model`, 'one', '--stream', ...settings])
    assert.equal(stream.stderr, '')
    assert.equal(`${oneLine(stream.stdout.slice(0, -1))}\n`, line.stdout)

    const wrong = thaw(['generate', `${folder}/model`, 'one', '--top-p', '2'])
    assert.deepEqual({ status: wrong.status, stdout: wrong.stdout }, { status: 1, stdout: '' })
    assert.equal(wrong.stderr, 'thaw: topP: expected a number above 0, at most 1; got 2\n')
  })
})
