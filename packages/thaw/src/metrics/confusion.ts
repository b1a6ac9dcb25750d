// A classification report as text for the terminal: the table of classes and the confusion matrix.
import { table } from '../log/table.js'
import type { ClassificationReport } from './classification.js'

/**
 * The confusion matrix as an aligned text table: rows are the truth, columns what was predicted, `·` stands for none.
 *
 * ```ts
 * console.log(formatConfusion(classificationReport([0, 0, 1], [0, 1, 1], ['cat', 'dog'])))
 * // truth \ predicted  cat  dog
 * // ─────────────────  ───  ───
 * // cat                  1    1
 * // dog                  ·    1
 * ```
 */
export function formatConfusion(report: ClassificationReport): string {
  const labels = report.classes.map((row) => row.label)
  const rows = report.confusion.map((counts, truth) => [labels[truth]!, ...counts.map((count) => (count === 0 ? '·' : String(count)))])
  return table(rows, [{ title: 'truth \\ predicted' }, ...labels.map((title) => ({ title, align: 'right' as const }))])
}

/** Precision, recall, F1 (per cent) and support of each class as an aligned text table, with accuracy and macro-F1 on the last line. */
export function formatClasses(report: ClassificationReport): string {
  const percent = (value: number) => (100 * value).toFixed(1)
  const rows = report.classes.map((row) => [row.label, percent(row.precision), percent(row.recall), percent(row.f1), row.support])
  const text = table(rows, ['class', 'precision', 'recall', 'F1', 'examples'])
  return `${text}\naccuracy ${percent(report.accuracy)} %, macro-F1 ${percent(report.macroF1)} %, ${report.examples} examples`
}
