// Small random models of the published families, saved by transformers (bench/peers/make_published_fixtures.py): hidden states agree with Python's,
// also after saving them again.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createExecutor, dim, type Executor, input } from '@thaw/tensor'
import { parameterShapes } from '../models/shapes.js'
import { transformer } from '../models/transformer.js'
import { Scope } from '../nn/scope.js'
import { padded } from '../tasks/inputs.js'
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
}

async function hiddenStates(checkpoint: Checkpoint, rows: readonly number[][]): Promise<number[][][]> {
  const { model } = checkpoint.config
  const shape = [dim('batch'), dim('time')]
  const inputs = { ids: input('ids', shape, 'i32'), visible: input('visible', shape, 'bool'), positions: input('positions', shape, 'i32') }
  const { hidden } = transformer(new Scope(), model, inputs)
  const params = await (await executor()).store('params')
  const shapes = parameterShapes(model)
  await params.declare([...shapes].map(([path, size]) => ({ path, shape: size, dtype: 'f32' })))
  const { report, data } = await loadInto(checkpoint, shapes)
  assert.deepEqual(report.missing, [])
  for (const [path, values] of data) await params.write(path, values)
  const program = await (await executor()).compile({ outputs: { hidden } })
  const feeds = padded(rows, 'right', 1, model.positions)
  const { outputs } = await program.bind({ params }).run({ feeds })
  await program.dispose()
  await params.dispose()
  const time = feeds.ids.shape[1]!
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
