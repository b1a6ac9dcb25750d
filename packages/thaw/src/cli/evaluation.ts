// How well a classifier does on labelled examples, as commands print it: accuracy and macro-F1, classes, confusions, the worst mistakes.

import type { Classifier } from '../adapt/index.js'
import type { Example } from '../data/index.js'
import { sameText } from '../data/index.js'
import { count, counted } from '../log/format.js'
import { table } from '../log/table.js'
import { type ClassificationReport, worstMistakes } from '../metrics/classification.js'
import { formatClasses, formatConfusion } from '../metrics/confusion.js'
import { decide } from '../metrics/thresholds.js'
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
  kind: 'classification'
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
  const right = fresh.filter((i) => decide(probabilities[i]!, model.thresholds) === withIds[i]!.label)
  const partly = fresh.length > 0 && fresh.length < examples.length
  return {
    kind: 'classification',
    report,
    ...(partly ? { unseen: { examples: fresh.length, accuracy: right.length / fresh.length } } : {}),
    mistakes: worstMistakes(withIds, probabilities, mistakes, (row) => decide(row, model.thresholds)).map(
      ({ example, truth, predicted, confidence }) => ({
        line: example.line,
        text: example.pair === undefined ? example.text : `${example.text} | ${example.pair}`,
        truth: labels[truth]!,
        predicted: labels[predicted]!,
        confidence,
      }),
    ),
  }
}

/** Accuracy and macro-F1 in one or two lines. */
export function formatScores(name: string, { report, unseen }: Evaluation): string {
  const lines = [
    namedResult(name, `accuracy ${percent(report.accuracy)}, macro-F1 ${percent(report.macroF1)}, ${counted(report.examples, 'example')}`),
  ]
  if (unseen)
    lines.push(namedResult('', `accuracy ${percent(unseen.accuracy)} on the ${count(unseen.examples)} that are not among the training texts`))
  return lines.join('\n')
}

/** More labels than this do not fit beside each other. */
const widestMatrix = 12
/** More labels than this are not listed one by one. */
const longestList = 30
/** So many are shown of what is too much to be shown whole. */
const shown = 15

/** Classes, confusion matrix (the weakest classes, the commonest confusions, where there are many labels) and the worst mistakes. */
export function formatDetails({ report, mistakes }: Evaluation, columns = 100): string {
  const parts = [report.classes.length <= longestList ? classTable(report) : weakestClasses(report)]
  parts.push(report.classes.length <= widestMatrix ? formatConfusion(report) : commonConfusions(report))
  if (mistakes.length > 0) {
    const rows = mistakes.map(({ line, truth, predicted, confidence, text }) => [line, truth, predicted, percent(confidence), text])
    const label = { width: 24 }
    const labelWidth = Math.min(label.width, Math.max(9, ...mistakes.map((x) => Math.max(x.truth.length, x.predicted.length))))
    const width = Math.max(20, columns - 2 - 8 - 10 - 2 * labelWidth)
    parts.push(
      `the worst mistakes\n${table(rows, ['line', { title: 'truth', ...label }, { title: 'predicted', ...label }, 'sure', { title: 'text', width }])}`,
    )
  }
  return parts.join('\n\n')
}

/** The table without its last line: accuracy and macro-F1 stand above it already. */
const classTable = (report: ClassificationReport): string => formatClasses(report).split('\n').slice(0, -1).join('\n')

function weakestClasses(report: ClassificationReport): string {
  const present = report.classes.filter(({ support }) => support > 0)
  const classes = present.sort((a, b) => a.f1 - b.f1 || b.support - a.support).slice(0, shown)
  return `${count(report.classes.length)} classes, ${count(present.length)} of them among these examples; the ${classes.length} with the lowest F1\n${classTable({ ...report, classes })}`
}

function commonConfusions({ classes, confusion }: ClassificationReport): string {
  const rows = confusion
    .flatMap((counts, truth) => counts.map((n, predicted) => ({ truth, predicted, n })))
    .filter(({ truth, predicted, n }) => truth !== predicted && n > 0)
    .sort((a, b) => b.n - a.n)
    .slice(0, shown)
    .map(({ truth, predicted, n }) => [classes[truth]!.label, classes[predicted]!.label, n])
  return rows.length === 0 ? 'no confusions' : `the commonest confusions\n${table(rows, ['truth', 'predicted', 'times'])}`
}
