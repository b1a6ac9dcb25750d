// How well a classifier does on labelled examples, as commands print it: accuracy and macro-F1, classes, confusions, the worst mistakes.

import type { Classifier } from '../adapt/index.js'
import type { Example } from '../data/index.js'
import { sameText } from '../data/index.js'
import { count } from '../log/format.js'
import { table } from '../log/table.js'
import { type ClassificationReport, worstMistakes } from '../metrics/classification.js'
import { formatClasses, formatConfusion } from '../metrics/confusion.js'
import { namedResult, percent } from './screen.js'

export interface MistakenExample {
  line: number
  text: string
  truth: string
  predicted: string
  /** Probability of what was predicted. */
  confidence: number
}

export interface Evaluation {
  report: ClassificationReport
  /** Accuracy on the examples whose text is not among the training texts; undefined where all are, or none is. */
  unseen?: { examples: number; accuracy: number }
  mistakes: MistakenExample[]
}

/** Evaluates; `trained` are the texts that training saw, `mistakes` how many of the worst mistakes to keep. */
export async function evaluation(
  model: Classifier,
  examples: readonly Example[],
  { mistakes, trained = [] }: { mistakes: number; trained?: readonly Example[] },
): Promise<Evaluation> {
  const { report, probabilities } = await model.evaluate(examples as (Example & { label: string })[])
  const { labels } = model
  const withIds = examples.map((example) => ({ ...example, name: example.label, label: labels.indexOf(example.label!) }))
  const known = new Set(trained.map(sameText))
  const fresh = examples.flatMap((example, i) => (known.has(sameText(example)) ? [] : [i]))
  const right = fresh.filter((i) => probabilities[i]!.indexOf(Math.max(...probabilities[i]!)) === withIds[i]!.label)
  const partly = fresh.length > 0 && fresh.length < examples.length
  return {
    report,
    ...(partly ? { unseen: { examples: fresh.length, accuracy: right.length / fresh.length } } : {}),
    mistakes: worstMistakes(withIds, probabilities, mistakes).map(({ example, truth, predicted, confidence }) => ({
      line: example.line,
      text: example.pair === undefined ? example.text : `${example.text} | ${example.pair}`,
      truth: labels[truth]!,
      predicted: labels[predicted]!,
      confidence,
    })),
  }
}

/** Accuracy and macro-F1 in one or two lines. */
export function formatScores(name: string, { report, unseen }: Evaluation): string {
  const lines = [namedResult(name, `accuracy ${percent(report.accuracy)}, macro-F1 ${percent(report.macroF1)}, ${count(report.examples)} examples`)]
  if (unseen)
    lines.push(namedResult('', `accuracy ${percent(unseen.accuracy)} on the ${count(unseen.examples)} that are not among the training texts`))
  return lines.join('\n')
}

/** More labels than this do not fit beside each other. */
const widestMatrix = 12

/** Classes, confusion matrix (the commonest confusions, where there are many labels) and the worst mistakes. */
export function formatDetails({ report, mistakes }: Evaluation, columns = 100): string {
  const parts = [formatClasses(report).split('\n').slice(0, -1).join('\n')]
  parts.push(report.classes.length <= widestMatrix ? formatConfusion(report) : commonConfusions(report))
  if (mistakes.length > 0) {
    const rows = mistakes.map(({ line, truth, predicted, confidence, text }) => [line, truth, predicted, percent(confidence), text])
    const width = Math.max(20, columns - 2 - 8 - 10 - 2 * Math.max(9, ...mistakes.map((x) => Math.max(x.truth.length, x.predicted.length))))
    parts.push(`the worst mistakes\n${table(rows, ['line', 'truth', 'predicted', 'sure', { title: 'text', width }])}`)
  }
  return parts.join('\n\n')
}

function commonConfusions({ classes, confusion }: ClassificationReport): string {
  const rows = confusion
    .flatMap((counts, truth) => counts.map((n, predicted) => ({ truth, predicted, n })))
    .filter(({ truth, predicted, n }) => truth !== predicted && n > 0)
    .sort((a, b) => b.n - a.n)
    .slice(0, 15)
    .map(({ truth, predicted, n }) => [classes[truth]!.label, classes[predicted]!.label, n])
  return rows.length === 0 ? 'no confusions' : `the commonest confusions\n${table(rows, ['truth', 'predicted', 'times'])}`
}
