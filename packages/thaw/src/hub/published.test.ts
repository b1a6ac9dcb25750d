// Small random models of the published families, saved by transformers (bench/peers/make_published_fixtures.py): hidden states agree with Python's,
// also after saving them again.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createExecutor, type Executor } from '@thaw/tensor'
import { parameterShapes } from '../models/shapes.js'
import { transformer } from '../models/transformer.js'
import { Scope } from '../nn/scope.js'
import { classifierInputs } from '../tasks/classification.js'
import { exampleFeeds } from '../tasks/inputs.js'
import { inFolder } from '../testing/checkpoints.js'
import { type Checkpoint, readCheckpoint, writeCheckpoint } from './checkpoint.js'
import { loadInto } from './load-into.js'

const fixtures = fileURLToPath(new URL('../../fixtures/published', import.meta.url))
let shared: Promise<Executor> | undefined
const executor = () => (shared ??= createExecutor({ threads: 1, worker: false }))
after(async () => (await executor())[Symbol.asyncDispose]())

interface Expected {
  ids: number[][]
  mask: number[][]
  hidden: number[][][]
  /** Token types, and the hidden states with them, where the family has two segments. */
  segments?: number[][]
  segmentHidden?: number[][][]
}

async function hiddenStates(checkpoint: Checkpoint, rows: readonly number[][], segments?: readonly number[][]): Promise<number[][][]> {
  const { model } = checkpoint.config
  const inputs = classifierInputs({ segments: segments !== undefined })
  const { hidden } = transformer(new Scope(), model, inputs)
  const params = await (await executor()).store('params')
  const shapes = parameterShapes(model)
  await params.declare([...shapes].map(([path, size]) => ({ path, shape: size, dtype: 'f32' })))
  const { report, data } = await loadInto(checkpoint, shapes)
  assert.deepEqual(report.missing, [])
  for (const [path, values] of data) await params.write(path, values)
  const program = await (await executor()).compile({ outputs: { hidden } })
  const texts = rows.map((ids, r) => [{ ids, segments: segments?.[r] ?? [], truncated: false }])
  const feeds = exampleFeeds(texts, { side: 'right', pad: 1, segments: segments !== undefined })
  const { outputs } = await program.bind({ params }).run({ feeds })
  await program.dispose()
  await params.dispose()
  const time = feeds.ids!.shape[1]!
  const values = outputs.hidden!.data as Float32Array
  return rows.map((row, r) => row.map((_, t) => [...values.subarray((r * time + t) * model.hidden, (r * time + t + 1) * model.hidden)]))
}

const families = {
  bert: 'bert',
  'bert-shards-f16': 'bert',
  roberta: 'bert',
  'xlm-roberta-bf16': 'bert',
  distilbert: 'distilbert',
  electra: 'electra',
  gpt2: 'gpt2',
}

for (const [name, savedAs] of Object.entries(families))
  test(`${name}: hidden states are those of transformers, also when saved (as ${savedAs}) and read again`, async () => {
    const folder = join(fixtures, name)
    const { ids, mask, hidden } = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Expected
    const rows = ids.map((row, r) => row.filter((_, t) => mask[r]![t] === 1))
    const check = (actual: number[][][]) =>
      actual.flat(2).forEach((value, i) => {
        assert.ok(Math.abs(value - hidden.flat(2)[i]!) < 1e-5, `${name}: hidden value ${i} is ${value}, transformers has ${hidden.flat(2)[i]}`)
      })
    await using checkpoint = await readCheckpoint(folder)
    check(await hiddenStates(checkpoint, rows))
    await inFolder(async (out) => {
      const parameters = []
      for (const [path, shape] of parameterShapes(checkpoint.config.model))
        parameters.push({ path, shape, data: await checkpoint.parameters.get(path)!.read() })
      const { layout, ownNames } = await writeCheckpoint(out, { config: { model: checkpoint.config.model }, parameters })
      assert.equal(layout, savedAs)
      assert.deepEqual(ownNames, [])
      await using again = await readCheckpoint(out)
      check(await hiddenStates(again, rows))
    })
  })

for (const name of ['bert', 'electra'])
  test(`${name}: with the token types of pairs, hidden states are those of transformers`, async () => {
    const folder = join(fixtures, name)
    const { ids, mask, segments, segmentHidden, hidden } = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Required<Expected>
    const real = (rows: number[][]) => rows.map((row, r) => row.filter((_, t) => mask[r]![t] === 1))
    await using checkpoint = await readCheckpoint(folder)
    const found = (await hiddenStates(checkpoint, real(ids), real(segments))).flat(2)
    for (const [i, value] of segmentHidden.flat(2).entries())
      assert.ok(Math.abs(found[i]! - value) < 1e-5, `${name}: hidden value ${i} is ${found[i]}, transformers has ${value}`)
    assert.ok(segmentHidden.flat(2).some((value, i) => Math.abs(value - hidden.flat(2)[i]!) > 0.01))
  })
