// An adapter apart from its backbone: saved alone as a small file, put back, merged into the weights, and two of them on one loaded backbone.
import { stat } from 'node:fs/promises'
import {
  adapt,
  adapterOf,
  adapterSet,
  classification,
  classifierFrom,
  load,
  loadAdapter,
  lora,
  mergeAdapters,
  pretrain,
  readExamples,
  recipe,
  saveAdapter,
  split,
  withAdapter,
} from 'thaw'

await pretrain({ text: ['examples/data/facts.txt'], size: 'nano', vocabulary: 600, time: 32, batch: 8, steps: 10 }, { out: 'runs/lm' })
const backbone = await load('runs/lm')
const { examples, labels } = await readExamples('examples/data/questions.csv', { text: ['question'], label: 'answer' })
const data = { ...split(examples, { fraction: 0.2, seed: 1 }), epochs: 8, rate: 1e-2 }

for (const seed of [1, 2]) {
  const { model } = await adapt(backbone, classification({ labels }), { ...data, seed, recipe: recipe(lora({ rank: 4 })) })
  await model.save(`runs/classifier-${seed}`)
  await model.dispose()
  await saveAdapter(`runs/adapter-${seed}`, await adapterOf(await load(`runs/classifier-${seed}`)))
}
const bytes = async (file: string) => `${Math.round((await stat(file)).size / 1000)} kB`
console.log('model', await bytes('runs/lm/model.safetensors'), '· adapter', await bytes('runs/adapter-1/adapter.safetensors'))

const question = 'Who wrote Macbeth?'
const whole = await classifierFrom(await withAdapter(backbone, await loadAdapter('runs/adapter-1')))
const merged = await classifierFrom(mergeAdapters(await load('runs/classifier-1')))
const [a, b] = [await whole.predict(question), await merged.predict(question)]
console.log('merged:', Math.abs(a[0]!.score - b[0]!.score) < 1e-5)

const set = await adapterSet(backbone)
for (const seed of [1, 2]) await set.add(`seed ${seed}`, await loadAdapter(`runs/adapter-${seed}`))
for (const name of set.names) {
  const [best] = await set.classifier(name).predict(question)
  console.log(name, best!.label, best!.score.toFixed(1))
}
console.log(set.programs, 'program for', set.names.length, 'adapters')
for (const each of [whole, merged, set]) await each.dispose()
// model 1930 kB · adapter 20 kB
// merged: true
// seed 1 person 1.0
// seed 2 person 1.0
// 1 program for 2 adapters
