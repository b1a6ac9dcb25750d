// BERT's two losses against transformers (bench/peers/make_masked_fixtures.py): values, and the norm of every parameter's gradient.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createExecutor, grad, ops } from '@thaw/tensor'
import { fillStore } from '../../adapt/classifier.js'
import { readCheckpoint } from '../../hub/checkpoint.js'
import { toTheirs } from '../../hub/names.js'
import { Scope } from '../../nn/scope.js'
import { nextSentenceGraph } from './next-sentence.js'

interface Expected {
  ids: number[][]
  segments: number[][]
  mask: number[][]
  places: number[]
  targets: number[]
  strange: number[]
  maskedLoss: number
  nextSentenceLoss: number
  gradients: Record<string, number>
}

const near = (actual: number, expected: number, what: string) =>
  assert.ok(Math.abs(actual - expected) < 2e-5 * (1 + Math.abs(expected)), `${what}: got ${actual}, transformers has ${expected}`)

test('masked and next-sentence losses, and their gradients, are those of BertForPreTraining', async () => {
  const folder = fileURLToPath(new URL('../../../fixtures/masked', import.meta.url))
  const expected = JSON.parse(readFileSync(`${folder}/expected.json`, 'utf8')) as Expected
  await using checkpoint = await readCheckpoint(folder)
  await using executor = await createExecutor({ threads: 1, worker: false })
  const values = new Map<string, { shape: number[]; data: Float32Array }>()
  for (const [path, parameter] of checkpoint.parameters) values.set(path, { shape: parameter.shape, data: await parameter.read() })

  const scope = new Scope()
  const { masked, nextSentence, right } = nextSentenceGraph(scope, checkpoint.config.model, true)
  const parameters = [...scope.parameters]
  assert.deepEqual(parameters.map(([path]) => path).sort(), [...values.keys()].sort())
  const gradients = grad(
    ops.add(masked.loss, nextSentence),
    parameters.map(([, parameter]) => parameter),
  )
  const named = Object.fromEntries(parameters.map(([path], i) => [`gradient of ${path}`, gradients[i]!.tensor]))
  const program = await executor.compile({ outputs: { masked: masked.loss, nextSentence, right, ...named } })
  const rows = (numbers: number[][]) => ({ data: Int32Array.from(numbers.flat()), shape: [2, numbers[0]!.length] })
  const list = (numbers: number[]) => ({ data: Int32Array.from(numbers), shape: [numbers.length] })
  const { outputs } = await program.bind({ params: await fillStore(executor, values) }).run({
    feeds: {
      ids: rows(expected.ids),
      segments: rows(expected.segments),
      visible: { data: Uint8Array.from(expected.mask.flat()), shape: [2, 9] },
      places: list(expected.places),
      targets: list(expected.targets),
      strange: list(expected.strange),
    },
  })
  near(Number(outputs.masked!.data[0]), expected.maskedLoss, 'masked loss')
  near(Number(outputs.nextSentence!.data[0]), expected.nextSentenceLoss, 'next-sentence loss')
  assert.ok([0, 1, 2].includes(Number(outputs.right!.data[0])))

  const ours = new Map(
    parameters.map(([path]) => [path, { path, shape: values.get(path)!.shape, data: outputs[`gradient of ${path}`]!.data as Float32Array }]),
  )
  const { tensors, ownNames } = toTheirs('bert', ours, 'F32', true)
  assert.deepEqual(ownNames, [])
  for (const { name, data } of tensors)
    near(Math.hypot(...((typeof data === 'function' ? await data() : data) as Float32Array)), expected.gradients[name]!, name)
  assert.equal(tensors.length, Object.keys(expected.gradients).length)
})
