// The demo, from raw text to adapted classifiers: a tokenizer and a causal language model from WordNet's glosses; then few labelled definitions, learnt from
// scratch, on the frozen model, and by fine-tuning all of it, each for several seeds, beside TF-IDF with a linear classifier (the floor).
// The schemes' settings were chosen on validation texts (settings.ts); the test texts are looked at once, at the end of each run.

import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type AdaptSettings, adapt, type Backbone, type Classifier, load, type Prediction, type Scheme } from '../adapt/index.js'
import { type TfidfClassifier, tfidfClassifier } from '../baseline/classifier.js'
import { count } from '../log/format.js'
import { type ProgressStream, phase, progress } from '../log/progress.js'
import { type ClassificationReport, classificationReport } from '../metrics/classification.js'
import { type PretrainReport, pretrain } from '../pretrain/pretrain.js'
import type { Point } from '../report/sections.js'
import { classification } from '../tasks/classification.js'
import { hash } from '../text/random.js'
import { type Tokenizer, trainByteLevelBpe } from '../text/tokenizer/index.js'
import { type DemoData, demoData } from './data.js'
import { cleanFolder } from './folder.js'
import { type DemoPlan, freshTexts, fullPlan, quickPlan } from './settings.js'
import { readGlosses } from './wordnet.js'

export interface DemoOptions {
  /** Everything goes here; the folder of an earlier demo is emptied first. */
  out: string
  /** WordNet's files; see `wordnetFolder`. */
  wordnet: string
  /** Of all samples, initial values and orders. */
  seed: number
  /** Labelled samples: each scheme is run once on each. */
  seeds: number
  /** Far fewer steps. */
  quick?: boolean
  threads?: number
  /** A checkpoint beside the demo's own small model: what it is called, and the folder it is in. */
  checkpoint?: { name: string; folder: string }
  /** Where progress goes. */
  stream: ProgressStream
  /** Ends the demo after the current step. */
  signal?: AbortSignal
}

/** A way to a classifier, with one number a seed. */
export interface Contender {
  name: string
  /** What is trained, in words. */
  what: string
  /** Over the test texts. */
  accuracy: number[]
  macroF1: number[]
  /** Over the validation texts, of the epoch that was kept. */
  valid: number[]
  /** Of a run: training with validation and test, pretraining not counted. */
  seconds: number[]
  trained: number
  /** Validation accuracy after each epoch, a list a seed; none for TF-IDF. */
  epochs: number[][]
  settings: string
}

export interface DemoResult {
  plan: DemoPlan
  seed: number
  data: DemoData
  pretraining: Pretraining
  /** TF-IDF, from scratch, frozen, full; with a checkpoint also that one, frozen and in full. */
  contenders: Contender[]
  /** Of full fine-tuning with the first seed. */
  report: ClassificationReport
  fresh: { text: string; truth: string; full: Prediction[]; tfidf: Prediction[] }[]
  seconds: number
}

export type Pretraining = PretrainReport & {
  /** Of the whole text. */
  corpus: { tokens: number; words: number }
  /** Training loss (running mean) and validation loss by step, in nats a token. */
  loss: Point[]
  validLoss: Point[]
}

/** Runs the demo and writes texts, tokenizer, `pretrained` and `classifier` into the folder. Undefined where it was stopped. */
export async function runDemo(options: DemoOptions): Promise<DemoResult | undefined> {
  const { out, stream, seed, seeds, signal } = options
  const plan = options.quick ? quickPlan : fullPlan
  const started = performance.now()
  const threads = options.threads === undefined ? {} : { threads: options.threads }

  await cleanFolder(out)
  const data = await phase(
    stream,
    'reading WordNet',
    async () => demoData(await readGlosses(options.wordnet), { ...plan.data, seeds }, seed),
    describe,
  )
  if (plan.glosses !== undefined) data.text = data.text.slice(0, plan.glosses)
  await writeTexts(out, data)
  if (signal?.aborted) return undefined
  const tokenizer = await phase(
    stream,
    'training a tokenizer',
    () => trainByteLevelBpe(data.text, { vocabulary: plan.vocabulary }),
    ({ size }) => `${count(size)} entries`,
  )
  const common = { ...threads, seed, stream, ...(signal ? { signal } : {}) }
  const pretraining = await pretrainOn(out, tokenizer, plan, common)
  if (!pretraining) return undefined

  const backbone = await load(join(out, 'pretrained'))
  const other = options.checkpoint === undefined ? undefined : await load(options.checkpoint.folder)
  const floor = await baseline(data, stream)
  const contenders = [floor.contender]
  let best: { model: Classifier; report: ClassificationReport } | undefined
  try {
    for (const scheme of ['scratch', 'frozen', 'full'] as const) {
      const runs = await adaptations(backbone, schemeNames[scheme], plan.adapt[scheme], data, common)
      if (!runs) return undefined
      contenders.push(runs.contender)
      if (scheme === 'full') best = runs.first
      else await runs.first.model.dispose()
    }
    for (const scheme of other ? (['frozen', 'full'] as const) : []) {
      const { name, what } = schemeNames[scheme]
      const names = { name: `${basename(options.checkpoint!.name)}, ${name}`, what: `${what}, of a checkpoint that read more` }
      const runs = await adaptations(other!, names, plan.checkpoint[scheme], data, common)
      if (!runs) return undefined
      contenders.push(runs.contender)
      await runs.first.model.dispose()
    }
    const { model, report } = best!
    await model.save(join(out, 'classifier'))
    const predictions = await model.predict(freshTexts.map(({ text }) => text))
    const fresh = freshTexts.map((given, i) => ({ ...given, full: predictions[i]!, tfidf: floor.first.predict(given.text) }))
    const seconds = (performance.now() - started) / 1000
    return { plan, seed, data, pretraining, contenders, report, fresh, seconds }
  } finally {
    await best?.model.dispose()
  }
}

const describe = ({ text, train, valid, test, labels }: DemoData): string =>
  `${count(text.length)} glosses to pretrain on; ${count(train[0]!.length)} + ${count(valid.length)} + ${count(test.length)} labelled definitions, ${labels.length} categories`

/** The texts as files: those for pretraining, and the first sample's labelled ones as `thaw adapt` reads them. */
async function writeTexts(out: string, { text, train, valid, test }: DemoData): Promise<void> {
  const folder = join(out, 'texts')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'pretraining.txt'), `${text.join('\n')}\n`)
  for (const [name, examples] of Object.entries({ train: train[0]!, valid, test })) {
    const lines = examples.map(({ text, label }) => `${JSON.stringify({ text, label })}\n`)
    await writeFile(join(folder, `${name}.jsonl`), lines.join(''))
  }
}

interface RunOptions {
  seed: number
  stream: ProgressStream
  threads?: number
  signal?: AbortSignal
}

/** Losses of single steps jump; what is shown is the mean over the last twenty or so. */
function runningMean(): (value: number) => number {
  let sum = 0
  let weight = 0
  return (value) => {
    sum = 0.95 * sum + value
    weight = 0.95 * weight + 1
    return sum / weight
  }
}

async function pretrainOn(
  out: string,
  tokenizer: Tokenizer,
  plan: DemoPlan,
  { seed, stream, ...options }: RunOptions,
): Promise<Pretraining | undefined> {
  const tokenizerFolder = join(out, 'tokenizer')
  await tokenizer.save(tokenizerFolder)
  const smooth = runningMean()
  const loss: Point[] = []
  const validLoss: Point[] = []
  let corpus = { tokens: 0, words: 0 }
  let bar = progress(stream, { label: 'pretrain', total: plan.pretrain.steps! })
  const report = await pretrain(
    { ...plan.pretrain, text: [join(out, 'texts', 'pretraining.txt')], documents: 'line', tokenizer: tokenizerFolder, seed },
    {
      out: join(out, 'pretrained'),
      ...options,
      onEvent(event) {
        if (event.kind === 'corpus') {
          corpus = { tokens: event.tokens, words: event.words }
        } else if (event.kind === 'model') {
          const { layers, hidden } = event.config
          stream.write(`model: ${layers} layers × ${hidden}, ${count(event.parameters)} parameters, causal\n`)
        } else if (event.kind === 'plan') {
          bar = progress(stream, { label: 'pretrain', total: event.steps })
        } else if (event.kind === 'step') {
          const mean = smooth(event.loss)
          loss.push([event.step, mean])
          bar.update(event.step, { loss: mean, tokens: event.tokens })
        } else if (event.kind === 'validation') {
          const value = event.report.loss / event.report.tokens
          validLoss.push([event.step, value])
          bar.update(event.step, { note: `validation ${value.toFixed(2)}` })
        }
      },
    },
  )
  bar.done()
  if (report.stopped) return undefined
  return { ...report, corpus, loss, validLoss }
}

/** TF-IDF with a linear classifier on each sample; the strength of its penalty is chosen by cross-validation on the sample. */
async function baseline({ train, valid, test, labels }: DemoData, stream: ProgressStream): Promise<{ contender: Contender; first: TfidfClassifier }> {
  const contender: Contender = {
    ...nothing,
    name: 'TF-IDF + linear',
    what: 'word counts',
    settings: 'words and pairs of words, penalty chosen by cross-validation',
  }
  let first: TfidfClassifier | undefined
  for (const [i, sample] of train.entries()) {
    const started = performance.now()
    const { report, accuracy } = await phase(
      stream,
      `seed ${i + 1}, TF-IDF + linear`,
      () => {
        const classifier = tfidfClassifier(sample, { seed: 1 })
        first ??= classifier
        contender.trained = labels.length * (classifier.features + 1)
        const judge = (examples: typeof test) => {
          const predicted = examples.map(({ text }) => labels.indexOf(classifier.predict(text)[0]!.label))
          return classificationReport(
            examples.map(({ label }) => labels.indexOf(label)),
            predicted,
            labels,
          )
        }
        return { accuracy: judge(valid).accuracy, report: judge(test) }
      },
      ({ accuracy }) => `validation ${(100 * accuracy).toFixed(1)} %`,
    )
    record(contender, { report, valid: accuracy, seconds: (performance.now() - started) / 1000 })
  }
  return { contender, first: first! }
}

const nothing = { accuracy: [], macroF1: [], valid: [], seconds: [], epochs: [], trained: 0 }

function record(contender: Contender, run: { report: ClassificationReport; valid: number; seconds: number; epochs?: number[] }): void {
  contender.accuracy = [...contender.accuracy, run.report.accuracy]
  contender.macroF1 = [...contender.macroF1, run.report.macroF1]
  contender.valid = [...contender.valid, run.valid]
  contender.seconds = [...contender.seconds, run.seconds]
  if (run.epochs) contender.epochs = [...contender.epochs, run.epochs]
}

export const schemeNames: Record<Scheme, { name: string; what: string }> = {
  scratch: { name: 'from scratch', what: 'everything, from random values' },
  frozen: { name: 'frozen', what: 'a head on the pretrained layers' },
  full: { name: 'full fine-tuning', what: 'everything, from the pretrained values' },
}

/** One scheme on each sample. The first sample's classifier is kept. Undefined where it was stopped. */
async function adaptations(
  backbone: Backbone,
  names: Pick<Contender, 'name' | 'what'>,
  settings: Partial<AdaptSettings>,
  { train, valid, test, labels }: DemoData,
  { seed, stream, ...options }: RunOptions,
): Promise<{ contender: Contender; first: { model: Classifier; report: ClassificationReport } } | undefined> {
  const contender: Contender = { ...nothing, ...names, settings: '' }
  let first: { model: Classifier; report: ClassificationReport } | undefined
  for (const [i, sample] of train.entries()) {
    const label = `seed ${i + 1}, ${names.name}`
    const smooth = runningMean()
    let bar = progress(stream, { label, total: 1 })
    const { model, report } = await adapt(backbone, classification({ labels }), {
      ...settings,
      ...options,
      train: sample,
      valid,
      test,
      seed: hash(seed, i),
      onEvent(event) {
        if (event.kind === 'plan') bar = progress(stream, { label, total: event.steps })
        else if (event.kind === 'step') bar.update(event.step, { loss: smooth(event.loss) })
        else if (event.kind === 'epoch') bar.update(event.step, { note: `validation ${(100 * event.scores.accuracy!).toFixed(1)} %` })
      },
    })
    bar.done(report.stopped ? 'stopped' : `best ${(100 * report.valid.accuracy).toFixed(1)} %`)
    if (report.stopped || !report.test) {
      await model.dispose()
      await first?.model.dispose()
      return undefined
    }
    const { pooling, epochs, batch, rate, dropout } = report.settings
    contender.trained = report.trained
    contender.settings = `rate ${rate}, ${epochs} epochs, batch ${batch}, pooling ${pooling}, dropout ${dropout}`
    record(contender, {
      report: report.test,
      valid: report.valid.accuracy,
      seconds: report.seconds,
      epochs: report.epochs.map(({ accuracy }) => accuracy),
    })
    if (first) await model.dispose()
    else first = { model, report: report.test }
  }
  return { contender, first: first! }
}
