// What the six parts share: their options, the checkpoint that part 1 leaves and the others adapt, the questions, and how a statement of the tutorial's
// slides is printed beside what was measured.
//   --quick              a toy in seconds: seventy sentences, ninety-six questions
//   --size tutorial      the tutorial's own model and settings, for whoever has the hours; default: small
//   --text FILE          part 1: text to pretrain on (comma between several)
//   --checkpoint FOLDER  what the other parts adapt; default runs/hands-on/SIZE
//   --trec FOLDER        the questions of TREC-6: train_5500.label and TREC_10.label
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import {
  type AdaptOptions,
  type AdaptReport,
  type AdaptSettings,
  adapt,
  type Backbone,
  classification,
  type LabelledText,
  load,
  type PretrainSettings,
  pretrain,
  readExamples,
  readTrec,
  split,
  tutorialSettings,
} from 'thaw'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    size: { type: 'string', default: 'small' },
    text: { type: 'string' },
    checkpoint: { type: 'string' },
    trec: { type: 'string' },
  },
})
if (values.size !== 'small' && values.size !== 'tutorial') throw new Error(`--size ${values.size}: expected small or tutorial`)

export const quick = values.quick
export const tutorial = values.size === 'tutorial'
export const folder = values.checkpoint ?? `runs/hands-on/${quick ? 'quick' : values.size}`

/** How part 1 pretrains: the toy, eight minutes of a model of 5 M parameters, or the tutorial's fifty epochs. */
export function pretraining(): Partial<PretrainSettings> & { text: string[] } {
  const config = { hidden: 64, layers: 2, heads: 4, inner: 128, dropout: 0.1 }
  if (quick) return { text: ['examples/data/facts.txt'], size: 'nano', vocabulary: 500, config, time: 32, batch: 8, steps: 30, rate: 2e-3 }
  if (!values.text) throw new Error('which text to pretrain on? Name it: --text wiki.txt (or --quick for a toy)')
  const text = values.text.split(',')
  return tutorial ? { text, size: 'tutorial', epochs: 50, batch: 64 } : { text, size: 'tiny', minutes: 8 }
}

/** The checkpoint to adapt; the toy is made where it is not there. */
export async function backbone(): Promise<Backbone> {
  if (quick && !existsSync(folder)) await pretrain(pretraining(), { out: folder })
  if (!existsSync(folder)) throw new Error(`${folder}: there is no checkpoint; run hands-on-1 first, or name one: --checkpoint FOLDER`)
  return load(folder)
}

interface Questions {
  labels: readonly string[]
  train: LabelledText[]
  valid: LabelledText[]
  test: LabelledText[]
}

/** TREC-6 with 545 questions held out of training, or the toy's questions. */
export async function questions(): Promise<Questions> {
  if (quick) {
    const { examples, labels } = await readExamples('examples/data/questions.csv', { text: ['question'], label: 'answer' })
    const test = await readExamples('examples/data/questions-test.csv', { text: ['question'], label: 'answer' })
    return { labels, ...split(examples, { fraction: 0.2, seed: 1 }), test: test.examples }
  }
  if (!values.trec) throw new Error('where are the questions? Name the folder of TREC-6: --trec FOLDER (or --quick for a toy)')
  return readTrec(values.trec)
}

/** The tutorial's settings; a smaller model wants a larger rate. */
export const settings: Partial<AdaptSettings> = tutorial ? tutorialSettings : { ...tutorialSettings, rate: quick ? 2e-3 : 6e-4 }

/** Adapts, says how it went, and gives the report; `test` is in it. */
export async function run(name: string, from: Backbone, data: Questions, options: Partial<AdaptOptions>): Promise<AdaptReport> {
  const started = performance.now()
  const { model, report } = await adapt(from, classification({ labels: data.labels }), {
    ...{ ...settings, ...data, seed: 1, ...options },
    ...(quick ? { threads: 1, epochs: Math.min(2, options.epochs ?? 2) } : {}),
    onEvent(event) {
      if (event.kind === 'plan' && event.stages.length > 0) console.log(event.stages.map((line) => `  ${line}`).join('\n'))
      if (event.kind === 'epoch') console.log(`  epoch ${event.epoch}: ${percent(event.scores.accuracy!)} of the held-out questions`)
    },
  })
  await model.dispose()
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  console.log(`${name}: ${percent(accuracy(report))} of the test questions, ${percent(share(report))} of the parameters trained, ${seconds} s\n`)
  return report
}

export const accuracy = (report: AdaptReport): number => report.test!.accuracy
export const share = ({ trained, parameters }: AdaptReport): number => trained / parameters
export const percent = (x: number): string => `${(100 * x).toFixed(1)} %`

/** A statement of the slides, in our words, and what came out here. */
export function compare(slide: string, measured: string): void {
  console.log(`slide:    ${slide}\nmeasured: ${measured}`)
  if (quick) console.log('(--quick: a toy that has read seventy sentences; its numbers say nothing about the slide)')
}
