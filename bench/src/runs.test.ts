import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { keptRuns, limited } from './runs.js'

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

test('a run that is asked for twice at a time is done once, and again after a failure', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'thaw-runs-'))
  try {
    const once = keptRuns('x', folder)
    let calls = 0
    const work = async () => {
      calls++
      await new Promise((resolve) => setTimeout(resolve, 5))
      if (calls === 1) throw new Error('no data')
      return calls
    }
    const failed = await Promise.allSettled([once('a', work), once('a', work)])
    assert.ok(failed.every(({ status }) => status === 'rejected') && calls === 1)
    assert.deepEqual(await Promise.all([once('a', work), once('a', work)]), [2, 2])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('so many at a time, the others in order, also where one fails', async () => {
  const inTurn = limited(2)
  const begun: number[] = []
  let [running, most] = [0, 0]
  const work = (i: number) =>
    inTurn(async () => {
      begun.push(i)
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, i === 0 ? 20 : 2))
      running--
      if (i === 1) throw new Error('no data')
      return i
    })
  const results = await Promise.allSettled([0, 1, 2, 3, 4].map(work))
  assert.deepEqual(
    results.map((result) => (result.status === 'fulfilled' ? result.value : 'failed')),
    [0, 'failed', 2, 3, 4],
  )
  assert.deepEqual([begun, most, running], [[0, 1, 2, 3, 4], 2, 0])
})
