// The demo's results as text: the table, the gain with its error, fresh texts, and what to do next.

import { relative } from 'node:path'
import { count, duration } from '../log/format.js'
import { table } from '../log/table.js'
import { formatMeanDeviation, type MeanDeviation, meanDeviation } from '../metrics/deviation.js'
import type { Contender, DemoResult } from './demo.js'
import { quickPlan } from './settings.js'

/** The gain of full fine-tuning over training from scratch in accuracy, in points, seed by seed: both see the same labelled texts. */
export function gain({ contenders }: Pick<DemoResult, 'contenders'>): MeanDeviation {
  const accuracy = (name: string) => contenders.find((contender) => contender.name === name)!.accuracy
  const scratch = accuracy('from scratch')
  return meanDeviation(accuracy('full fine-tuning').map((value, i) => 100 * (value - scratch[i]!)))
}

/** A sentence of {@link gain}. */
export function gainSentence(result: Pick<DemoResult, 'contenders'>): string {
  const { mean, error, n } = gain(result)
  const points = `${Math.abs(mean).toFixed(1)} points`
  const verb = mean >= 0 ? `gains ${points} on` : `loses ${points} to`
  return `Full fine-tuning ${verb} scratch${n > 1 ? ` (standard error ${error.toFixed(1)}, ${n} seeds)` : ''}.`
}

export const resultColumns = ['scheme', 'accuracy %', 'macro-F1 %', 'trained', 'time a run']

/** A row of results: mean ± deviation over the seeds. */
export function resultRow({ name, accuracy, macroF1, trained, seconds }: Contender): string[] {
  return [
    name,
    formatMeanDeviation(accuracy, { scale: 100 }),
    formatMeanDeviation(macroF1, { scale: 100 }),
    count(trained, { short: true }),
    duration(meanDeviation(seconds).mean),
  ]
}

/** Everything that is printed at the end, at most 80 columns wide. */
export function summary(result: DemoResult, out: string): string {
  const { data, contenders, pretraining, fresh, seconds, plan } = result
  const folder = relative(process.cwd(), out) || '.'
  const n = data.train.length
  const seeds = n === 1 ? 'one seed' : `mean ± deviation over ${n} seeds (other labels, other random values)`
  const top = ({ label, score }: { label: string; score: number }) => `${label} ${Math.round(100 * score)} %`
  return [
    '',
    table(contenders.map(resultRow), resultColumns),
    '',
    `${count(plan.data.test)} test definitions, ${count(plan.data.train)} labelled ones to learn from;`,
    `${seeds}.`,
    `Pretraining took ${duration(pretraining.seconds)}, once.`,
    gainSentence(result),
    ...(plan === quickPlan ? ['This was the quick run: too short to learn much, so its numbers say little.'] : []),
    '',
    table(
      fresh.map(({ text, full, tfidf }) => [text, top(full[0]!), top(tfidf[0]!)]),
      [{ title: 'fresh text', width: 42 }, 'full fine-tuning', 'TF-IDF + linear'],
    ),
    '',
    `All in ${duration(seconds)}. Curves and mistakes: ${folder}/report.html`,
    '',
    'What next:',
    `  npx thaw predict ${folder}/classifier "a spicy dish of rice and fish"`,
    `  npx thaw adapt ${folder}/pretrained --train ${folder}/texts/train.jsonl -o own`,
    "  npx thaw pretrain --text 'your/*.txt' --out your-model",
  ].join('\n')
}
