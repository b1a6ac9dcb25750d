import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { keptRuns } from './runs.js'

test('a run is done once, also across processes, and half a line is passed over', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'thaw-runs-'))
  try {
    let done = 0
    const work = async () => ({ accuracy: ++done })
    assert.deepEqual(await keptRuns('x', folder)({ seed: 1 }, work), { accuracy: 1 })
    assert.deepEqual(await keptRuns('x', folder)({ seed: 1 }, work), { accuracy: 1 })
    appendFileSync(join(folder, 'x.jsonl'), '{"key":{"se')
    assert.deepEqual(await keptRuns('x', folder)({ seed: 2 }, work), { accuracy: 2 })
    assert.deepEqual(await keptRuns('x', folder)({ seed: 2 }, work), { accuracy: 2 })
    assert.equal(done, 2)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
