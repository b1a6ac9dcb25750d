// What is published installs into an empty folder and runs there: `npm run pack-check`, as one of the tests.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { read, root } from './sources.mjs'

test('the packages install into an empty folder without scripts, run, and stay small', (t) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/pack-check.mjs'], { cwd: root, encoding: 'utf8' })
  if (status === 75) return t.skip(stdout.trim())
  assert.equal(status, 0, stderr)
  t.diagnostic(stdout.trim())
})

test('each package carries the licence of the repository', () => {
  for (const folder of ['packages/tensor', 'packages/thaw']) assert.equal(read(`${folder}/LICENSE`), read('LICENSE'))
})
