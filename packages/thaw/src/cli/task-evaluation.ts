// How well a model of any task does on labelled examples, as commands print it: scores, and the examples that it is most wrong about.

import type { ChoiceModel, ChoiceReport, Classifier, MultiLabelModel, Regressor } from '../adapt/index.js'
import type { Models } from '../adapt/kinds.js'
import type { Example } from '../data/index.js'
import { counted } from '../log/format.js'
import { table } from '../log/table.js'
import type { RegressionReport } from '../metrics/correlation.js'
import { choiceIndex } from '../tasks/multiple-choice.js'
import type { Task } from '../tasks/task.js'
import { type Evaluation, evaluation, formatDetails, formatScores } from './evaluation.js'
import { formatMultiLabelDetails, formatMultiLabelScores, type MultiLabelEvaluation, multiLabelEvaluation } from './multi-label-evaluation.js'
import { namedResult, percent } from './screen.js'

/** An example that a model is wrong about: what was right, what it said. */
interface Wrong {
  line: number
  text: string
  truth: string
  predicted: string
}

export type TaskEvaluation =
  | Evaluation
  | MultiLabelEvaluation
  | { kind: 'regression'; report: RegressionReport; wrong: Wrong[] }
  | { kind: 'multiple-choice'; report: ChoiceReport; wrong: Wrong[] }

interface EvaluationOptions {
  mistakes: number
  trained?: readonly Example[]
}

/** Evaluates a model of the task; `mistakes` says how many examples to keep. */
export async function evaluateTask(
  task: Task,
  model: Models[Task['kind']],
  examples: readonly Example[],
  options: EvaluationOptions,
): Promise<TaskEvaluation> {
  if (task.kind === 'classification') return evaluation(model as Classifier, examples, options)
  if (task.kind === 'multi-label') return multiLabelEvaluation(model as MultiLabelModel, examples, options)
  return task.kind === 'regression' ? ofRegression(model as Regressor, examples, options) : ofChoices(model as ChoiceModel, examples, options)
}

const textOf = ({ text, pair }: Example): string => (pair === undefined ? text : `${text} | ${pair}`)

async function ofRegression(model: Regressor, examples: readonly Example[], { mistakes }: EvaluationOptions): Promise<TaskEvaluation> {
  const { report, values } = await model.evaluate(examples)
  const error = (i: number) => Math.abs(values[i]! - Number(examples[i]!.label))
  const worst = [...examples.keys()].sort((a, b) => error(b) - error(a) || a - b).slice(0, mistakes)
  const wrong = worst.map((i) => ({
    line: examples[i]!.line,
    text: textOf(examples[i]!),
    truth: examples[i]!.label!,
    predicted: values[i]!.toFixed(2),
  }))
  return { kind: 'regression', report, wrong }
}

async function ofChoices(model: ChoiceModel, examples: readonly Example[], { mistakes }: EvaluationOptions): Promise<TaskEvaluation> {
  const { report, choices } = await model.evaluate(examples)
  const wrong = examples
    .map(({ line, text, choices: own = [], label }, i) => {
      const [right, { best, probabilities }] = [choiceIndex(own, label), choices[i]!]
      return { line, text, truth: own[right]!, predicted: own[best]!, missed: best === right ? 0 : probabilities[best]! }
    })
    .filter(({ missed }) => missed > 0)
    .sort((a, b) => b.missed - a.missed)
    .slice(0, mistakes)
  return { kind: 'multiple-choice', report, wrong: wrong.map(({ missed: _, ...rest }) => rest) }
}

/** The columns of a table over seeds, shown times 100. */
export function scoreColumns(found: TaskEvaluation): { title: string; value: number }[] {
  if (found.kind === 'regression')
    return [
      { title: 'Pearson', value: found.report.pearson },
      { title: 'Spearman', value: found.report.spearman },
    ]
  if (found.kind === 'multi-label')
    return [
      { title: 'micro-F1', value: found.report.microF1 },
      { title: 'macro-F1', value: found.report.macroF1 },
    ]
  const accuracy = { title: 'accuracy', value: found.report.accuracy }
  return found.kind === 'classification' ? [accuracy, { title: 'macro-F1', value: found.report.macroF1 }] : [accuracy]
}

/** The main score in a few words: `91.2 %`, `micro-F1 88.0 %`, or `Pearson 0.870, Spearman 0.861`. */
export function mainScore(found: TaskEvaluation): string {
  if (found.kind === 'regression') return `Pearson ${found.report.pearson.toFixed(3)}, Spearman ${found.report.spearman.toFixed(3)}`
  return found.kind === 'multi-label' ? `micro-F1 ${percent(found.report.microF1)}` : percent(found.report.accuracy)
}

/** The scores in a line or two. */
export function formatTaskScores(name: string, found: TaskEvaluation): string {
  if (found.kind === 'classification') return formatScores(name, found)
  if (found.kind === 'multi-label') return formatMultiLabelScores(name, found)
  const { report } = found
  if (found.kind === 'multiple-choice') return namedResult(name, `accuracy ${percent(found.report.accuracy)}, ${counted(report.examples, 'example')}`)
  const { meanAbsoluteError } = found.report
  return namedResult(name, `${mainScore(found)}, mean error ${meanAbsoluteError.toPrecision(2)}, ${counted(report.examples, 'example')}`)
}

/** Classes, confusions and mistakes of a classifier; of other models the examples that they are most wrong about. */
export function formatTaskDetails(found: TaskEvaluation, columns = 100): string {
  if (found.kind === 'classification') return formatDetails(found, columns)
  if (found.kind === 'multi-label') return formatMultiLabelDetails(found, columns)
  if (found.wrong.length === 0) return 'no mistakes'
  const cell = { width: found.kind === 'regression' ? 9 : Math.max(12, Math.floor(columns / 4)) }
  const text = { title: 'text', width: Math.max(20, columns - 2 * cell.width - 14) }
  const rows = found.wrong.map(({ line, truth, predicted, text }) => [line, truth, predicted, text])
  return `the worst mistakes\n${table(rows, ['line', { title: 'truth', ...cell }, { title: 'predicted', ...cell }, text])}`
}
