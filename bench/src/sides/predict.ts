// Two sides of `published-predict`: a saved classifier through our own API (`ours`), or its exported file through transformers.js's pipeline
// (`transformers-js`), in a process of its own. Arguments: which, the folder. Speaks the peers' protocol: a line {"texts": [...], "batch": n} on stdin; a
// line {"milliseconds": [one a batch], "answers": [[label, score], ...], "loaded": ms from the start of loading to the first answer, "peakBytes"} on stdout.

import { createInterface } from 'node:readline'
import { peakMemory } from '../peer.js'

export interface PredictRequest {
  texts: readonly string[]
  batch: number
}

export interface PredictAnswer {
  milliseconds: number[]
  /** The most probable label with its probability: one a text. */
  answers: [label: string, score: number][]
  loaded: number
  peakBytes: number
}

type Predict = (texts: string[]) => Promise<{ label: string; score: number }[][]>

const threads = 2

async function ours(folder: string): Promise<Predict> {
  const { loadClassifier } = await import('thaw')
  const classifier = await loadClassifier(folder, { threads })
  return (texts) => classifier.predict(texts)
}

async function transformersJs(folder: string): Promise<Predict> {
  const { env, pipeline } = await import('@huggingface/transformers')
  Object.assign(env, { allowRemoteModels: false, localModelPath: '' })
  const classify = await pipeline('text-classification', folder, { dtype: 'fp32', session_options: { intraOpNumThreads: threads } })
  return (texts) => classify(texts, { top_k: null } as never) as never
}

const [which, folder] = process.argv.slice(2) as [string, string]
let predict: Predict | undefined
let loaded = 0
for await (const line of createInterface({ input: process.stdin })) {
  const { texts, batch } = JSON.parse(line) as PredictRequest
  if (!predict) {
    const start = performance.now()
    predict = await (which === 'ours' ? ours : transformersJs)(folder)
    await predict([texts[0]!])
    loaded = performance.now() - start
  }
  const milliseconds: number[] = []
  const answers: [string, number][] = []
  for (let at = 0; at < texts.length; at += batch) {
    const start = performance.now()
    const rows = await predict(texts.slice(at, at + batch))
    milliseconds.push(performance.now() - start)
    for (const [{ label, score } = { label: '', score: 0 }] of rows) answers.push([label, score])
  }
  console.log(JSON.stringify({ milliseconds, answers, loaded, peakBytes: peakMemory() } satisfies PredictAnswer))
}
process.exit(0)
