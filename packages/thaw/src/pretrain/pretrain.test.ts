import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { load } from '../adapt/index.js'
import { inFolder } from '../testing/checkpoints.js'
import { toyText } from '../testing/toy.js'
import { type PretrainEvent, pretrain } from './pretrain.js'
import type { PretrainSettings } from './settings.js'

const settings: Partial<PretrainSettings> = {
  size: 'nano',
  config: { hidden: 16, layers: 1, heads: 2, inner: 32, positions: 16 },
  vocabulary: 300,
  documents: 'line',
  batch: 4,
  time: 16,
  microsteps: 2,
  rate: 3e-3,
  seed: 3,
  steps: 30,
}

test('a model learns the text; a run that is stopped and resumed gives the same losses, validations and parameters', () =>
  inFolder(async (root) => {
    const text = [join(root, 'text.txt')]
    await writeFile(text[0]!, toyText(400))
    const run = async (out: string, resume: boolean, stopAfter?: number) => {
      const controller = new AbortController()
      const seen: unknown[] = []
      const onEvent = (event: PretrainEvent) => {
        if (event.kind === 'step') seen.push([event.step, event.loss])
        if (event.kind === 'validation') seen.push(['validation', event.step, event.report.loss])
        if (event.kind === 'step' && event.step === stopAfter) controller.abort()
      }
      const report = await pretrain({ text, ...settings }, { out: join(root, out), resume, threads: 1, onEvent, signal: controller.signal })
      return { seen, report }
    }
    const whole = await run('whole', false)
    assert.ok(whole.report.validation!.perToken < 150, `perplexity ${whole.report.validation!.perToken}, at random 300`)
    assert.equal(whole.report.tokens, 30 * 4 * 16 * 2)
    const first = await run('parts', false, 11)
    assert.deepEqual([first.report.steps, first.report.stopped], [11, true])
    const second = await run('parts', true)
    assert.deepEqual([...first.seen, ...second.seen], whole.seen)
    assert.deepEqual([...(await load(join(root, 'parts'))).parameters], [...(await load(join(root, 'whole'))).parameters])
    assert.deepEqual((await run('parts', true)).report, second.report)
  }))

test('a resumed run goes on with the text it began with, or not at all', () =>
  inFolder(async (root) => {
    const text = [join(root, 'text.txt')]
    await writeFile(text[0]!, toyText(200))
    const out = join(root, 'out')
    const controller = new AbortController()
    const onEvent = (event: PretrainEvent) => {
      if (event.kind === 'step') controller.abort()
    }
    await pretrain({ text, ...settings }, { out, threads: 1, onEvent, signal: controller.signal })
    assert.equal(JSON.parse(await readFile(join(out, 'training/run.json'), 'utf8')).rate, 3e-3)
    await writeFile(text[0]!, toyText(210))
    await assert.rejects(pretrain({ text }, { out, threads: 1, resume: true }), {
      message: new RegExp(
        `^${out}: the text has changed: the run began with \\d+ tokens, now there are \\d+; bring the text back, or start a new run$`,
      ),
    })
  }))
