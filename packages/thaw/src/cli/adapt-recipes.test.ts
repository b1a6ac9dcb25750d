// Recipes on the command line that need more than a name: the pretraining text of ewc, the losses of multi-task runs, which layers' adapters matter.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { commandError, thaw } from '../testing/command.js'
import { inToyWorkplace, toyText } from '../testing/toy.js'

const inWorkplace = (use: (cwd: string) => Promise<void>) =>
  inToyWorkplace(async (cwd) => {
    await writeFile(join(cwd, 'wiki.txt'), toyText(40))
    await use(cwd)
  })

const adapt = ['adapt', 'lm', '--train', 'train.jsonl', '--threads', '1', '--epochs', '2', '--no-baseline', '--out', 'out']

test('ewc: the Fisher information is computed from the pretraining text, once a run', () =>
  inWorkplace(async (cwd) => {
    const { code, stderr } = await thaw([...adapt, '--recipe', 'ewc', '--strength', '300', '--fisher-text', 'wiki.txt', '--seeds', '2'], { cwd })
    assert.equal(code, 0, stderr)
    assert.equal(stderr.match(/^fisher +information of 36 parameters, from \d+ windows of wiki\.txt, /gm)?.length, 1)
    const file = join(cwd, 'out/training/fisher.safetensors')
    assert.ok(existsSync(file))
    // a resumed run does not compute it anew
    await rm(join(cwd, 'out/training/seed-2/result.json'))
    await rm(join(cwd, 'wiki.txt'))
    const again = await thaw([...adapt, '--recipe', 'ewc', '--fisher-text', 'wiki.txt', '--seeds', '2', '--resume'], { cwd })
    assert.equal(again.code, 0, again.stderr)
    assert.doesNotMatch(again.stderr, /^fisher/m)
    const error = (...more: string[]) =>
      commandError(['adapt', join(cwd, 'lm'), '--train', join(cwd, 'train.jsonl'), '--out', join(cwd, 'new'), ...more])
    assert.match(
      await error('--recipe', 'ewc'),
      /^--recipe ewc: what did the model learn from\? Name a file of pretraining text by --fisher-text FILE/,
    )
    assert.equal(await error('--strength', '10'), '--strength 10: only recipes that pull have one; add --recipe l2-sp or --recipe ewc')
    assert.equal(
      await error('--recipe', 'lora', '--strength', '10'),
      'lora: it has no strength that could be 10; those that have one are l2-sp and ewc',
    )
    assert.equal(await error('--fisher-text', 'x.txt'), '--fisher-text x.txt: only the recipe ewc uses it; leave it out, or add --recipe ewc')
    assert.ok(!existsSync(join(cwd, 'new')))
  }))

test('the tutorial’s multi-task recipe: six epochs with a [CLF] token, both losses shown', () =>
  inWorkplace(async (cwd) => {
    const args = adapt.filter((word, i) => word !== '--epochs' && adapt[i - 1] !== '--epochs')
    const { code, stderr } = await thaw([...args, '--recipe', 'tutorial-multitask'], { cwd })
    assert.equal(code, 0, stderr)
    assert.match(stderr, /recipe +language-model, linear: /)
    assert.match(stderr, /pooling clf/)
    assert.match(stderr, /epoch 6\/6: accuracy [\d.]+ %, macro-F1 [\d.]+ %, loss [\d.]+; training: task [\d.]+, language [\d.]+/)
  }))

test('ablate: what each span of layers brings, of a saved model and of its adapter; a model without adapters has nothing to switch off', () =>
  inWorkplace(async (cwd) => {
    const trained = await thaw([...adapt, '--recipe', 'convolution-adapters'], { cwd })
    assert.equal(trained.code, 0, trained.stderr)
    assert.equal((await thaw(['export', 'out', '--to', 'adapter', '--out', 'adapter'], { cwd })).code, 0)
    const ablate = (model: string) => thaw(['ablate', model, '--test', 'train.jsonl', '--threads', '1'], { cwd })
    const { code, stdout, stderr } = await ablate('out')
    assert.equal(code, 0, stderr)
    assert.match(
      stdout,
      /^accuracy with all modules [\d.]+ %; points without those of the layers from … to …:\n\noff +to 0.*\n[─ ]+\nfrom 0 +[+−][\d.]+/,
    )
    assert.equal((await ablate('adapter')).stdout, stdout)
    assert.equal((await thaw([...adapt, '--out', 'plain'], { cwd })).code, 0)
    assert.match((await ablate('plain')).stderr, /^thaw: plain: nothing was put into this model's layers, so nothing can be switched off: expected /m)
  }))

test('--find-rate draws the loss by rate, on the terminal and on a page, and starts no run', () =>
  inWorkplace(async (cwd) => {
    const { code, stdout, stderr } = await thaw([...adapt, '--find-rate', '--recipe', 'ulmfit'], { cwd })
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^rate +\S+: a tenth of that with the lowest loss \(r\)$/m)
    assert.match(stdout, /└─+.*[rs]/)
    assert.match(stdout, /^curve +out-rates\.html$/m)
    assert.match(await readFile(join(cwd, 'out-rates.html'), 'utf8'), /Loss by rate/)
    assert.ok(!existsSync(join(cwd, 'out')))
  }))

test('the epoch that is kept, patience, class weights and thresholds on the command line', () =>
  inWorkplace(async (cwd) => {
    const args = [...adapt, '--keep', 'last', '--patience', '1', '--class-weights', 'NUM=2,HUM=0.5', '--thresholds', '--seeds', '1']
    const { code, stderr } = await thaw(args, { cwd })
    assert.equal(code, 0, stderr)
    assert.match(
      stderr,
      /class weights NUM 2,HUM 0\.5, keeps the last epoch, ends after 1 epoch without a better one, thresholds chosen on the validation examples/,
    )
    const error = (...more: string[]) => commandError(['adapt', 'lm', '--out', 'x', ...more])
    assert.match(await error('--class-weights', 'NUM'), /Expected balanced, or label=weight, or several with commas between them\./)
  }))
