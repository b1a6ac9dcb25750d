// One run of a comparison, in a process of its own: so its peak memory is its own, and what happens to it does not touch the others. The parent writes what is
// to be done as JSON, the child answers with one line.

import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { classification } from '../../tasks/classification.js'
import { DivergedError } from '../../train/loop.js'
import { adapt, type LabelledText } from '../adapt.js'
import { adapterOf } from '../adapter/adapter.js'
import { saveAdapter } from '../adapter/file.js'
import { load } from '../backbone.js'
import { readFisher } from '../fisher-file.js'
import type { AdaptSettings } from '../settings.js'
import { pretrainingLoss } from './pretraining-loss.js'

/** What all runs of a comparison share, as a file. */
export interface RunData {
  checkpoint: string
  labels: readonly string[]
  train: readonly LabelledText[]
  valid: readonly LabelledText[]
  test?: readonly LabelledText[]
  /** Text like that of the pretraining, held out from it where possible. */
  pretraining?: readonly string[]
}

export interface RunRequest {
  /** The file with {@link RunData}. */
  data: string
  settings: AdaptSettings
  /** The file with the Fisher information, for a recipe that weighs by it. */
  fisher?: string
  /** For what has to be on disk for a moment; removed afterwards. */
  folder: string
  threads?: number
}

/** What one scheme with one seed cost and brought. */
export interface TradeOffRun {
  trained: number
  parameters: number
  /** What has to be stored for this task: an adapter where there is one, else the model. */
  bytes: number
  /** Of training with its validations. */
  seconds: number
  /** Largest resident memory of the process, in bytes. */
  peakMemory: number
  valid: number
  test?: number
  /** Pretraining loss of the adapted model, in nats a token. */
  loss?: number
}

/** A run whose loss or gradient became something other than a number: what it said. */
export interface Diverged {
  diverged: string
}

/** Does a run in this process. */
async function measureRun({ data, settings, fisher, folder, threads }: RunRequest): Promise<TradeOffRun> {
  const { checkpoint, labels, train, valid, test, pretraining } = JSON.parse(readFileSync(data, 'utf8')) as RunData
  const backbone = await load(checkpoint)
  const some = threads === undefined ? {} : { threads }
  const { model, report } = await adapt(backbone, classification({ labels }), {
    ...{ ...settings, ...some, train, valid },
    ...(test ? { test } : {}),
    ...(fisher ? { fisher: await readFisher(fisher) } : {}),
  })
  const memory = peakMemory()
  await mkdir(folder, { recursive: true })
  try {
    await model.save(join(folder, 'model'))
    await model.dispose()
    const saved = await load(join(folder, 'model'))
    const loss = pretraining && (await pretrainingLoss(saved, pretraining, { head: backbone, ...some }))
    const adapter = await adapterOf(saved).catch(() => undefined)
    const bytes = adapter
      ? (await saveAdapter(join(folder, 'adapter'), adapter)).bytes
      : (await stat(join(folder, 'model', 'model.safetensors'))).size
    const { trained, parameters, seconds } = report
    return {
      ...{ trained, parameters, bytes, seconds, peakMemory: memory, valid: report.valid.accuracy },
      ...(report.test ? { test: report.test.accuracy } : {}),
      ...(loss === undefined ? {} : { loss }),
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** VmHWM where the system has it: what getrusage reports may be the parent's. */
function peakMemory(): number {
  const status = '/proc/self/status'
  const found = existsSync(status) ? /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(status, 'utf8')) : null
  return found ? Number(found[1]) * 1024 : process.resourceUsage().maxRSS * 1024
}

/** Does a run in a process of its own. @throws with the process's last words where it fails, and where the signal ends it. */
export function runApart(request: RunRequest, signal?: AbortSignal): Promise<TradeOffRun | Diverged> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), JSON.stringify(request)], { stdio: ['ignore', 'pipe', 'pipe'] })
    const said = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) child[name].setEncoding('utf8').on('data', (text: string) => (said[name] += text))
    const stop = () => child.kill()
    signal?.addEventListener('abort', stop, { once: true })
    child.on('error', reject)
    child.on('close', (code) => {
      signal?.removeEventListener('abort', stop)
      if (signal?.aborted) reject(signal.reason)
      else if (code === 0) resolve(JSON.parse(said.stdout.trim().split('\n').at(-1)!) as TradeOffRun | Diverged)
      else reject(new Error(said.stderr.trim() || `the run ended with ${code}`))
    })
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const result = await measureRun(JSON.parse(process.argv[2]!) as RunRequest).catch((error: Error): Diverged => {
      if (error instanceof DivergedError) return { diverged: error.message }
      throw error
    })
    process.stdout.write(`${JSON.stringify(result)}\n`)
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`)
    process.exitCode = 1
  }
}
