import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { parameterShapes } from '../models/shapes.js'
import { inFolder, tinyBert, tinyParameters } from '../testing/checkpoints.js'
import { type Checkpoint, readCheckpoint, writeCheckpoint } from './checkpoint.js'
import { loadInto } from './load-into.js'

const withCheckpoint = (use: (checkpoint: Checkpoint, folder: string) => Promise<void>) =>
  inFolder(async (parent) => {
    const folder = join(parent, 'x')
    await writeCheckpoint(folder, { config: { model: tinyBert }, parameters: tinyParameters(tinyBert, { 'heads.mlm.bias': [11] }) })
    await using checkpoint = await readCheckpoint(folder)
    await use(checkpoint, folder)
  })

test('the report: loaded, missing, unexpected', () =>
  withCheckpoint(async (checkpoint) => {
    const shapes = parameterShapes({ ...tinyBert, pooler: false })
    const wanted = new Map([...shapes, ['heads.classification.weight', [4, 2]]])
    const { report, data } = await loadInto(checkpoint, wanted)
    assert.deepEqual(report.loaded.toSorted(), [...shapes.keys()].sort())
    assert.deepEqual(report.missing, ['heads.classification.weight'])
    assert.deepEqual(report.unexpected.toSorted(), ['heads.mlm.bias', 'pooler.bias', 'pooler.weight'])
    for (const { path, data: values } of tinyParameters(tinyBert)) if (shapes.has(path)) assert.deepEqual(data.get(path), values)
  }))

test('new rows: allowed by option, the rest of the target is kept', () =>
  withCheckpoint(async (checkpoint, folder) => {
    const path = 'embeddings.token.weight'
    const wanted = new Map([[path, [12, 4]]])
    const refused = `${folder}: ${path} has shape [11,4], the model wants [12,4]; allow new rows with extendRows, or take the checkpoint's configuration`
    await assert.rejects(loadInto(checkpoint, wanted), { message: refused })
    const store = new Float32Array(48).fill(-1)
    const { report, data } = await loadInto(checkpoint, wanted, { extendRows: true, into: () => store })
    assert.deepEqual(report.extended, [{ path, from: 11, to: 12 }])
    assert.equal(data.get(path), store)
    assert.deepEqual([...store.subarray(40)], [5, 5.125, 5.25, 5.375, -1, -1, -1, -1])
  }))

test('a wrong shape names the path and both shapes', () =>
  withCheckpoint(async (checkpoint, folder) => {
    const fails = (path: string, want: number[], has: string) =>
      assert.rejects(loadInto(checkpoint, new Map([[path, want]]), { extendRows: true }), {
        message: `${folder}: ${path} has shape [${has}], the model wants [${want}]; take the checkpoint's configuration, or leave this path out`,
      })
    await fails('layers.0.feedforward.up.weight', [4, 8], '4,6')
    await fails('embeddings.token.weight', [10, 4], '11,4')
    await fails('embeddings.token.weight', [12, 8], '11,4')
    const short = loadInto(checkpoint, new Map([['pooler.bias', [4]]]), { into: () => new Float32Array(3) })
    await assert.rejects(short, { message: 'pooler.bias: the target has 3 elements, shape [4] has 4' })
  }))
