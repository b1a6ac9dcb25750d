// The demo's results as one HTML page.

import { count, duration } from '../log/format.js'
import { meanDeviation } from '../metrics/deviation.js'
import { htmlReport } from '../report/report.js'
import type { Point, Section } from '../report/sections.js'
import type { Contender, DemoResult } from './demo.js'
import { gainSentence, resultColumns, resultRow } from './summary.js'

/** The page, self-contained. */
export function demoPage(result: DemoResult): string {
  const { plan, data, contenders, pretraining, report, fresh, seed } = result
  const { tokens, words } = pretraining.corpus
  const n = data.train.length
  const sections: Section[] = [
    { kind: 'prose', paragraphs: [gainSentence(result)] },
    {
      kind: 'bars',
      title: 'Test accuracy',
      text: `${count(plan.data.test)} definitions that nothing was trained on or chosen by; ${count(plan.data.train)} labelled ones to learn from. Mean over ${n} seed${n === 1 ? '' : 's'}, the whisker is the deviation.`,
      value: { title: 'accuracy in %', from: 0, to: 100 },
      bars: contenders.map(({ name, what, accuracy }) => {
        const { mean, deviation } = meanDeviation(accuracy)
        return { name, note: what, mean: 100 * mean, deviation: 100 * deviation }
      }),
    },
    { kind: 'table', columns: resultColumns, rows: contenders.map(resultRow) },
    {
      kind: 'lines',
      title: 'Pretraining',
      text: `A causal language model of ${count(pretraining.parameters)} parameters reads ${count(pretraining.tokens)} tokens in ${duration(pretraining.seconds)}.`,
      x: { title: 'step' },
      y: { title: 'loss in nats a token' },
      series: [
        { name: 'training (running mean)', points: pretraining.loss },
        { name: 'validation', points: pretraining.validLoss },
      ],
    },
    {
      kind: 'lines',
      title: 'Adaptation',
      text: `Accuracy on ${count(plan.data.valid)} validation definitions after each epoch, mean over the seeds. The best epoch of each run is kept.`,
      x: { title: 'epoch' },
      y: { title: 'validation accuracy in %' },
      series: contenders.filter(({ epochs }) => epochs.length > 0).map(({ name, epochs }) => ({ name, points: meanCurve(epochs) })),
    },
    {
      kind: 'predictions',
      title: 'Fresh texts',
      text: 'Written for the demo; the truth is what a reader would say. Full fine-tuning, first seed, the three most probable categories.',
      predictions: fresh.map(({ text, truth, full }) => ({ text, truth, scores: full.slice(0, 3) })),
    },
    {
      kind: 'confusion',
      title: 'What is taken for what',
      text: 'Full fine-tuning, first seed, test definitions.',
      labels: data.labels,
      confusion: report.confusion,
    },
    {
      kind: 'facts',
      title: 'How it was made',
      facts: {
        Text: `WordNet 3.1: ${count(data.text.length)} glosses with their examples, ${count(words)} words, ${count(tokens)} tokens, in random order`,
        Labels: `lexicographers' categories of nouns with at least 2,000 entries; definitions without their examples, in natural proportions`,
        'Held out': `no labelled definition (training, validation, test) and no duplicate of one is in the tokenizer's or the pretraining text; validation and test share no text with training`,
        Choices: 'settings and epochs by validation; the test definitions were looked at once, at the end of each run',
        Seeds: `${n}, from ${seed}: other labelled definitions, initial values and orders; one pretrained model, so the deviation does not contain that of pretraining`,
        ...Object.fromEntries(contenders.map((contender) => [contender.name, whatAndHow(contender)])),
      },
    },
  ]
  const subtitle = `What pretraining on plain text is worth: definitions to ${data.labels.length} categories, with ${count(plan.data.train)} labels`
  return htmlReport({ title: 'thaw demo', subtitle, sections })
}

const whatAndHow = ({ what, settings }: Contender): string => `${what}; ${settings}`

/** The mean over the seeds after each epoch, in %. */
function meanCurve(runs: readonly (readonly number[])[]): Point[] {
  return runs[0]!.map((_, epoch) => [epoch + 1, 100 * meanDeviation(runs.map((run) => run[epoch]!)).mean])
}
