// A classifier out of Thaw: as ONNX files, run by transformers.js, which gives the same result.
import { env, pipeline } from '@huggingface/transformers'
import { adapt, classification, exportCheckpoint, load, pretrain, readExamples, split } from 'thaw'

await pretrain({ text: ['examples/data/facts.txt'], size: 'nano', vocabulary: 600, time: 32, batch: 8, steps: 30 }, { out: 'runs/export/backbone' })
const { examples, labels } = await readExamples('examples/data/questions.csv', { text: ['question'], label: 'answer' })
const data = { ...split(examples, { fraction: 0.2, seed: 1 }), epochs: 8, rate: 1e-3, seed: 1 }
const { model } = await adapt(await load('runs/export/backbone'), classification({ labels }), data)
await model.save('runs/export/questions')

const { files } = await exportCheckpoint('runs/export/questions', { to: 'onnx', dtype: ['fp32', 'fp16', 'int8'], out: 'runs/export/onnx' })
for (const { name, bytes } of files) if (name.startsWith('onnx/')) console.log(name, `${(bytes / 1e6).toFixed(1)} MB`)

const text = 'Who painted the ceiling?'
const [ours] = await model.predict(text)
await model.dispose()

env.allowRemoteModels = false
env.localModelPath = './runs/export/'
const classify = await pipeline('text-classification', 'onnx')
const [theirs] = (await classify(text)) as { label: string; score: number }[]
console.log('the same label:', ours!.label === theirs!.label, '— the same score:', Math.abs(ours!.score - theirs!.score) < 1e-4)
// onnx/model.onnx 1.9 MB
// onnx/model_fp16.onnx 1.0 MB
// onnx/model_quantized.onnx 0.5 MB
// the same label: true — the same score: true
