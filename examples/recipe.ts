// Recipes: what trains when, at which rate, and what is put into the network. A recipe is a value, printed before it runs.
import {
  adapt,
  classification,
  discriminativeRates,
  gradualUnfreezing,
  load,
  lora,
  pretrain,
  readExamples,
  recipe,
  slantedTriangular,
  split,
} from 'thaw'

await pretrain({ text: ['examples/data/facts.txt'], size: 'nano', vocabulary: 600, time: 32, batch: 8, steps: 30 }, { out: 'runs/recipe' })
const backbone = await load('runs/recipe')
const { examples, labels } = await readExamples('examples/data/questions.csv', { text: ['question'], label: 'answer' })
const data = { ...split(examples, { fraction: 0.2, seed: 1 }), epochs: 4, rate: 2e-3, seed: 1 }

const ulmfit = recipe(gradualUnfreezing(), discriminativeRates({ decay: 0.9 }), slantedTriangular())
const lowRank = recipe(lora({ rank: 4 }))
for (const made of [ulmfit, lowRank]) {
  const { model, report } = await adapt(backbone, classification({ labels }), {
    ...data,
    recipe: made,
    onEvent: (event) => event.kind === 'plan' && console.log(event.stages.join('\n')),
  })
  console.log(`${report.trained} of ${report.parameters} parameters trained\n`)
  await model.dispose()
}
// step 0–12: head   rate 2e-3
// step 12–24: + layers.1, + norm   rate 2e-3
// step 24–36: + layers.0   rates 1.8e-3 to 2e-3
// step 36–48: + embeddings   rates 1.6e-3 to 2e-3
// 482308 of 482308 parameters trained
//
// step 0–48: layers.0 (4 of 20), layers.1 (4 of 20), head   rate 2e-3
// 4612 of 486404 parameters trained
