// The page of the test of exports: what a page does with an exported classifier, by the real transformers.js and by onnxruntime-web alone.

import { AutoModelForSequenceClassification, AutoTokenizer, env, pipeline } from '@huggingface/transformers'

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

const exported = { configure, classify }

declare global {
  interface Window {
    exported: typeof exported
  }
}
if (typeof window !== 'undefined') window.exported = exported
