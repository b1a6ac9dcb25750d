// How well a model with several labels a text does on labelled examples, as commands print it: F1 over all decisions and over the labels, each label with its
// threshold, and the examples whose sets of labels are the most wrong.

import type { MultiLabelModel } from '../adapt/index.js'
import { type Example, sameText } from '../data/index.js'
import { count, counted } from '../log/format.js'
import { table } from '../log/table.js'
import { type MultiLabelReport, multiLabelReport, worstSets } from '../metrics/multi-label.js'
import { reached } from '../metrics/thresholds.js'
import { labelIds } from '../tasks/multi-label.js'
import { namedResult, percent } from './screen.js'

export interface MultiLabelEvaluation {
  kind: 'multi-label'
  report: MultiLabelReport
  /** By label, where they were chosen. */
  thresholds?: readonly number[]
  /** On the examples whose text is not among the training texts; undefined where all are, or none is. */
  unseen?: { examples: number; microF1: number }
  wrong: { line: number; text: string; truth: string; predicted: string }[]
}

/** Evaluates; `trained` are the texts that training saw, `mistakes` how many of the worst mistakes to keep. */
export async function multiLabelEvaluation(
  model: MultiLabelModel,
  examples: readonly Example[],
  { mistakes, trained = [] }: { mistakes: number; trained?: readonly Example[] },
): Promise<MultiLabelEvaluation> {
  const { labels, thresholds } = model
  const { report, probabilities } = await model.evaluate(examples as (Example & { labels: string[] })[])
  const truth = examples.map(({ labels: own }) => labelIds(labels, own))
  const predicted = probabilities.map((row) => reached(row, thresholds))
  const known = new Set(trained.map(sameText))
  const fresh = examples.flatMap((example, i) => (known.has(sameText(example)) ? [] : [i]))
  const partly = fresh.length > 0 && fresh.length < examples.length
  const of = (sets: readonly (readonly number[])[]) => fresh.map((i) => sets[i]!)
  return {
    kind: 'multi-label',
    report,
    ...(thresholds ? { thresholds } : {}),
    ...(partly ? { unseen: { examples: fresh.length, microF1: multiLabelReport(of(truth), of(predicted), labels).microF1 } } : {}),
    wrong: worstSets(examples, truth, probabilities, predicted, mistakes).map(({ example, truth, predicted }) => ({
      line: example.line,
      text: example.pair === undefined ? example.text : `${example.text} | ${example.pair}`,
      truth: setText(labels, truth),
      predicted: setText(labels, predicted),
    })),
  }
}

const setText = (labels: readonly string[], set: readonly number[]): string => (set.length === 0 ? 'none' : set.map((k) => labels[k]!).join(', '))

/** micro-F1, macro-F1 and the share of whole sets that are right, in one or two lines. */
export function formatMultiLabelScores(name: string, { report, thresholds, unseen }: MultiLabelEvaluation): string {
  const { microF1, macroF1, accuracy, examples } = report
  const chosen = name === 'validation' && thresholds ? '; the thresholds were chosen on them' : ''
  const scores = `micro-F1 ${percent(microF1)}, macro-F1 ${percent(macroF1)}, all labels right ${percent(accuracy)}, ${counted(examples, 'example')}${chosen}`
  const lines = [namedResult(name, scores)]
  if (unseen)
    lines.push(namedResult('', `micro-F1 ${percent(unseen.microF1)} on the ${count(unseen.examples)} that are not among the training texts`))
  return lines.join('\n')
}

/** More labels than this are not listed one by one. */
const longestList = 30
/** So many are shown of what is too much to be shown whole. */
const shown = 15

/** The labels (the weakest, where there are many), and the worst mistakes. */
export function formatMultiLabelDetails({ report, thresholds, wrong }: MultiLabelEvaluation, columns = 100): string {
  const all = report.classes.map((row, k) => ({ ...row, threshold: thresholds?.[k] ?? 0.5 }))
  const present = all.filter(({ support, predicted }) => support + predicted > 0)
  const many = all.length > longestList
  const classes = many ? [...present].sort((a, b) => a.f1 - b.f1 || b.support - a.support).slice(0, shown) : all
  const tenth = (value: number) => (100 * value).toFixed(1)
  const rows = classes.map((x) => [x.label, tenth(x.precision), tenth(x.recall), tenth(x.f1), x.support, x.predicted, x.threshold.toFixed(3)])
  const parts = [
    ...(many ? [`${count(all.length)} labels, ${count(present.length)} of them among these examples; the ${classes.length} with the lowest F1`] : []),
    table(rows, ['label', 'precision', 'recall', 'F1', 'examples', 'predicted', 'threshold']),
  ].join('\n')
  if (wrong.length === 0) return parts
  const longest = Math.max(9, ...wrong.map(({ truth, predicted }) => Math.max(truth.length, predicted.length)))
  const set = Math.min(longest, Math.floor(columns / 4))
  const body = wrong.map(({ line, truth, predicted, text }) => [line, truth, predicted, text])
  const text = { title: 'text', width: Math.max(20, columns - 2 * set - 14) }
  return `${parts}\n\nthe worst mistakes\n${table(body, ['line', { title: 'truth', width: set }, { title: 'predicted', width: set }, text])}`
}
