// The page of the test of exports: what a page does with an exported model, by the real transformers.js.

import { AutoModel, AutoModelForSequenceClassification, AutoTokenizer, env, pipeline, type Tensor } from '@huggingface/transformers'
import type { TextLike } from '../tasks/form.js'
import type { Task } from '../tasks/task.js'
import { numberOf, resultsOf } from './task-results.js'

export interface TransformersResult {
  logits: number[][]
  /** The pipeline's labels with scores, the most probable first: one list a text. */
  ranked: { label: string; score: number }[][]
}

/** Where models lie and, in a page, where ONNX Runtime's WASM comes from. Nothing is ever asked of another machine. */
export function configure(models: string, wasm?: string): void {
  env.allowRemoteModels = false
  env.allowLocalModels = true
  env.localModelPath = models
  env.useBrowserCache = false
  if (wasm !== undefined) Object.assign(env.backends.onnx.wasm!, { wasmPaths: wasm, numThreads: 1, proxy: false })
}

/** A classifier from a folder below the models' own, on some texts. Without `dtype` it is the one that config.json names. */
export async function classify(folder: string, texts: readonly string[], dtype?: 'fp32' | 'fp16' | 'q8'): Promise<TransformersResult> {
  const options = dtype === undefined ? {} : { dtype }
  const classifier = await pipeline('text-classification', folder, options)
  const ranked = (await classifier([...texts], { top_k: null })) as unknown as TransformersResult['ranked']
  await classifier.dispose()
  const tokenizer = await AutoTokenizer.from_pretrained(folder)
  const model = await AutoModelForSequenceClassification.from_pretrained(folder, options)
  const { logits } = (await model(tokenizer([...texts], { padding: true, truncation: true }))) as { logits: { tolist(): number[][] } }
  const rows = logits.tolist()
  await model.dispose()
  return { logits: rows, ranked }
}

/** What an exported model of any task says of examples, in the units of its predictions: as the program that `thaw export` prints does it. */
export async function taskResults(name: string, task: Task, examples: readonly TextLike[], dtype?: 'fp32' | 'fp16' | 'q8'): Promise<number[][]> {
  const options = dtype ? { dtype } : {}
  const tokenizer = await AutoTokenizer.from_pretrained(name)
  const firsts = examples.map(({ text }) => text)
  const seconds = examples.map(({ pair }) => pair!)
  type Outputs = Record<string, Tensor>
  if (task.kind === 'multiple-choice') {
    const model = await AutoModel.from_pretrained(name, options)
    const logits: number[][] = []
    for (const { text, choices = [] } of examples) {
      const rows = tokenizer([...choices.map(() => text)], { text_pair: [...choices], padding: true }) as Outputs
      const outputs = (await model(Object.fromEntries(Object.entries(rows).map(([input, x]) => [input, x.unsqueeze(0)])))) as Outputs
      logits.push(...(outputs.logits!.tolist() as number[][]))
    }
    await model.dispose()
    return resultsOf(task, logits)
  }
  if (task.form === 'cross-encoder') {
    const model = await AutoModelForSequenceClassification.from_pretrained(name, options)
    const { logits } = (await model(tokenizer(firsts, { padding: true, ...(seconds[0] ? { text_pair: seconds } : {}) }))) as Outputs
    await model.dispose()
    return resultsOf(task, logits!.tolist() as number[][])
  }
  const model = await AutoModel.from_pretrained(name, options)
  const embed = async (texts: string[]) => ((await model(tokenizer(texts, { padding: true }))) as Outputs).sentence_embedding!
  const [u, v] = [await embed(firsts), await embed(seconds)]
  await model.dispose()
  if (task.kind === 'regression') return (u.tolist() as number[][]).map((vector, i) => [numberOf(task.range, vector, (v.tolist() as number[][])[i]!)])
  const head = await AutoModel.from_pretrained(name, { ...options, model_file_name: 'head' })
  const { logits } = (await head({ u, v })) as Outputs
  await head.dispose()
  return resultsOf(task, logits!.tolist() as number[][])
}

const exported = { configure, classify, taskResults }

declare global {
  interface Window {
    exported: typeof exported
  }
}
if (typeof window !== 'undefined') window.exported = exported
