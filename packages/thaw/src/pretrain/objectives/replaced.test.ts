// Replaced-token detection: what the generator writes, what the model sees, that both learn, and what is kept.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { after, describe, test } from 'node:test'
import { constant, createExecutor, dim, grad, input, ops } from '@thaw/tensor'
import { load } from '../../adapt/backbone.js'
import { fillStore } from '../../adapt/classifier.js'
import { Scope } from '../../nn/scope.js'
import { inFolder } from '../../testing/checkpoints.js'
import { smallCausal } from '../../testing/models.js'
import { random } from '../../text/random.js'
import { pretrain } from '../pretrain.js'
import { generatorConfig, replacedGraph, sampleRows } from './replaced.js'

const config = { ...smallCausal, causal: false, block: 'post' as const, segments: 2, heads: 4, hidden: 16 }

describe('replaced-token detection', async () => {
  const executor = await createExecutor({ threads: 1, worker: false })
  after(() => executor[Symbol.asyncDispose]())

  test('rows are sampled with their probabilities', async () => {
    const rows = 4000
    const probabilities = [0.1, 0.4, 0, 0.3, 0.2]
    const { next } = random(1)
    const program = await executor.compile({
      outputs: { ids: sampleRows(ops.expand(constant(probabilities, [1, 5]), [dim('rows'), 5]), input('uniforms', [dim('rows')])) },
    })
    const run = async (uniforms: readonly number[]) => {
      const feeds = { uniforms: { data: Float32Array.from(uniforms), shape: [uniforms.length] } }
      return [...(await program.bind({}).run({ feeds })).outputs.ids!.data].map(Number)
    }
    assert.deepEqual(await run([0, 0.09, 0.11, 0.49, 0.51, 0.79, 0.81, 0.9999999]), [0, 0, 1, 1, 3, 3, 4, 4])
    const ids = await run(Array.from({ length: rows }, next))
    const counts = probabilities.map((_, id) => ids.filter((x) => x === id).length)
    const chi = probabilities.reduce((sum, p, id) => (p === 0 ? sum : sum + (counts[id]! - rows * p) ** 2 / (rows * p)), 0)
    assert.equal(counts[2], 0)
    // three degrees of freedom: above 16.3 once in a thousand times
    assert.ok(chi < 16.3, `χ² ${chi}`)
    await program.dispose()
  })

  test('the model sees the text with the generator’s tokens in it; its loss does not reach the generator’s layers', async () => {
    const scope = new Scope()
    const { generator, detection, changed, right, seen } = replacedGraph(scope, config)
    const parameters = [...scope.parameters]
    const gradients = grad(
      detection,
      parameters.map(([, x]) => x),
    )
    const touched = new Set(parameters.filter((_, i) => gradients[i]!.contributions.length > 0).map(([path]) => path))
    for (const [path] of parameters) assert.equal(touched.has(path), !path.startsWith('generator.'), path)

    const { normal } = random(2)
    const values = new Map(
      parameters.map(([path, x]) => {
        const shape = x.shape as number[]
        const length = shape.reduce((a, b) => a * b, 1)
        return [path, { shape, data: Float32Array.from({ length }, () => 0.3 * normal() + (path.endsWith('norm.weight') ? 1 : 0)) }]
      }),
    )
    const program = await executor.compile({ outputs: { loss: generator.loss, detection, changed, right, seen } })
    const originals = [5, 6, 7, 8, 9, 10, 11, 5]
    const ids = (data: number[], shape: number[]) => ({ data: Int32Array.from(data), shape })
    const { outputs } = await program.bind({ params: await fillStore(executor, values) }).run({
      feeds: {
        ids: ids([5, 4, 7, 8, 9, 4, 11, 5], [2, 4]),
        originals: ids(originals, [2, 4]),
        places: ids([1, 5, 0], [3]),
        targets: ids([6, 10, -100], [3]),
        uniforms: { data: Float32Array.of(0.3, 0.7, 0.5), shape: [3] },
        sources: ids([0, 8, 2, 3, 4, 9, 6, 7], [8]),
      },
    })
    const now = [...outputs.seen!.data].map(Number)
    now.forEach((id, i) => {
      if (i !== 1 && i !== 5) assert.equal(id, originals[i])
    })
    assert.equal(Number(outputs.changed!.data[0]), now.filter((id, i) => id !== originals[i]).length)
    assert.ok(Number(outputs.right!.data[0]) <= 8)
    assert.ok(Number(outputs.loss!.data[0]) > 0 && Number(outputs.detection!.data[0]) > 0)
    await program.dispose()
  })

  test('the generator is a quarter as wide, on the same embeddings', () => {
    const narrow = generatorConfig({ ...config, hidden: 256, heads: 8, inner: 1024 })
    assert.deepEqual([narrow.hidden, narrow.heads, narrow.inner, narrow.embedding, narrow.layers], [64, 2, 256, 256, config.layers])
  })

  test('learns a toy language; the checkpoint has the model and not the generator', async () => {
    await inFolder(async (folder) => {
      const { integer } = random(1)
      const sentences = [
        'cats eat fish in the houses.',
        'dogs eat bones in the yards.',
        'cows eat grass in the fields.',
        'birds eat seeds in the trees.',
      ]
      const texts = Array.from({ length: 200 }, () => Array(4).fill(sentences[integer(4)]).join(' '))
      await writeFile(`${folder}/toy.txt`, texts.join('\n\n'))
      const { validation } = await pretrain(
        {
          text: [`${folder}/toy.txt`],
          valid: [`${folder}/toy.txt`],
          objective: 'replaced',
          size: 'nano',
          config: { hidden: 48, layers: 1, heads: 4, inner: 96, positions: 31, dropout: 0.02 },
          vocabulary: 120,
          batch: 16,
          time: 31,
          rate: 3e-3,
          steps: 300,
        },
        { out: `${folder}/out`, threads: 1 },
      )
      const { detectionAccuracy, replacedShare } = validation!.others!
      // whoever calls every token the text's own is right but for the replaced ones
      assert.ok(1 - detectionAccuracy! < 0.5 * replacedShare!, `accuracy ${detectionAccuracy}, ${replacedShare} replaced`)
      const { parameters, config } = await load(`${folder}/out`)
      assert.ok(![...parameters.keys()].some((path) => path.startsWith('generator.')))
      assert.ok(parameters.has('heads.replaced.output.weight'))
      assert.equal(config.causal, false)
    })
  })
})
