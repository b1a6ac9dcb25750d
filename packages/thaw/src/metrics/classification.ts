// What a classifier got right and wrong: accuracy, macro-F1, the four numbers of each class, the confusion matrix and the mistakes that
// cost the most. Definitions as in Manning, Raghavan & Schütze, "Introduction to Information Retrieval" (2008), chapters 8 and 13.

export type ClassReport = {
  label: string
  /** Right among those predicted as this class; 0 where it was never predicted. */
  precision: number
  /** Right among those that are of this class; 0 where there are none. */
  recall: number
  /** Harmonic mean of the two; 0 where both are 0. */
  f1: number
  /** How many examples are of this class. */
  support: number
  /** How many examples were predicted as this class. */
  predicted: number
}

export type ClassificationReport = {
  examples: number
  accuracy: number
  /** Mean of the classes' F1, over the classes that occur in the truth or in the predictions. */
  macroF1: number
  classes: ClassReport[]
  /** `confusion[truth][predicted]`: counts. */
  confusion: number[][]
}

/**
 * Accuracy, macro-F1, precision, recall, F1 and support of each class, and the confusion matrix (`confusion[truth][predicted]`).
 *
 * `truth` and `predicted` hold indices into `labels`. Rates are fractions in [0, 1]. A rate whose denominator is 0 is 0. A class that occurs
 * neither in the truth nor in the predictions takes no part in macro-F1 (scikit-learn's default does the same).
 *
 * ```ts
 * classificationReport([0, 0, 1], [0, 1, 1], ['cat', 'dog']).accuracy   // 0.666…
 * ```
 */
export function classificationReport(truth: ArrayLike<number>, predicted: ArrayLike<number>, labels: readonly string[]): ClassificationReport {
  if (truth.length !== predicted.length) {
    throw new RangeError(
      `classificationReport: truth has ${truth.length} examples, predicted has ${predicted.length}; pass one prediction for each example`,
    )
  }
  const confusion = labels.map(() => labels.map(() => 0))
  for (let i = 0; i < truth.length; i++) {
    confusion[classIndex('truth', truth, i, labels)]![classIndex('predicted', predicted, i, labels)]! += 1
  }
  const classes = labels.map((label, k): ClassReport => {
    const hits = confusion[k]![k]!
    const support = sum(confusion[k]!)
    const claimed = sum(confusion.map((row) => row[k]!))
    const f1 = ratio(2 * hits, support + claimed) // = 2PR / (P + R), and 0 where both are 0
    return { label, precision: ratio(hits, claimed), recall: ratio(hits, support), f1, support, predicted: claimed }
  })
  const present = classes.filter((row) => row.support + row.predicted > 0)
  return {
    examples: truth.length,
    accuracy: ratio(sum(confusion.map((row, k) => row[k]!)), truth.length),
    macroF1: ratio(sum(present.map((row) => row.f1)), present.length),
    classes,
    confusion,
  }
}

export type Mistake<T> = {
  example: T
  /** Where the example stood in `examples`. */
  index: number
  /** Index of the class it should have been. */
  truth: number
  /** Index of the class with the highest probability. */
  predicted: number
  /** −ln p(truth), in nats; infinite where the model gave the truth no chance. */
  loss: number
  /** Probability of the predicted class. */
  confidence: number
}

/**
 * The wrongly classified examples with the highest loss −ln p(truth), worst first: the place to look for label noise and blind spots.
 *
 * `probabilities[i]` holds the class probabilities of `examples[i]`, whose true class is `examples[i].label` (an index). At most `n` come back,
 * fewer where fewer are wrong; equal losses keep the order of the data. `decided` says which class a row stands for, by default the most probable.
 *
 * ```ts
 * worstMistakes([{ text: 'meow', label: 0 }], [[0.1, 0.9]], 5)   // [{ index: 0, truth: 0, predicted: 1, loss: 2.30…, confidence: 0.9, … }]
 * ```
 */
export function worstMistakes<T extends { label: number }>(
  examples: readonly T[],
  probabilities: readonly ArrayLike<number>[],
  n: number,
  decided: (row: ArrayLike<number>) => number = largest,
): Mistake<T>[] {
  if (examples.length !== probabilities.length) {
    throw new RangeError(
      `worstMistakes: ${examples.length} examples but ${probabilities.length} rows of probabilities; pass one row for each example`,
    )
  }
  const mistakes: Mistake<T>[] = []
  examples.forEach((example, index) => {
    const row = probabilities[index]!
    const chance = row[example.label]
    if (chance === undefined) {
      throw new RangeError(`worstMistakes: examples[${index}].label is ${example.label}, but its row of probabilities has ${row.length} classes`)
    }
    const predicted = decided(row)
    if (predicted !== example.label) {
      mistakes.push({ example, index, truth: example.label, predicted, loss: -Math.log(chance), confidence: row[predicted]! })
    }
  })
  return mistakes.sort((a, b) => (a.loss === b.loss ? a.index - b.index : b.loss - a.loss)).slice(0, n)
}

function largest(row: ArrayLike<number>): number {
  let best = 0
  for (let k = 1; k < row.length; k++) if (row[k]! > row[best]!) best = k
  return best
}

function classIndex(name: string, values: ArrayLike<number>, at: number, labels: readonly string[]): number {
  const value = values[at]!
  if (!Number.isInteger(value) || value < 0 || value >= labels.length) {
    throw new RangeError(
      `classificationReport: ${name}[${at}] is ${value}, expected an index into the ${labels.length} labels (${labels.join(', ')})`,
    )
  }
  return value
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole)
