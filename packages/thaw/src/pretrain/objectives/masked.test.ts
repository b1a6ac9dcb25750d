// Masked pretraining end to end on a toy language: it learns, goes on bit for bit, and leaves a checkpoint that transformers would know.

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { load } from '../../adapt/backbone.js'
import { inFolder } from '../../testing/checkpoints.js'
import { random } from '../../text/random.js'
import { type PretrainOptions, type PretrainReport, pretrain } from '../pretrain.js'
import type { PretrainSettings } from '../settings.js'

/** Each document is about one animal, which eats one thing in one place: a hidden word follows from the others. Seven tokens a sentence. */
function toyText(documents: number, length = 4): string {
  const { integer } = random(1)
  const sentences = ['cats eat fish in the houses.', 'dogs eat bones in the yards.', 'cows eat grass in the fields.', 'birds eat seeds in the trees.']
  return Array.from({ length: documents }, () => Array(length).fill(sentences[integer(4)]).join(' ')).join('\n\n')
}

const tiny: Partial<PretrainSettings> = {
  objective: 'masked',
  size: 'nano',
  config: { hidden: 48, layers: 2, heads: 4, inner: 48, positions: 31 },
  vocabulary: 120,
  batch: 8,
  time: 31,
  rate: 5e-3,
  seed: 1,
}

const run = (folder: string, settings: Partial<PretrainSettings>, options: Partial<PretrainOptions> = {}): Promise<PretrainReport> =>
  pretrain({ ...tiny, text: [`${folder}/toy.txt`], ...settings }, { out: `${folder}/out`, threads: 1, ...options })

const configFile = async (folder: string) =>
  JSON.parse(await readFile(`${folder}/out/config.json`, 'utf8')) as { architectures: string[]; model_type: string }

describe('masked pretraining', () => {
  test('learns a toy language; the checkpoint is a BertForMaskedLM', async () => {
    await inFolder(async (folder) => {
      await writeFile(`${folder}/toy.txt`, toyText(200))
      const { validation } = await run(folder, { steps: 200 })
      // whoever knows a place but not what stands around it has 1.5
      assert.ok(validation!.perToken < 1.2, `perplexity at masked places ${validation!.perToken}`)
      // about 15 % of the held-out tokens are predicted, and words are counted in proportion
      assert.ok(validation!.tokens > 10)
      assert.ok(Math.abs(validation!.perWord - Math.exp(validation!.loss / validation!.words)) < 1e-9)
      const backbone = await load(`${folder}/out`)
      assert.equal(backbone.config.causal, false)
      assert.equal(backbone.tokenizer.special.mask?.token, '[MASK]')
      assert.ok(backbone.parameters.has('heads.mlm.transform.weight'))
      assert.deepEqual((await configFile(folder)).architectures, ['BertForMaskedLM'])
    })
  })

  test('a stopped and resumed run ends bit for bit like one that was not stopped', async () => {
    await inFolder(async (folder) => {
      await writeFile(`${folder}/toy.txt`, toyText(60))
      const settings = { steps: 12, microsteps: 2, wholeWords: true, config: { ...tiny.config, dropout: 0.1 } }
      await run(folder, settings, { out: `${folder}/whole` })
      const stop = new AbortController()
      const stopped = await run(folder, settings, {
        signal: stop.signal,
        onEvent: (event) => event.kind === 'step' && event.step === 5 && stop.abort(),
      })
      assert.deepEqual({ steps: stopped.steps, stopped: stopped.stopped }, { steps: 5, stopped: true })
      await run(folder, settings, { resume: true })
      const weights = (name: string) => readFile(`${folder}/${name}/model.safetensors`)
      assert.ok((await weights('out')).equals(await weights('whole')))
    })
  })

  test('next-sentence prediction: both losses fall, pairs are told; the checkpoint is a BertForPreTraining', async () => {
    await inFolder(async (folder) => {
      await writeFile(`${folder}/toy.txt`, toyText(96, 6).replaceAll(' the ', ' '))
      const settings = { vocabulary: 60, time: 24, batch: 16, rate: 1e-2, steps: 300, config: { ...tiny.config, hidden: 32, layers: 1 } }
      const { validation } = await run(folder, { ...settings, nextSentence: true, valid: [`${folder}/toy.txt`] })
      const accuracy = validation!.others!.nextSentenceAccuracy!
      // another document is about the same animal once in four times: 87.5 % is all there is to know
      assert.ok(accuracy > 0.7, `accuracy ${accuracy}`)
      assert.ok(validation!.perToken < 3, `perplexity ${validation!.perToken}`)
      const backbone = await load(`${folder}/out`)
      assert.ok(backbone.config.pooler)
      assert.deepEqual(backbone.parameters.get('heads.nsp.weight')!.shape, [32, 2])
      assert.deepEqual((await configFile(folder)).architectures, ['BertForPreTraining'])
    })
  })

  test("the tutorial's form: its own block, a plain tied head, a byte-level tokenizer that gets a mask token", async () => {
    await inFolder(async (folder) => {
      await writeFile(`${folder}/toy.txt`, toyText(60))
      const causal = { objective: 'causal' as const, steps: 1, vocabulary: 270 }
      await run(folder, causal, { out: `${folder}/causal` })
      const settings = { steps: 2, size: 'tutorial' as const, tokenizer: `${folder}/causal`, headTransform: false }
      await run(folder, settings)
      const { config, tokenizer, parameters } = await load(`${folder}/out`)
      assert.deepEqual({ block: config.block, causal: config.causal }, { block: 'tutorial', causal: false })
      assert.equal(tokenizer.tokenToId('[MASK]'), tokenizer.size - 1)
      assert.equal(config.vocabulary, tokenizer.size)
      assert.ok(![...parameters.keys()].some((path) => path.startsWith('heads.')))
    })
  })
})
