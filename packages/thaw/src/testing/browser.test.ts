// The toolkit in a real page: a checkpoint fetched from an address, adapted, and used; results as in Node.

import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { bundle, noChromium, openPage, serve } from '../../../tensor/dist/testing/browser.js'
import { adapt, type LabelledText, load, type Prediction } from '../adapt/index.js'
import * as inPages from '../browser/index.js'
import { writeCheckpoint } from '../hub/checkpoint.js'
import * as all from '../index.js'
import { parameterShapes } from '../models/shapes.js'
import { classification } from '../tasks/classification.js'
import { random } from '../text/random.js'
import { trainWordPiece } from '../text/tokenizer/index.js'
import { inFolder, tinyBert } from './checkpoints.js'
import { adaptTiny } from './page.js'

const kinds = { HUM: 'who wrote the book', LOC: 'where is the river', NUM: 'how many people came' }
const words = ['about', 'the', 'sea', 'and', 'a', 'king', 'in', 'spring']
const questions: LabelledText[] = Object.entries(kinds).flatMap(([label, text]) => words.map((word) => ({ text: `${text} ${word}`, label })))

/** A small BERT-shaped checkpoint with random values. */
async function writeTiny(folder: string): Promise<void> {
  const tokenizer = await trainWordPiece(
    questions.map(({ text }) => text),
    { vocabulary: 80 },
  )
  const model = { ...tinyBert, vocabulary: tokenizer.size, hidden: 16, inner: 32, positions: 16 }
  const { next } = random(1)
  const parameters = [...parameterShapes(model)].map(([path, shape]) => {
    const length = shape.reduce((product, size) => product * size, 1)
    return { path, shape, data: Float32Array.from({ length }, () => (path.endsWith('norm.weight') ? 1 : (next() - 0.5) / 4)) }
  })
  await writeCheckpoint(folder, { config: { model }, parameters, tokenizer })
}

test('every name of the entry for pages is one of the toolkit’s', () => {
  assert.deepEqual(
    Object.keys(inPages).filter((name) => !(name in all)),
    [],
  )
})

const bundled = bundle(fileURLToPath(new URL('./page.js', import.meta.url)))
after(async () => (await bundled).remove())

test('the toolkit bundles with Vite, without anything of Node', async () => {
  assert.ok((await bundled).folder)
})

test('a checkpoint is fetched, adapted and used in a page as in Node', { skip: noChromium, timeout: 600_000 }, () =>
  inFolder(async (root) => {
    const [tiny, classifier] = [join(root, 'tiny'), join(root, 'classifier')]
    await writeTiny(tiny)
    const text = 'where is the king'
    const expected = await adaptTiny(tiny, questions, text)
    const { model } = await adapt(await load(tiny), classification({ labels: Object.keys(kinds) }), {
      train: questions,
      valid: questions,
      epochs: 1,
      threads: 1,
    })
    await model.save(classifier)
    const predictions = await model.predict(text)
    await model.dispose()

    const site = await bundled
    for (const folder of ['tiny', 'classifier']) await cp(join(root, folder), join(site.folder, folder), { recursive: true })
    const server = await serve(site.folder, { isolated: false })
    const { page, complaints, close } = await openPage(server.url)
    try {
      const actual = await page.evaluate(([questions, text]) => window.toolkit.adapt('tiny', questions, text), [questions, text] as const)
      assert.equal(actual.losses.length, expected.losses.length)
      actual.losses.forEach((loss, i) => {
        assert.ok(Math.abs(loss - expected.losses[i]!) < 1e-4, `loss ${i}: ${loss}, in Node ${expected.losses[i]}`)
      })
      assert.equal(actual.accuracy, expected.accuracy)
      same(actual.predictions, expected.predictions)
      same(await page.evaluate((text) => window.toolkit.predict('/classifier/', text), text), predictions)
      assert.deepEqual(complaints, [])
      const missing = await page.evaluate(() => window.toolkit.predict('/nothing', 'x').catch((error: Error) => error.message))
      assert.match(
        String(missing),
        /^http:\/\/127\.0\.0\.1:\d+\/nothing\/config\.json: the server answered 404; expected a file of a checkpoint here$/,
      )
    } finally {
      await close()
      await server.close()
    }
  }),
)

function same(actual: readonly Prediction[], expected: readonly Prediction[]): void {
  assert.deepEqual(
    actual.map(({ label }) => label),
    expected.map(({ label }) => label),
  )
  actual.forEach(({ score }, i) => {
    assert.ok(Math.abs(score - expected[i]!.score) < 1e-4, `score ${i}: ${score}, in Node ${expected[i]!.score}`)
  })
}
