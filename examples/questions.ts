// From raw text to a classifier in a few seconds: a tokenizer and a small language model, then a classifier of questions.
import { adapt, classification, load, pretrain, readExamples, split } from 'thaw'

await pretrain({ text: ['examples/data/facts.txt'], size: 'nano', vocabulary: 600, time: 32, batch: 8, steps: 60 }, { out: 'runs/facts' })

const { examples, labels } = await readExamples('examples/data/questions.csv', { text: ['question'], label: 'answer' })
const { train, valid } = split(examples, { fraction: 0.2, seed: 1 })
const { model, report } = await adapt(await load('runs/facts'), classification({ labels }), { train, valid, epochs: 10, rate: 1e-3, seed: 1 })

console.log(`${Math.round(report.valid.accuracy * 100)} % of ${valid.length} new questions`)
for (const [best] of await model.predict(['Who wrote Macbeth?', 'When does the bus leave?'])) console.log(best.label, best.score.toFixed(1))
await model.save('runs/questions')
await model.dispose()
// 83 % of 24 new questions
// person 1.0
// time 1.0
