// A classifier's logits three ways: as the trainer's own program computes them, from an exported file in stock ONNX Runtime, and compared.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createExecutor } from '@thaw/tensor'
import { scopeOptionsOf } from '../adapt/network.js'
import { exportSource } from '../export/source.js'
import { Scope } from '../nn/scope.js'
import { classifierInputs, classifierLogits } from '../tasks/classification.js'
import { padded, textEncoder } from '../tasks/inputs.js'
import { paddingSide } from '../tasks/pooling.js'
import { layerMeans, mixHead } from '../tasks/scalar-mix.js'
import { loadTokenizer } from '../text/tokenizer/index.js'

/** Logits by our own graph and batches: what training validates with. One row a text. */
export async function trainerLogits(folder: string, texts: readonly string[]): Promise<number[][]> {
  const { config, classifier, clf, tokenizer, parameters } = await exportSource(folder)
  const { labels, pooling, mix, recipe, maxLength } = classifier!
  const scope = new Scope(scopeOptionsOf(recipe, config))
  const inputs = classifierInputs()
  const logits = mix
    ? mixHead(scope, config, layerMeans(scope, config, inputs), labels.length, 0)
    : classifierLogits(scope, config, inputs, { labels: labels.length, pooling, dropout: 0 })
  await using executor = await createExecutor({ threads: 1, worker: false })
  const params = await executor.store('params')
  await params.declare([...scope.parameters.values()])
  for (const path of scope.parameters.keys()) await params.write(path, parameters.get(path)!.data)
  const encode = textEncoder(tokenizer, maxLength, clf)
  const feeds = padded(
    texts.map((text) => encode(text).ids),
    paddingSide(pooling),
    tokenizer.special.pad?.id ?? 0,
  )
  const { outputs } = await (await executor.compile({ outputs: { logits } })).bind({ params }).run({ feeds })
  return rowsOf(outputs.logits!.data as Float32Array, texts.length)
}

/** Logits by a file of an exported folder, texts padded together on one side or the other. */
export async function fileLogits(folder: string, file: string, texts: readonly string[], side: 'left' | 'right' = 'right'): Promise<number[][]> {
  const tokenizer = await loadTokenizer(folder)
  const { model_max_length: maxLength } = JSON.parse(readFileSync(join(folder, 'tokenizer_config.json'), 'utf8')) as { model_max_length: number }
  const { ids, visible } = padded(
    texts.map((text) => tokenizer.encode(text, { maxLength }).ids),
    side,
    0,
  )
  const { InferenceSession, Tensor } = await import('onnxruntime-node')
  const session = await InferenceSession.create(join(folder, 'onnx', file), { intraOpNumThreads: 1 })
  const given = (values: Iterable<number>) => new Tensor('int64', BigInt64Array.from([...values], BigInt), ids.shape as number[])
  const { logits } = await session.run({ input_ids: given(ids.data as Int32Array), attention_mask: given(visible.data as Uint8Array) })
  await session.release()
  return rowsOf(logits!.data as Float32Array, texts.length)
}

export const rowsOf = (data: ArrayLike<number>, rows: number): number[][] =>
  Array.from({ length: rows }, (_, r) => Array.from({ length: data.length / rows }, (__, i) => data[(r * data.length) / rows + i]!))

/** The largest difference; fails above `within`. */
export function sameLogits(actual: readonly (readonly number[])[], expected: readonly (readonly number[])[], within: number, what: string): number {
  assert.equal(actual.length, expected.length, what)
  const difference = Math.max(...actual.flatMap((row, r) => row.map((value, i) => Math.abs(value - expected[r]![i]!))))
  assert.ok(difference <= within, `${what}: logits differ by ${difference}, at most ${within} is allowed`)
  return difference
}
