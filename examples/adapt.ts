// Three ways to use a pretrained model for a task, beside two controls: the same model from random values, and TF-IDF with a linear classifier.
import { adapt, classification, formatClasses, load, loadClassifier, pretrain, readExamples, split, tfidfClassifier } from 'thaw'

await pretrain({ text: ['examples/data/facts.txt'], size: 'nano', vocabulary: 600, time: 32, batch: 8, steps: 60 }, { out: 'runs/adapt/backbone' })
const backbone = await load('runs/adapt/backbone')

const { examples, labels } = await readExamples('examples/data/questions.csv', { text: ['question'], label: 'answer' })
const { train, valid } = split(examples, { fraction: 0.2, seed: 1 })
const task = classification({ labels })

const floor = tfidfClassifier(train as { text: string; label: string }[])
console.log('TF-IDF', valid.filter(({ text, label }) => floor.predict(text)[0].label === label).length)

for (const scheme of ['frozen', 'full', 'scratch'] as const) {
  const { model, report } = await adapt(backbone, task, { train, valid, scheme, epochs: 6, rate: scheme === 'frozen' ? 1e-2 : 1e-3, seed: 1 })
  const right = Math.round(report.valid.accuracy * valid.length)
  console.log(`${scheme}: ${right} of ${valid.length} right, ${report.trained} of ${report.parameters} parameters trained`)
  if (scheme === 'full') await model.save('runs/adapt/questions')
  await model.dispose()
}

const saved = await loadClassifier('runs/adapt/questions')
const { report } = await saved.evaluate(valid as { text: string; label: string }[])
console.log(formatClasses(report).split('\n').length, 'lines of precision and recall')
await saved.dispose()
// TF-IDF 19
// frozen: 17 of 24 right, 520 of 482312 parameters trained
// full: 19 of 24 right, 482308 of 482308 parameters trained
// scratch: 19 of 24 right, 482308 of 482308 parameters trained
// 7 lines of precision and recall
