// One variant of `wiki-recipes`, in a process of its own: a model pretrained for so many minutes of CPU time (all threads of the process counted, the teacher's
// too), then adapted. A line of JSON (RecipeRequest) on stdin, a line on stdout.

import { createInterface } from 'node:readline'
import { load, type PretrainReport, type PretrainSettings, pretrain, readSst2, readTrec, split, subset } from 'thaw'
import { adaptOnce, type Settings } from '../adapted.js'
import { dataFolder } from '../data.js'

export type RecipeRequest = PretrainRequest | AdaptRequest

interface PretrainRequest {
  settings: Partial<PretrainSettings> & { text: string[] }
  out: string
  /** 0: the checkpoint is what training would begin with. */
  minutes: number
}

export interface Pretrained {
  steps: number
  tokens: number
  /** Of CPU time in the training loop. */
  minutes: number
  /** At the end, by the objective's own measure. */
  perplexity?: number
}

interface AdaptRequest {
  checkpoint: string
  task: 'trec-6' | 'sst-2'
  settings: Settings
  quick: boolean
}

/** Steps of the rehearsal that tells what a step costs; the first ones warm up. */
const rehearsal = { steps: 40, warm: 15 }

async function pretrained({ settings, out, minutes }: PretrainRequest): Promise<Pretrained> {
  if (minutes === 0) {
    await train({ ...settings, steps: 1, rate: 1e-9 }, out)
    return { steps: 0, tokens: 0, minutes: 0 }
  }
  const { seconds } = await train({ ...settings, steps: rehearsal.steps }, `${out}-rehearsal`, rehearsal.warm)
  const steps = Math.max(20, Math.round((60 * minutes) / (seconds / (rehearsal.steps - rehearsal.warm))))
  const { report, seconds: spent } = await train({ ...settings, steps }, out)
  return { steps, tokens: report.tokens, minutes: spent / 60, ...(report.validation ? { perplexity: report.validation.perToken } : {}) }
}

/** Trains, and counts the seconds of CPU time from step `from` to the last. */
async function train(settings: PretrainRequest['settings'], out: string, from = 0): Promise<{ report: PretrainReport; seconds: number }> {
  const cpu = () => process.cpuUsage().user + process.cpuUsage().system
  let [begin, end] = [0, 0]
  const report = await pretrain(
    { validateEvery: settings.steps!, saveEvery: 3600, ...settings },
    {
      ...{ out, threads: 1 },
      onEvent(event) {
        if (event.kind === 'plan') begin = cpu()
        if (event.kind !== 'step') return
        end = cpu()
        if (event.step === from) begin = end
      },
    },
  )
  return { report, seconds: (end - begin) / 1e6 }
}

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
  console.log(JSON.stringify('checkpoint' in request ? await adapted(request) : await pretrained(request)))
}
process.exit(0)
