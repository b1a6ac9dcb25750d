// One recipe of `wiki-recipes`, in a process of its own: how long a step takes, a model pretrained for so many steps, its adaptations. A line of JSON
// (RecipeRequest) on stdin, a line on stdout.

import { createInterface } from 'node:readline'
import { load, type PretrainReport, type PretrainSettings, pretrain, readSst2, readTrec, split, subset } from 'thaw'
import { adaptOnce, type Settings } from '../adapted.js'
import { dataFolder } from '../data.js'
import { median } from '../statistics.js'

export type RecipeRequest = PretrainRequest | AdaptRequest

interface PretrainRequest {
  settings: Partial<PretrainSettings> & { text: string[] }
  out: string
  /** Without it the run is a rehearsal. 0: the checkpoint is what training would begin with. */
  steps?: number
}

export interface Rehearsed {
  /** Seconds a step, the median of those after the first ones. */
  seconds: number
}

export interface Pretrained {
  steps: number
  tokens: number
  /** At the end, by the objective's own measure. */
  perplexity?: number
}

interface AdaptRequest {
  checkpoint: string
  task: 'trec-6' | 'sst-2'
  settings: Settings
  quick: boolean
}

const rehearsal = { steps: 30, warm: 10 }

/** As many threads as a training takes by itself: one for each core, and one of them the teacher's where there is one. */
async function rehearsed({ settings, out }: PretrainRequest): Promise<Rehearsed> {
  const times: number[] = []
  await train({ ...settings, steps: rehearsal.steps }, out, { onStep: () => times.push(performance.now()) })
  const steps = times.slice(rehearsal.warm).map((time, i) => time - times[rehearsal.warm + i - 1]!)
  return { seconds: median(steps) / 1000 }
}

async function pretrained({ settings, out, steps = 0 }: PretrainRequest): Promise<Pretrained> {
  if (steps === 0) {
    await train({ ...settings, steps: 1, rate: 1e-9 }, out, { threads: 1 })
    return { steps: 0, tokens: 0 }
  }
  const { tokens, validation } = await train({ ...settings, steps }, out, { threads: 1 })
  return { steps, tokens, ...(validation ? { perplexity: validation.perToken } : {}) }
}

const train = (settings: PretrainRequest['settings'], out: string, options: { threads?: number; onStep?(): void }): Promise<PretrainReport> =>
  pretrain(
    { validateEvery: settings.steps!, saveEvery: 3600, ...settings },
    { ...options, out, onEvent: (event) => void (event.kind === 'step' && options.onStep?.()) },
  )

/** The examples that are learnt from and those that judge: TREC-6's training questions, a quarter of them held out; 5,000 phrases of SST-2 and its development set. */
async function examplesOf(task: AdaptRequest['task']) {
  if (task === 'trec-6') {
    const { train, valid, labels } = await readTrec(`${dataFolder()}/trec`)
    return { labels, ...split([...train, ...valid], { fraction: 0.25, seed: 1 }) }
  }
  const { train, valid, labels } = await readSst2(`${dataFolder()}/sst2`)
  return { labels, train: subset(train, 5000, 1), valid }
}

async function adapted({ checkpoint, task, settings, quick }: AdaptRequest): Promise<{ right: number[]; seconds: number }> {
  const { labels, train, valid } = await examplesOf(task)
  const data = quick ? { labels, train: subset(train, 64, 1), valid: valid.slice(0, 64) } : { labels, train, valid }
  const { right, seconds } = await adaptOnce(await load(checkpoint), { ...data, test: data.valid }, settings, 1)
  return { right, seconds }
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as RecipeRequest
  const work = () => {
    if ('checkpoint' in request) return adapted(request)
    return request.steps === undefined ? rehearsed(request) : pretrained(request)
  }
  console.log(JSON.stringify(await work()))
}
process.exit(0)
