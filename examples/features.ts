// Features of a pretrained model for another one: here the label of the nearest question, by cosine, without any training.
import { featureExtractor, load, pretrain, readExamples } from 'thaw'

const model = { layers: 1, hidden: 64, heads: 4, inner: 128 }
await pretrain(
  { text: ['examples/data/facts.txt'], objective: 'masked', size: 'nano', config: model, vocabulary: 600, time: 32, batch: 8, steps: 60 },
  { out: 'runs/features' },
)
const { examples } = await readExamples('examples/data/questions.csv', { text: ['question'], label: 'answer' })
const test = await readExamples('examples/data/questions-test.csv', { text: ['question'], label: 'answer' })

// the embeddings and the last layer side by side, averaged over the tokens
await using features = await featureExtractor(await load('runs/features'), { layers: [0, -1], normalize: true })
const known = await features.extract(examples)
const cosine = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i]!, 0)
const nearest = (vector: Float32Array) =>
  examples[known.map((other) => cosine(vector, other)).reduce((best, x, i, all) => (x > all[best]! ? i : best), 0)]!

const found = (await features.extract(test.examples)).map(nearest)
const right = found.filter(({ label }, i) => label === test.examples[i]!.label).length
console.log(`${features.width} numbers a text; ${right} of ${found.length} right`)
console.log(`${test.examples[0]!.text} -> ${found[0]!.text} (${found[0]!.label})`)
// 128 numbers a text; 18 of 24 right
// Who built the harbour? -> Which king built the long wall? (person)
