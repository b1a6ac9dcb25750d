// An adapter by the command line: out of a classifier, and back onto its base.

import assert from 'node:assert/strict'
import { readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { adapt } from '../adapt/adapt.js'
import { houlsby, lora, recipe } from '../adapt/recipe/index.js'
import { classification } from '../tasks/classification.js'
import { inFolder } from '../testing/checkpoints.js'
import { commandError, thaw } from '../testing/command.js'
import { toyBackbone, toyQuestions } from '../testing/toy.js'

test('thaw export --to adapter, and thaw predict with the adapter: what the classifier itself says', () =>
  inFolder(async (cwd) => {
    const base = await toyBackbone(join(cwd, 'lm'))
    const questions = toyQuestions(40)
    for (const [name, made] of Object.entries({ lora: recipe(lora({ rank: 2 })), houlsby: recipe(houlsby({ size: 4 })), full: undefined })) {
      const { model } = await adapt(base, classification({ labels: ['HUM', 'LOC', 'NUM'] }), {
        ...{ train: questions.slice(0, 32), valid: questions.slice(32), epochs: 2, batch: 16, rate: 1e-2, threads: 1 },
        ...(made ? { recipe: made } : {}),
      })
      await model.save(join(cwd, name))
      await model.dispose()
    }
    const asked = (folder: string, ...more: string[]) => thaw(['predict', folder, 'who saw the king ?', '--threads', '1', ...more], { cwd })
    for (const [name, files] of [
      ['lora', ['adapter.safetensors', 'adapter_config.json', 'adapter_model.safetensors']],
      ['houlsby', ['adapter.safetensors']],
    ] as const) {
      const { code, stdout, stderr } = await thaw(['export', name, '--to', 'adapter', '--out', `${name}-adapter`], { cwd })
      assert.equal(code, 0, stderr)
      assert.deepEqual((await readdir(join(cwd, `${name}-adapter`))).sort(), files)
      assert.match(stderr, name === 'lora' ? /are for Python's peft, without the head/ : /Python's peft has no layout for it/)
      assert.match(stdout, new RegExp(`thaw predict ${name}-adapter`))
      assert.equal((await asked(`${name}-adapter`)).stdout, (await asked(name)).stdout)
    }
    assert.match(
      (await thaw(['export', 'full', '--to', 'adapter', '--out', 'x'], { cwd })).stderr,
      /its adaptation trained the whole model, so there is no adapter/,
    )
    await rename(join(cwd, 'lm'), join(cwd, 'moved'))
    assert.match((await asked('lora-adapter')).stderr, /the adapter was trained on .*lm, which cannot be loaded .*; name its place by --base/)
    assert.equal((await asked('lora-adapter', '--base', 'moved')).stdout, (await asked('lora')).stdout)
    assert.match(await commandError(['predict', join(cwd, 'lora'), 'who', '--base', join(cwd, 'moved')]), /is no adapter; leave the option out/)
  }))
