// Adapters apart from their backbones: taken out of a trained classifier and put back, they give the same probabilities; on another model they are refused.

import assert from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { createExecutor } from '@thaw/tensor'
import { writeSafetensors } from '../../hub/safetensors-write.js'
import { classification } from '../../tasks/classification.js'
import { inFolder } from '../../testing/checkpoints.js'
import { nearlyEqual } from '../../testing/nearly.js'
import { toyBackbone, toyQuestions } from '../../testing/toy.js'
import { type AdaptOptions, adapt } from '../adapt.js'
import { type Backbone, load, saveBackbone } from '../backbone.js'
import { classifierFrom } from '../classifier.js'
import { addedRow } from '../parameters.js'
import { bitfit, houlsby, ia3, lora, newOnly, parallelAdapter, type Recipe, recipe, topOnly } from '../recipe/index.js'
import { type Adapter, adapterOf, adapterSize } from './adapter.js'
import { withAdapter } from './attach.js'
import { loadAdapter, saveAdapter } from './file.js'
import { mergeAdapters } from './merge.js'
import { adapterSet } from './set.js'

const questions = toyQuestions(60)
const texts = questions.slice(40)
const data = { train: questions.slice(0, 32), valid: questions.slice(32, 40), threads: 1, batch: 16, epochs: 1, rate: 1e-2 }

/** A classifier trained from a backbone, as a checkpoint, and what it says of some texts. */
async function trained(backbone: Backbone, folder: string, options: Partial<AdaptOptions>, labels = ['HUM', 'LOC', 'NUM']) {
  const { model } = await adapt(backbone, classification({ labels }), { ...data, ...options })
  await using _ = model
  await model.save(folder)
  return { saved: await load(folder), probabilities: await model.probabilities(texts) }
}

async function probabilities(backbone: Backbone): Promise<Float32Array[]> {
  await using model = await classifierFrom(backbone, { threads: 1 })
  return await model.probabilities(texts)
}

const largestDifference = (a: readonly Float32Array[], b: readonly Float32Array[]) =>
  Math.max(...a.flatMap((row, r) => [...row].map((value, i) => Math.abs(value - b[r]![i]!))))

const recipes: Record<string, Recipe> = {
  lora: recipe(lora({ rank: 2, targets: ['layers.*.attention.{query,value}.weight', 'layers.*.feedforward.up.weight'] })),
  houlsby: recipe(houlsby({ size: 4 })),
  convolution: recipe(houlsby({ size: 4, kernel: 3 })),
  parallel: recipe(parallelAdapter({ size: 4 })),
  ia3: recipe(ia3()),
  bitfit: recipe(bitfit()),
  'head only': recipe(newOnly()),
  'top layer': recipe(topOnly()),
}

test('taken out of a classifier, written, read and put back: the same probabilities, in a small file', () =>
  inFolder(async (root) => {
    const base = await toyBackbone(join(root, 'base'))
    const whole = (await stat(join(root, 'base', 'model.safetensors'))).size
    for (const [name, made] of Object.entries(recipes)) {
      const { saved, probabilities: wanted } = await trained(base, join(root, name), { recipe: made, pooling: name === 'lora' ? 'clf' : 'mean' })
      const { bytes } = await saveAdapter(join(root, `${name}-adapter`), await adapterOf(saved))
      const adapter = await loadAdapter(join(root, `${name}-adapter`))
      assert.equal(adapter.base.name, join(root, 'base'), name)
      assert.ok(adapterSize(adapter) * 4 < bytes && (name === 'top layer' || bytes < whole / 3), `${name}: ${bytes} bytes beside ${whole}`)
      const again = await withAdapter(base, adapter)
      nearlyEqual(await probabilities(again), wanted, 1e-6, name)
      for (const [path, { data: values }] of saved.parameters) assert.deepEqual(again.parameters.get(path)?.data, values, `${name}: ${path}`)
    }
  }))

test('a frozen backbone: the head on a mix of layers, on a trained token; and a token in a spare row of the table', () =>
  inFolder(async (root) => {
    const base = await toyBackbone(join(root, 'base'), { vocabulary: 330 })
    const kinds: [Partial<AdaptOptions>, string[]][] = [
      [{ scheme: 'frozen' }, ['heads.mix.weights', 'heads.mix.scale', 'heads.classification.weight', 'heads.classification.bias']],
      [{ scheme: 'frozen', pooling: 'clf' }, ['heads.classification.weight', 'heads.classification.bias', addedRow]],
      [{ recipe: recipe(newOnly()), pooling: 'clf' }, ['heads.classification.weight', 'heads.classification.bias', addedRow]],
    ]
    for (const [options, paths] of kinds) {
      const { saved, probabilities: wanted } = await trained(base, join(root, 'out'), options)
      const adapter = await adapterOf(saved)
      assert.deepEqual(new Set(adapter.parameters.keys()), new Set(paths))
      nearlyEqual(await probabilities(await withAdapter(base, adapter)), wanted)
    }
    // and where the table has to grow for the token
    const full = await toyBackbone(join(root, 'full'))
    const { saved, probabilities: wanted } = await trained(full, join(root, 'grown'), { scheme: 'frozen', pooling: 'clf' })
    nearlyEqual(await probabilities(await withAdapter(full, await adapterOf(saved))), wanted)
    await using set = await adapterSet(full, { threads: 1 })
    nearlyEqual(await (await set.add('grown', await adapterOf(saved))).probabilities(texts), wanted)
  }))

test('where the whole model was trained there is no adapter', () =>
  inFolder(async (root) => {
    const base = await toyBackbone(join(root, 'base'))
    const { saved } = await trained(base, join(root, 'full'), {})
    await assert.rejects(adapterOf(saved), /full: its adaptation trained the whole model, so there is no adapter to take from it/)
    await assert.rejects(adapterOf(base), /base: this checkpoint is no classifier/)
  }))

test('another base is refused: by its form, its sites, its shapes, its weights', () =>
  inFolder(async (root) => {
    const base = await toyBackbone(join(root, 'base'))
    const { saved } = await trained(base, join(root, 'tickets'), { recipe: recipe(houlsby({ size: 4 })) })
    const adapter = await adapterOf(saved)
    const refused = async (to: Backbone, changed: Adapter, message: RegExp) => assert.rejects(withAdapter(to, changed), { message })
    const deeper = await toyBackbone(join(root, 'deeper'), { layers: 3, inner: 16 })
    await refused(deeper, adapter, /tickets: trained on .*base, which is another model than .*deeper: layers 2, here 3; inner 32, here 16\. Load the/)
    const values = new Map(adapter.parameters)
    const down = 'layers.1.attention.adapter.down.weight'
    await refused(
      base,
      { ...adapter, parameters: new Map([...values].filter(([path]) => path !== down)) },
      /layers\.1\.attention\.adapter\.down\.weight is missing: the recipe houlsby needs it/,
    )
    const moved = new Map(values).set(down.replace('1', '7'), values.get(down)!)
    await refused(
      base,
      { ...adapter, parameters: moved },
      /layers\.7\.attention\.adapter\.down\.weight has no place in .*base with the recipe houlsby/,
    )
    const wide = new Map(values).set(down, { shape: [16, 8], data: new Float32Array(128) })
    await refused(base, { ...adapter, parameters: wide }, /layers\.1\.attention\.adapter\.down\.weight is \[16,8\], .*base needs \[16,4\]/)
    const weight = 'layers.0.feedforward.up.weight'
    const other = base.parameters.get(weight)!
    const nudged = {
      ...base,
      source: 'nudged',
      parameters: new Map(base.parameters).set(weight, { ...other, data: other.data.map((x, i) => (i === 5 ? x + 1e-6 : x)) }),
    }
    await refused(
      nudged,
      adapter,
      /trained on .*base, whose weights \(SHA-256 \w{8}…\) are not those of nudged \(\w{8}…\): load the checkpoint it was trained on, or say otherWeights/,
    )
    await withAdapter(nudged, adapter, { otherWeights: true })
    // norms are the adapter's own: the base's are not looked at
    const norm = base.parameters.get('layers.0.attention.norm.weight')!
    await withAdapter(
      { ...base, parameters: new Map(base.parameters).set('layers.0.attention.norm.weight', { ...norm, data: norm.data.map((x) => 2 * x) }) },
      adapter,
    )

    await assert.rejects(loadAdapter(join(root, 'base')), /base: no adapter\.safetensors here; name the folder/)
    await writeSafetensors(join(root, 'x.safetensors'), [])
    await assert.rejects(loadAdapter(join(root, 'x.safetensors')), /x\.safetensors: its header does not say what it was trained on/)
    await writeSafetensors(join(root, 'x.safetensors'), [], { thaw_adapter: '{"version":2}' })
    await assert.rejects(loadAdapter(join(root, 'x.safetensors')), /an adapter of version 2; this Thaw reads version 1/)
  }))

test('merged: the pretrained form, the same probabilities within 1e-5, and the saved model too', () =>
  inFolder(async (root) => {
    const base = await toyBackbone(join(root, 'base'))
    for (const name of ['lora', 'ia3', 'houlsby'] as const) {
      const { saved, probabilities: wanted } = await trained(base, join(root, name), { recipe: recipes[name]!, epochs: 3, rate: 3e-2 })
      if (name === 'houlsby') {
        assert.throws(() => mergeAdapters(saved), /houlsby: nothing to merge \(recipe: houlsby\): low-rank updates/)
        continue
      }
      const merged = mergeAdapters(saved)
      const paths = [...merged.parameters.keys()].filter((path) => !path.startsWith('heads.'))
      assert.deepEqual(paths.toSorted(), [...base.parameters.keys()].toSorted())
      await saveBackbone(join(root, 'merged'), merged)
      const again = await load(join(root, 'merged'))
      assert.ok(largestDifference(await probabilities(again), wanted) < 1e-5)
      assert.ok(
        largestDifference(await probabilities({ ...again, parameters: new Map([...again.parameters, ...base.parameters]) }), wanted) > 1e-3,
        'it has learnt',
      )
      assert.deepEqual(again.details.thaw?.merged, [name])
      await assert.rejects(adapterOf(again), /was merged into the weights; take the adapter from the model before that/)
    }
  }))

test('several adapters on one backbone: swapped without compiling, each with its own answers', () =>
  inFolder(async (root) => {
    const base = await toyBackbone(join(root, 'base'))
    const made = recipes.lora!
    const first = await trained(base, join(root, 'first'), { recipe: made, pooling: 'clf' })
    const second = await trained(base, join(root, 'second'), { recipe: made, pooling: 'clf', seed: 2, rate: 3e-2 })
    const third = await trained(base, join(root, 'third'), { recipe: recipes.houlsby!, pooling: 'mean' })
    await using executor = await createExecutor({ threads: 1 })
    let compilations = 0
    const { compile } = executor
    executor.compile = (...options) => {
      compilations++
      return compile.apply(executor, options)
    }
    await using set = await adapterSet(base, { executor })
    await set.add('first', await adapterOf(first.saved))
    await set.add('second', await adapterOf(second.saved))
    assert.equal(compilations, 1, 'two adapters of one form share a program')
    await set.add('third', await adapterOf(third.saved))
    assert.deepEqual([compilations, set.programs, set.names], [2, 2, ['first', 'second', 'third']])
    for (let round = 0; round < 2; round++)
      for (const [name, { probabilities: wanted }] of Object.entries({ first, second, third }))
        assert.ok(largestDifference(await set.classifier(name).probabilities(texts), wanted) < 1e-6, name)
    assert.ok(largestDifference(first.probabilities, second.probabilities) > 1e-3)
    await set.classifier('second').save(join(root, 'saved'))
    assert.ok(largestDifference(await probabilities(await load(join(root, 'saved'))), second.probabilities) < 1e-6)
    await set.add('first', await adapterOf(second.saved))
    assert.ok(largestDifference(await set.classifier('first').probabilities(texts), second.probabilities) < 1e-6)
    await set.remove('third')
    assert.throws(() => set.classifier('third'), /adapter "third": there is none of that name; there are first, second|second, first/)
    assert.equal(compilations, 2, 'nothing was compiled for a swap')
  }))
