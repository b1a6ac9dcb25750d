// Models of every task as a stranger runs their exported files: rows of ids in stock ONNX Runtime.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { exampleRows, type TextLike } from '../tasks/form.js'
import { padded } from '../tasks/inputs.js'
import { rowsOf, type Task } from '../tasks/task.js'
import { loadTokenizer } from '../text/tokenizer/index.js'
import { rowsOf as asRows } from './logits.js'
import { numberOf, resultsOf } from './task-results.js'

type Kind = '.onnx' | '_fp16.onnx' | '_quantized.onnx'

/** What the exported files of a model say of examples, in the units of its predictions: a number, or probabilities. */
export async function exportedResults(
  folder: string,
  task: Task,
  examples: readonly TextLike[],
  { side = 'right', kind = '.onnx' }: { side?: 'left' | 'right'; kind?: Kind } = {},
): Promise<number[][]> {
  const tokenizer = await loadTokenizer(folder)
  const { model_max_length: maxLength, model_input_names: names } = JSON.parse(readFileSync(join(folder, 'tokenizer_config.json'), 'utf8')) as {
    model_max_length: number
    model_input_names: string[]
  }
  const rows = examples.flatMap((example) => exampleRows(rowsOf(task), example)).map(({ text, pair }) => tokenizer.encode(text, { pair, maxLength }))
  const pad = (some: readonly (readonly number[])[]) => padded(some, side, 0)
  const { ids, visible } = pad(rows.map((row) => [...row.ids]))
  const types = pad(rows.map((row) => [...row.segments])).ids
  const shape = task.kind === 'multiple-choice' ? [examples.length, task.choices, ids.shape[1]!] : [...ids.shape]
  const given: Record<string, Iterable<number>> = {
    input_ids: ids.data as Int32Array,
    attention_mask: visible.data as Uint8Array,
    token_type_ids: types.data as Int32Array,
  }
  const { Tensor } = await import('onnxruntime-node')
  const feeds = Object.fromEntries(names.map((name) => [name, new Tensor('int64', BigInt64Array.from([...given[name]!], BigInt), shape)]))
  const outputs = await runFile(join(folder, 'onnx', `model${kind}`), feeds)
  if (task.kind === 'multiple-choice' || task.form !== 'two-tower')
    return resultsOf(task, asRows(outputs.logits!.data as Float32Array, examples.length))
  const vectors = asRows(outputs.sentence_embedding!.data as Float32Array, rows.length)
  const [u, v] = [0, 1].map((tower) => vectors.filter((_, i) => i % 2 === tower)) as [number[][], number[][]]
  if (task.kind === 'regression') return u.map((vector, i) => [numberOf(task.range, vector, v[i]!)])
  const fed = (side: number[][]) => new Tensor('float32', Float32Array.from(side.flat()), [side.length, side[0]!.length])
  const { logits } = await runFile(join(folder, 'onnx', `head${kind}`), { u: fed(u), v: fed(v) })
  return resultsOf(task, asRows(logits!.data as Float32Array, examples.length))
}

async function runFile(file: string, feeds: Record<string, import('onnxruntime-node').Tensor>) {
  const { InferenceSession } = await import('onnxruntime-node')
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1 })
  const outputs = await session.run(feeds)
  await session.release()
  return outputs
}
