// Models of pairs out of Thaw: a number, the vectors of two towers, multiple choice. transformers.js gives what Thaw gives.
import { AutoModel, AutoModelForSequenceClassification, AutoTokenizer, env, type Tensor } from '@huggingface/transformers'
import { adapt, exportCheckpoint, load, multipleChoice, pretrain, readExamples, regression } from 'thaw'

await pretrain(
  { text: ['examples/data/facts.txt'], size: 'nano', vocabulary: 600, time: 64, batch: 8, steps: 30, objective: 'masked' },
  { out: 'runs/export-pairs/backbone' },
)
const backbone = await load('runs/export-pairs/backbone')
const { examples } = await readExamples('examples/data/questions.csv', { text: ['question'], label: 'answer' })
const partner = (i: number) => examples[(i * 37 + 11) % examples.length]!
const pairs = examples.map(({ text, label }, i) => ({ text, pair: partner(i).text, label: label === partner(i).label ? '5' : '0' }))
const settings = { epochs: 2, rate: 1e-3, seed: 1 }
const data = { train: pairs.slice(24), valid: pairs.slice(0, 24), ...settings }
const asked = { text: 'Who wrote Macbeth?', pair: 'Where is the Louvre?' }
env.allowRemoteModels = false
env.localModelPath = './runs/export-pairs/'
type Outputs = Record<string, Tensor>
const same = (ours: number, theirs: number) => (Math.abs(ours - theirs) < 1e-4 ? 'the same' : `${theirs} instead of ${ours}`)

// A number: the logit is the number itself, in the range of the task.
const scorer = await adapt(backbone, regression({ range: [0, 5] }), data)
await scorer.model.save('runs/export-pairs/scorer')
await exportCheckpoint('runs/export-pairs/scorer', { to: 'onnx', out: 'runs/export-pairs/scorer-onnx' })
const tokenizer = await AutoTokenizer.from_pretrained('scorer-onnx')
const score = await AutoModelForSequenceClassification.from_pretrained('scorer-onnx')
const { logits } = (await score(tokenizer(asked.text, { text_pair: asked.pair }))) as Outputs
console.log('number:', logits!.dims, same(await scorer.model.predict(asked), logits!.item() as number))

// Two towers: each text alone becomes a vector of length 1; the product of two is their cosine, and the number is
// low + (high − low) · cosine.
const towers = await adapt(backbone, regression({ range: [0, 5], form: 'two-tower' }), data)
await towers.model.save('runs/export-pairs/towers')
await exportCheckpoint('runs/export-pairs/towers', { to: 'onnx', out: 'runs/export-pairs/towers-onnx' })
const encode = await AutoModel.from_pretrained('towers-onnx')
const { sentence_embedding } = (await encode(tokenizer([asked.text, asked.pair], { padding: true }))) as Outputs
const [u, v] = sentence_embedding!.tolist() as [number[], number[]]
const cosine = u.reduce((sum, x, i) => sum + x * v[i]!, 0)
console.log('two towers:', sentence_embedding!.dims, same(await towers.model.predict(asked), 5 * cosine))

// Multiple choice: a batch of texts, each with its candidates.
const choices = examples.map(({ text, label }, i) => ({ text: label!, choices: [text, partner(i).text], label: '0' }))
const chooser = await adapt(backbone, multipleChoice({ choices: 2 }), { train: choices.slice(24), valid: choices.slice(0, 24), ...settings })
await chooser.model.save('runs/export-pairs/chooser')
await exportCheckpoint('runs/export-pairs/chooser', { to: 'onnx', out: 'runs/export-pairs/chooser-onnx' })
const choose = await AutoModel.from_pretrained('chooser-onnx')
const candidates = [asked.text, asked.pair]
const rows = tokenizer(['place', 'place'], { text_pair: candidates, padding: true }) as Outputs
const chosen = (await choose(Object.fromEntries(Object.entries(rows).map(([name, x]) => [name, x.unsqueeze(0)])))) as Outputs
const [first, second] = chosen.logits!.tolist()[0] as [number, number]
const own = await chooser.model.predict({ text: 'place', choices: candidates })
console.log('multiple choice:', chosen.logits!.dims, same(own.probabilities[0]!, 1 / (1 + Math.exp(second - first))))

for (const { model } of [scorer, towers, chooser]) await model.dispose()
// number: [ 1, 1 ] the same
// two towers: [ 2, 128 ] the same
// multiple choice: [ 1, 2 ] the same
