// Worker threads that tokenize, with results in the order of the jobs and a bounded number under way (so that reading never runs ahead of them).
import { Worker } from 'node:worker_threads'
import type { Document } from './documents.js'
import type { TokenizedJob } from './tokenize-job.js'
import type { TokenizeWorkerData } from './tokenize-worker.js'

interface Waiting {
  resolve(job: TokenizedJob): void
  reject(error: Error): void
}

/** Runs `jobs` over `threads` workers and gives their results in order. Every worker has ended when this returns or throws. */
export async function* tokenizeInThreads(jobs: AsyncIterable<Document[]>, threads: number, data: TokenizeWorkerData): AsyncGenerator<TokenizedJob> {
  const workers = Array.from({ length: threads }, () => startWorker(data))
  const underWay: Promise<TokenizedJob>[] = []
  let turn = 0
  try {
    for await (const job of jobs) {
      if (underWay.length >= 3 * threads) yield await underWay.shift()!
      const result = workers[turn++ % threads]!.run(job)
      result.catch(() => {}) // reported when its turn comes
      underWay.push(result)
    }
    while (underWay.length > 0) yield await underWay.shift()!
  } finally {
    await Promise.all(workers.map((worker) => worker.end()))
  }
}

function startWorker(workerData: TokenizeWorkerData): { run(job: Document[]): Promise<TokenizedJob>; end(): Promise<unknown> } {
  const worker = new Worker(new URL('./tokenize-worker.js', import.meta.url), { workerData })
  const waiting: Waiting[] = []
  let dead: Error | undefined
  const fail = (error: Error): void => {
    dead ??= error
    for (const { reject } of waiting.splice(0)) reject(dead)
  }
  worker.on('message', (answer: { job?: TokenizedJob; error?: string }) => {
    const first = waiting.shift()
    if (answer.job) first?.resolve(answer.job)
    else first?.reject(new Error(answer.error))
  })
  worker.on('error', fail)
  worker.on('exit', (code) => fail(new Error(`a tokenizing thread ended (exit code ${code}); run again with workers: 0 to see its error`)))
  return {
    run: (job) =>
      new Promise((resolve, reject) => {
        if (dead) return reject(dead)
        waiting.push({ resolve, reject })
        worker.postMessage(job)
      }),
    end: () => worker.terminate(),
  }
}
