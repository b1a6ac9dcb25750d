// A head on an encoder from an ONNX file: it learns, and the file that is written gives the same logits in ONNX Runtime alone.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { adam, createExecutor, readOnnx, trainingStep } from '@thaw/tensor'
import { onnxEncoder } from '../hub/onnx-encoder.js'
import { onnxClassifier } from './onnx-classifier.js'

const file = (name: string) => new Uint8Array(gunzipSync(readFileSync(new URL(`../../../tensor/fixtures/onnx/${name}.onnx.gz`, import.meta.url))))

for (const pooling of ['mean', 'first'] as const)
  test(`trained with pooling ${pooling}, written, and run elsewhere`, async () => {
    const classifier = onnxClassifier(onnxEncoder(readOnnx(file('bert-sdpa-dynamo-18'))), { labels: 2, pooling, dropout: 0 })
    await using executor = await createExecutor({ threads: 1, worker: false })
    const params = await classifier.store(executor, 1)
    const programs = trainingStep({ loss: classifier.loss, parameters: classifier.parameters, optimizer: adam() })
    const stores = { params, gradients: await executor.store('gradients'), optimizer: await executor.store('optimizer') }
    await stores.gradients.declare(programs.states.gradients)
    await stores.optimizer.declare(programs.states.optimizer)
    const step = await executor.compile(programs.step)
    // texts of different lengths; the label says whether token 7 is in them
    const rows = Array.from({ length: 16 }, (_, i) =>
      Array.from({ length: 3 + (i % 5) }, (_, k) => (i % 2 === 0 && k === 1 ? 7 : 10 + ((i * 5 + k * 3) % 30))),
    )
    const labels = rows.map((row) => Number(row.includes(7)))
    const losses: number[] = []
    for (let i = 0; i < 40; i++) {
      const { outputs } = await step.bind(stores).run({ feeds: classifier.feeds(rows, 0, labels), scalars: { rate: 0.01 }, step: i })
      losses.push(Number(outputs.loss!.data[0]))
    }
    assert.ok(losses.at(-1)! < 0.1 && losses[0]! > 0.5, `the loss went from ${losses[0]} to ${losses.at(-1)}`)
    assert.ok([...(await params.read('encoder.embeddings.word_embeddings.weight'))].length === 48 * 16)

    const program = await executor.compile({ outputs: { logits: classifier.logits } })
    const feeds = classifier.feeds(rows, 0)
    const ours = (await program.bind({ params }).run({ feeds })).outputs.logits!
    assert.deepEqual(
      labels,
      rows.map((_, i) => Number(Number(ours.data[2 * i + 1]) > Number(ours.data[2 * i]))),
    )
    const { InferenceSession, Tensor } = await import('onnxruntime-node')
    const given = Object.fromEntries(
      Object.entries(feeds).map(([name, { data, shape }]) => [name, new Tensor('int64', BigInt64Array.from(data as Int32Array, BigInt), shape)]),
    )
    for (const originalNames of [false, true]) {
      const written = await classifier.write(params, { originalNames })
      const session = await InferenceSession.create(written)
      const { logits } = await session.run(given)
      ours.data.forEach((value, i) => {
        assert.ok(Math.abs(Number(value) - Number(logits!.data[i])) < 1e-4, `logit ${i}: ${logits!.data[i]} in ONNX Runtime, ${value} here`)
      })
      await session.release()
      const names = [...readOnnx(written).parameters.values()].map(({ source }) => source.name)
      assert.equal(names.includes('encoder.encoder.layer.0.attention.self.query.weight'), !originalNames)
      assert.ok(names.includes('heads.classification.weight'))
    }
  })
