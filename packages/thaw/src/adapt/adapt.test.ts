import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type AdaptOptions, adapt, type Backbone, classification, load, loadClassifier } from '../index.js'
import { inFolder } from '../testing/checkpoints.js'
import { nearlyEqual } from '../testing/nearly.js'
import { toyBackbone, toyQuestions } from '../testing/toy.js'

const labels = ['HUM', 'LOC', 'NUM']
const task = classification({ labels })
const questions = toyQuestions(100)
const data = { train: questions.slice(0, 64), valid: questions.slice(64, 84), threads: 1 }
const fresh = questions.slice(84).map(({ text }) => text)

/** Adapts, saves, loads what was saved; and says which elements of which parameter differ from the backbone's. */
async function adapted(folder: string, backbone: Backbone, options: Partial<AdaptOptions>) {
  const { model, report } = await adapt(backbone, task, { ...data, ...options })
  await using _ = model
  await model.save(folder)
  const saved = await load(folder)
  const moved = new Map<string, number>()
  for (const [path, { data }] of backbone.parameters) {
    const now = saved.parameters.get(path)?.data
    if (now)
      moved.set(
        path,
        data.reduce((sum, value, i) => sum + Number(value !== now[i]), 0),
      )
  }
  return { report, saved, moved, predictions: await model.predict(fresh) }
}

test('full: every parameter is trained, the task is learnt, and the saved folder loads and predicts the same', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const { report, saved, moved, predictions } = await adapted(join(root, 'out'), backbone, { epochs: 12, rate: 3e-3, batch: 16 })
    assert.deepEqual(
      [...moved].filter(([, n]) => n === 0),
      [],
    )
    assert.equal(report.trained, report.parameters)
    assert.deepEqual(report.load.fresh, ['heads.classification.weight', 'heads.classification.bias'])
    assert.deepEqual([report.load.loaded.length, report.load.unused], [backbone.parameters.size, []])
    assert.ok(report.valid.accuracy > 0.9, `accuracy ${report.valid.accuracy}`)
    assert.equal(report.valid.accuracy, Math.max(...report.epochs.map((epoch) => epoch.accuracy)))
    assert.deepEqual(saved.details.labels, labels)
    await using again = await loadClassifier(join(root, 'out'), { threads: 1 })
    nearlyEqual(await again.predict(fresh), predictions)
    assert.equal((await again.predict('where is the king ?'))[0]!.label, 'LOC')
    // a classifier is a checkpoint: it can be adapted again, and its old head is left over
    const { report: second } = await adapted(join(root, 'again'), saved, { epochs: 1 })
    assert.deepEqual(second.load.unused, ['heads.classification.weight', 'heads.classification.bias'])
  }))

test('frozen: the head is trained on a mix of layers, the backbone is what it was bit for bit', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const { report, saved, moved, predictions } = await adapted(join(root, 'out'), backbone, { scheme: 'frozen', epochs: 30 })
    assert.deepEqual(
      [...moved].filter(([, n]) => n > 0),
      [],
    )
    assert.equal(report.trained, 3 + 1 + 16 * 3 + 3) // mix of 3 layers, its scale, the head
    const mix = saved.parameters.get('heads.mix.weights')!.data
    assert.ok(
      mix.every((weight) => weight !== 0),
      `the mix has not moved: ${mix}`,
    )
    assert.ok(report.valid.accuracy > 0.6, `accuracy ${report.valid.accuracy}`)
    await using again = await loadClassifier(join(root, 'out'), { threads: 1 })
    nearlyEqual(await again.predict(fresh), predictions)
  }))

test('frozen with a [CLF] token: its row and the head are trained, every other row of the table is what it was', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const options = { scheme: 'frozen', pooling: 'clf', epochs: 2 } as const
    const { report, saved, moved, predictions } = await adapted(join(root, 'out'), backbone, options)
    assert.deepEqual(
      [...moved].filter(([, n]) => n > 0),
      [],
    )
    const id = saved.tokenizer.tokenToId('[CLF]')!
    assert.equal(id, backbone.config.vocabulary)
    assert.equal(saved.config.vocabulary, id + 1)
    assert.equal(backbone.tokenizer.tokenToId('[CLF]'), undefined)
    assert.match(await readFile(join(root, 'out', 'tokenizer.json'), 'utf8'), /"\[CLF\]"/)
    assert.equal(report.trained, 16 * 3 + 3 + 16)
    assert.deepEqual(report.load.fresh, ['embeddings.token.weight[320:321]', 'heads.classification.weight', 'heads.classification.bias'])
    const row = (from: Backbone) => from.parameters.get('embeddings.token.weight')!.data.slice(id * 16)
    // the same start, not trained: one step at rate 0 would be no step, so a run of another length is compared
    const other = await adapted(join(root, 'other'), backbone, { ...options, epochs: 1 })
    assert.notDeepEqual(row(saved), row(other.saved))
    assert.ok(!saved.parameters.has('embeddings.token.added'))
    await using again = await loadClassifier(join(root, 'out'), { threads: 1 })
    nearlyEqual(await again.predict(fresh), predictions)
  }))

test('full with a [CLF] token: a spare row of the table is taken and starts anew', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'), { vocabulary: 328 })
    const { report, saved } = await adapted(join(root, 'out'), backbone, { pooling: 'clf', epochs: 1 })
    assert.deepEqual(report.load.fresh, ['embeddings.token.weight[320:321]', 'heads.classification.weight', 'heads.classification.bias'])
    assert.equal(saved.config.vocabulary, 328)
  }))

test('from scratch nothing is loaded; what a model does not want is reported as unused', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'), {}, { 'heads.language.weight': [16, 4] })
    const { report, moved } = await adapted(
      join(root, 'full'),
      { ...backbone, parameters: new Map([...backbone.parameters].filter(([path]) => path !== 'norm.bias')) },
      { epochs: 1 },
    )
    assert.deepEqual(report.load.unused, ['heads.language.weight'])
    assert.deepEqual(report.load.fresh, ['norm.bias', 'heads.classification.weight', 'heads.classification.bias'])
    assert.ok(!moved.has('norm.bias'))
    const scratch = await adapt(backbone, task, { ...data, scheme: 'scratch', epochs: 1 })
    await scratch.model.dispose()
    assert.deepEqual(scratch.report.load.loaded, [])
    assert.equal(scratch.report.load.unused.length, backbone.parameters.size)
  }))

test('a run that is stopped and resumed gives the losses, the epochs and the model of one that is not', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    for (const options of [{ dropout: 0.3 }, { scheme: 'frozen', pooling: 'clf' }] as Partial<AdaptOptions>[]) {
      const run = async (stateFolder: string, stopAfter: number, resume: boolean) => {
        const controller = new AbortController()
        const losses: [number, number][] = []
        const { model, report } = await adapt(backbone, task, {
          ...data,
          ...options,
          epochs: 3,
          batch: 16,
          stateFolder,
          resume,
          signal: controller.signal,
          onEvent(event) {
            if (event.kind !== 'step') return
            losses.push([event.step, event.loss])
            if (event.step === stopAfter) controller.abort()
          },
        })
        await using _ = model
        return { losses, epochs: report.epochs, stopped: report.stopped, predictions: await model.predict(fresh) }
      }
      const whole = await run(join(root, 'whole'), 0, false)
      assert.equal(whole.losses.length, 12)
      const folder = join(root, 'parts')
      const first = await run(folder, 5, false)
      const second = await run(folder, 8, true) // at the end of an epoch: its validation is part of what is saved
      const third = await run(folder, 0, true)
      assert.deepEqual([first.stopped, second.stopped, third.stopped], [true, true, false])
      assert.deepEqual([...first.losses, ...second.losses, ...third.losses], whole.losses)
      assert.deepEqual([third.epochs, third.predictions], [whole.epochs, whole.predictions])
    }
  }))

test('what cannot work is said before anything is computed', () =>
  inFolder(async (root) => {
    const backbone = await toyBackbone(join(root, 'lm'))
    const fails = (options: Partial<AdaptOptions>, message: RegExp | string) =>
      assert.rejects(adapt(backbone, task, { ...data, ...options }), { message })
    await fails({ train: [] }, 'train: no examples')
    await fails({ valid: [{ text: 'x' }] }, 'valid: example 1 has no label')
    await fails({ train: [{ text: 'x', label: 'ABBR' }] }, 'train: example 1: label "ABBR" is not among the model\'s: HUM, LOC, NUM')
    await fails({ maxLength: 25 }, 'max length 25: the model has 24 positions')
    await fails(
      { scheme: 'frozen', pooling: 'max' },
      /^pooling max: a frozen backbone is pooled by the mean .* take one of these, or the scheme full$/,
    )
    const state = { stateFolder: join(root, 'state'), epochs: 1 }
    await (await adapt(backbone, task, { ...data, ...state })).model.dispose()
    await fails(
      { ...state, resume: true, rate: 0.5 },
      `${state.stateFolder}: the run was started with rate 0.0003, now it is 0.5; a resumed run keeps its settings`,
    )
    await fails(
      { ...state, resume: true, valid: questions.slice(0, 20) },
      `${state.stateFolder}: the run was started with other texts or labels; bring those back, or start a new run`,
    )
  }))
