// Two texts at once: how alike they are, as a cross-encoder and as two towers; and the best of several candidates.
import { adapt, load, loadRegressor, multipleChoice, pretrain, readExamples, regression } from 'thaw'

await pretrain(
  { text: ['examples/data/facts.txt'], size: 'nano', vocabulary: 600, time: 32, batch: 8, steps: 60, objective: 'masked' },
  { out: 'runs/pairs/backbone' },
)
const backbone = await load('runs/pairs/backbone')

// Two questions are alike (1) where their answers are of one kind, else not (0).
const { examples } = await readExamples('examples/data/questions.csv', { text: ['question'], label: 'answer' })
const pairs = examples.map(({ text, label }, i) => {
  const other = examples[(i * 37 + 11) % examples.length]!
  return { text, pair: other.text, label: label === other.label ? '1' : '0' }
})
const data = { train: pairs.slice(24), valid: pairs.slice(0, 24), epochs: 6, rate: 1e-3, seed: 1 }

for (const form of ['cross-encoder', 'two-tower'] as const) {
  const { model, report } = await adapt(backbone, regression({ range: [0, 1], form }), data)
  console.log(`${form}: ${report.trained} of ${report.parameters} parameters trained, new: ${report.load.fresh.join(', ') || 'none'}`)
  await model.save(`runs/pairs/${form}`)
  await model.dispose()
}
const alike = await loadRegressor('runs/pairs/two-tower')
console.log((await alike.predict({ text: 'Who wrote Macbeth?', pair: 'Who wrote Hamlet?' })).toFixed(1))
await alike.dispose()

// Which of three questions asks for a place?
const of = (kind: string) => examples.filter(({ label }) => label === kind).map(({ text }) => text)
const [place, person, time] = [of('place'), of('person'), of('time')]
const choices = place.map((right, i) => ({ text: 'a place', choices: [person[i]!, right, time[i]!], label: right }))
const choice = { train: choices.slice(6), valid: choices.slice(0, 6), epochs: 20, rate: 1e-3, seed: 1 }
const { model, report } = await adapt(backbone, multipleChoice({ choices: 3 }), choice)
console.log(`multiple choice: ${Math.round(report.valid.accuracy * 6)} of 6`)
await model.dispose()
// cross-encoder: 453505 of 453505 parameters trained, new: heads.regression.weight, heads.regression.bias
// two-tower: 453376 of 453376 parameters trained, new: none
// 0.8
// multiple choice: 6 of 6
