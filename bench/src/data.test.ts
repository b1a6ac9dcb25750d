import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { dataFolder, modelsFolder } from './data.js'

test('the environment names the folder; a folder that is absent is a clear error', () => {
  const before = { data: process.env.THAW_DATA, models: process.env.THAW_MODELS }
  try {
    process.env.THAW_DATA = tmpdir()
    assert.equal(dataFolder(), resolve(tmpdir()))
    const missing = join(tmpdir(), 'no such folder')
    process.env.THAW_MODELS = missing
    assert.throws(
      () => modelsFolder(),
      new Error(
        `This benchmark reads published models, but THAW_MODELS is set to ${missing}, which is not a folder. ` +
          'Set THAW_MODELS to the folder that has them (bench/README.md lists what each benchmark needs).',
      ),
    )
  } finally {
    for (const [name, value] of [['THAW_DATA', before.data] as const, ['THAW_MODELS', before.models] as const]) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
})
