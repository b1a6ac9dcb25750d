// Generation: a small model learns a few lines by heart, and continues them over a key–value cache.
import { mkdir, writeFile } from 'node:fs/promises'
import { generate, load, pretrain } from 'thaw'

const lines = ['The mill stands by the river.', 'The river runs to the sea.', 'The sea gives rain to the hills.', 'The hills give water to the mill.']
await mkdir('runs', { recursive: true })
await writeFile('runs/mill.txt', Array(40).fill(lines.join('\n')).join('\n'))
await pretrain({ text: ['runs/mill.txt'], size: 'nano', vocabulary: 300, time: 32, batch: 8, steps: 60, rate: 3e-3 }, { out: 'runs/mill' })

const backbone = await load('runs/mill')
for (const prompt of ['The sea gives', 'The hills give']) {
  const { text } = await generate(backbone, prompt, { tokens: 12 })
  console.log(prompt + text.split('\n')[0])
}
// The sea gives rain to the hills.
// The hills give water to the mill.
