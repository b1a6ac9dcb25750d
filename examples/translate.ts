// From a language model to an encoder–decoder: both halves begin with its weights, the attention between them is new. It learns to say numbers backwards.
import { mkdir, writeFile } from 'node:fs/promises'
import { adaptToTranslation, load, pretrain, random } from 'thaw'

const words = 'zero one two three four five six seven eight nine'.split(' ')
const { integer } = random(1)

// text to pretrain on: counting, in digits or in words, up or down
const lines = Array.from({ length: 400 }, () => {
  const [start, step, spoken] = [integer(10), integer(2) === 0 ? 1 : 9, integer(2) === 0]
  return Array.from({ length: 6 }, (_, i) => (start + i * step) % 10)
    .map((digit) => (spoken ? words[digit] : digit))
    .join(' ')
})
await mkdir('runs', { recursive: true })
await writeFile('runs/counting.txt', lines.join('\n'))
const config = { hidden: 48, layers: 2, heads: 4, inner: 96, positions: 24 }
const shape = { size: 'nano', vocabulary: 300, config, time: 16, batch: 16 } as const
await pretrain({ text: ['runs/counting.txt'], documents: 'line', ...shape, steps: 60, rate: 3e-3 }, { out: 'runs/counting' })

// pairs: 3 1 4 → four one three
const pairs = new Map<string, string>()
while (pairs.size < 900) {
  const digits = Array.from({ length: 2 + integer(3) }, () => integer(10))
  pairs.set(
    digits.join(' '),
    digits
      .map((digit) => words[digit])
      .reverse()
      .join(' '),
  )
}
const all = [...pairs].map(([source, target]) => ({ source, target }))
const [train, unseen] = [all.slice(0, 860), all.slice(860)]

const backbone = await load('runs/counting')
for (const scratch of [false, true]) {
  const { model, fresh } = await adaptToTranslation(backbone, { train, steps: 160, rate: 4e-3, scratch })
  const said = await model.translate(unseen.map(({ source }) => source))
  const right = unseen.filter(({ target }, i) => said[i] === target).length
  console.log(`${scratch ? 'from scratch' : 'pretrained'}: ${fresh.length} new parameters, ${right} of ${unseen.length} right`)
  if (!scratch) console.log('3 1 4 →', (await model.translate(['3 1 4']))[0])
  await model.dispose()
}
// pretrained: 20 new parameters, 40 of 40 right
// 3 1 4 → four one three
// from scratch: 91 new parameters, 40 of 40 right
