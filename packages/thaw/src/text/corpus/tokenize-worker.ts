// The worker thread of corpus tokenization: makes its own tokenizer from the JSON, then answers jobs in the order they come.
import { parentPort, workerData } from 'node:worker_threads'
import type { Document } from './documents.js'
import { tokenizeDocuments } from './tokenize-job.js'
import { makeTokenizer, type TokenizerLoader } from './tokenizer-like.js'

/** What a worker is started with. */
export interface TokenizeWorkerData {
  loader: TokenizerLoader
  json: object
  endOfText: number | undefined
}

const { loader, json, endOfText } = workerData as TokenizeWorkerData
const tokenizer = makeTokenizer(loader, json)
parentPort?.on('message', async (documents: Document[]) => {
  try {
    const job = tokenizeDocuments(documents, await tokenizer, endOfText)
    parentPort?.postMessage({ job }, [job.ids.buffer])
  } catch (error) {
    parentPort?.postMessage({ error: error instanceof Error ? error.message : String(error) })
  }
})
tokenizer.catch(() => {}) // told with the first job
